"""Build one image: each platform by the builder chosen for it, on bases pinned by digest, and an index.

Nothing gets a tag here, so whoever fails on the way leaves nothing that anybody would find.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shipway.errors import CannotAssemble
from shipway.flows.parts import PART_BUILT, find_parts
from shipway.flows.yard import Voyage, Yard
from shipway.oci.manifest import index_of
from shipway.planning.parts import part_tag
from shipway.planning.plan import Step
from shipway.ports import Builder, BuildRequest, Built
from shipway.values import Digest, Platform, Reference

REVISION_LABEL = "org.opencontainers.image.revision"


@dataclass(frozen=True, slots=True)
class Staged:
    """A built image: ``reference`` is by ``digest``, in staging, or at its destination already. ``tools`` are
    what built it, with their versions."""

    reference: Reference
    digest: Digest
    platforms: tuple[Platform, ...]
    tools: tuple[str, ...] = ()


async def build(yard: Yard, voyage: Voyage, step: Step, bases: Mapping[str, Digest]) -> Staged:
    """Build every platform of a step that is not there yet, and join them. ``bases`` are the digests of the
    images of the fleet it needs.

    Builders work side by side, each one on a platform at a time. When one fails the others go on, and what
    they build is found by the next try. Raises what the first failure raised.
    """
    site = _Site(yard, voyage, step, bases)
    image = voyage.image(step.image)
    declared = tuple(map(Platform.parse, step.platforms))
    platforms = declared or (await yard.builders.native(),)
    seeks = voyage.seeks_parts or len(platforms) > 1
    built = await find_parts(yard, step, platforms) if seeks else {}
    shares: dict[int, tuple[Builder, list[Platform]]] = {}
    for platform in platforms:
        if platform not in built:
            builder = await yard.builders.builder(image, platform)
            shares.setdefault(id(builder), (builder, []))[1].append(platform)
    work = (site.build_share(builder, share, built) for builder, share in shares.values())
    for failure in await asyncio.gather(*work, return_exceptions=True):
        if failure is not None:
            raise failure
    reference, digest = await site.joined([(built[platform], platform) for platform in platforms])
    tools = sorted({part.tool for part in built.values() if part.tool})
    return Staged(reference.with_digest(digest), digest, platforms, tuple(tools))


@dataclass(frozen=True, slots=True)
class _Site:
    """Where the platforms of one step are built and joined."""

    yard: Yard
    voyage: Voyage
    step: Step
    bases: Mapping[str, Digest]

    @property
    def staged(self) -> Reference:
        return self.yard.staging.locate(self.step.repository)

    @property
    def destination(self) -> Reference:
        return self.yard.staging.real(self.step.repository)

    async def build_share(
        self, builder: Builder, platforms: Sequence[Platform], built: dict[Platform, Built]
    ) -> None:
        """Build the platforms that fall to one builder, one after the other."""
        pins = await self._pins(builder)
        for platform in platforms:
            try:
                built[platform] = await self._built(builder, platform, pins)
            except CannotAssemble as refusal:
                builder = await self._instead(platform, refusal)
                pins = await self._pins(builder)
                built[platform] = await self._built(builder, platform, pins)
            self.yard.emit(
                PART_BUILT,
                self.step.image,
                platform=str(platform),
                digest=built[platform].descriptor.digest,
                fingerprint=part_tag(self.step.fingerprint, platform),
                builder=builder.name,
            )

    async def _built(self, builder: Builder, platform: Platform, pins: Mapping[str, Reference]) -> Built:
        request = self._request(builder, platform, pins)
        staged = self.staged if builder.bases_from == "staging" else self.destination
        return await builder.build(request, staged, self.destination, self._on_line)

    async def _instead(self, platform: Platform, refusal: CannotAssemble) -> Builder:
        """Who builds after only the base image told that an engine is needed. Raises ``refusal``."""
        if self.yard.instead is None:
            raise refusal
        image = self.voyage.image(self.step.image)
        builder = await self.yard.instead(image, platform, refusal)
        self._on_line(f"{refusal.message}: built by {builder.name} instead")
        return builder

    def _on_line(self, line: str) -> None:
        self.yard.events.output(self.step.image, line)

    def _request(self, builder: Builder, platform: Platform, pins: Mapping[str, Reference]) -> BuildRequest:
        inputs = self.voyage.inputs[self.step.image]
        labels = inputs.labels
        if self.voyage.commit:
            labels[REVISION_LABEL] = self.voyage.commit
        image = self.voyage.image(self.step.image)
        request = self.yard.recipes.request(image, platform, {**inputs.pins, **pins}, labels)
        # images from outside stay with the engine, as they would without us
        request = replace(request, bases=frozenset(pins.values()))
        if builder.bases_from == "destination" or not pins:
            return request
        plain = {pinned.registry for pinned in pins.values()}
        return replace(request, registries_plain=request.registries_plain | plain)

    # --- bases --------------------------------------------------------------------------------

    async def _pins(self, builder: Builder) -> dict[str, Reference]:
        """For each base of the fleet the reference, by digest, that the builder shall use."""
        pins = {}
        for base in self.voyage.image(self.step.image).bases:
            if base.image is None or base.image not in self.bases:
                continue
            repository, digest = self.voyage.step(base.image).repository, self.bases[base.image]
            delivered = self.yard.staging.real(repository).with_digest(digest)
            if builder.bases_from == "destination":
                pins[base.reference] = delivered
            else:
                pins[base.reference] = await self._in_staging(repository, delivered)
        return pins

    async def _in_staging(self, repository: Reference, delivered: Reference) -> Reference:
        """Where an engine of this machine finds a base; it is brought there when it is not."""
        staged = replace(delivered, registry=self.yard.staging.locate(repository).registry)
        if await self.yard.registry.head(staged) is None:
            await self.yard.registry.copy(delivered, staged)
        return staged

    # --- joining ------------------------------------------------------------------------------

    async def joined(self, built: Sequence[tuple[Built, Platform]]) -> tuple[Reference, Digest]:
        """Repository and digest of the only platform's manifest, else of an index over all of them.

        The order of the index is that of ``built``, whoever was ready first.
        """
        attestations = [each for part, _ in built for each in part.attestations]
        if len(built) == 1 and not attestations:
            only = built[0][0]
            return only.at, only.descriptor.parsed_digest
        home = await self._one_home([part for part, _ in built])
        parts = [(part.descriptor, platform) for part, platform in built]
        index = index_of(parts, self.voyage.inputs[self.step.image].labels, attestations)
        return home, await self.yard.registry.put_manifest(home.with_digest(index.digest), index)

    async def _one_home(self, parts: Sequence[Built]) -> Reference:
        """The repository that has all manifests: staging, or the destination where some are there already."""
        homes = {part.at.without_version() for part in parts}
        if len(homes) == 1:
            return homes.pop()
        for part in parts:
            if part.at.name != self.destination.name:
                for each in (part.descriptor, *part.attestations):
                    there = self.destination.with_digest(each.parsed_digest)
                    await self.yard.registry.copy(part.at.with_digest(each.parsed_digest), there)
        return self.destination
