"""Build one image into staging: every platform, on bases pinned by digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shipway.flows.yard import Voyage, Yard
from shipway.oci.manifest import Descriptor, index_of
from shipway.planning.plan import Step, wanted_platforms
from shipway.ports import BuildRequest, Engine
from shipway.values import Digest, Platform, Reference

REVISION_LABEL = "org.opencontainers.image.revision"
FINGERPRINT_LABEL = "io.shipway.fingerprint"


@dataclass(frozen=True, slots=True)
class Staged:
    """A built image in staging: ``reference`` is by ``digest``. ``pins`` are the bases the engine pulled."""

    reference: Reference
    digest: Digest
    platforms: tuple[Platform, ...]
    pins: frozenset[Reference]


async def build(yard: Yard, voyage: Voyage, step: Step, bases: Mapping[str, Digest]) -> Staged:
    """Build every platform of a step. ``bases`` are the digests of the images of the fleet it needs."""
    image = voyage.image(step.image)
    engine = await yard.engine()
    platforms = wanted_platforms(image, (await engine.probe()).native)
    pins = await _pins(yard, voyage, step, bases)
    staged = yard.staging.locate(step.repository)
    labels = {FINGERPRINT_LABEL: step.fingerprint}
    if voyage.commit:
        labels[REVISION_LABEL] = voyage.commit
    built = []
    for platform in platforms:
        request = yard.recipes.request(image, platform, pins, labels)
        descriptor = await _build_platform(yard, engine, request, staged, voyage.run)
        built.append((descriptor, platform))
        yard.emit("build.done", step.image, platform=str(platform), digest=descriptor.digest)
    digest = await _joined(yard, staged, built)
    return Staged(staged.with_digest(digest), digest, platforms, frozenset(pins.values()))


async def _build_platform(
    yard: Yard, engine: Engine, request: BuildRequest, staged: Reference, run: int
) -> Descriptor:
    def on_line(line: str) -> None:
        yard.events.output(request.name, line)

    image_id = await engine.build(request, on_line)
    tagged = staged.with_tag(f"shipway-run-{run}-{str(request.platform).replace('/', '-')}")
    try:
        await engine.push(image_id, tagged, on_line)
    finally:
        await engine.remove(image_id)
    manifest = await yard.registry.manifest(tagged)
    await yard.registry.delete(tagged)
    return manifest.descriptor


async def _joined(yard: Yard, staged: Reference, built: list[tuple[Descriptor, Platform]]) -> Digest:
    """The digest of the only platform's manifest, else of an index over all of them."""
    if len(built) == 1:
        return built[0][0].parsed_digest
    index = index_of(built)
    return await yard.registry.put_manifest(staged.with_digest(index.digest), index)


async def _pins(yard: Yard, voyage: Voyage, step: Step, bases: Mapping[str, Digest]) -> dict[str, Reference]:
    """For each base of the fleet the staged reference, by digest, that the engine shall use."""
    pins = {}
    for base in voyage.image(step.image).bases:
        if base.image is None or base.image not in bases:
            continue
        destination = voyage.step(base.image).repository
        staged = yard.staging.locate(destination).with_digest(bases[base.image])
        if await yard.registry.head(staged) is None:
            source = yard.staging.real(destination).with_digest(bases[base.image])
            await yard.registry.copy(source, staged)
        pins[base.reference] = staged
    return pins
