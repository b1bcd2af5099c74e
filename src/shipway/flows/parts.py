"""Parts: platforms of an image that are built already, by another machine or by a run that failed later on.

Another machine leaves a part at the destination, under a tag that carries the fingerprint (``ship
--platform``). What this machine built itself is in the ledger, with its digest. Either way a part counts only
after it was read back whole, with exactly these inputs and this platform.
"""

from __future__ import annotations

from collections.abc import Sequence

from shipway.flows.readback import found_whole
from shipway.flows.yard import Yard
from shipway.planning.parts import part_tag
from shipway.planning.plan import FORCED, Step
from shipway.ports import Built
from shipway.values import Digest, Platform, Reference

PART_BUILT = "build.done"


async def find_parts(yard: Yard, step: Step, platforms: Sequence[Platform]) -> dict[Platform, Built]:
    """The parts that are there, of ``platforms``; none of them when the build was forced.

    A registry that cannot tell is no reason to build: raises RegistryError.
    """
    found = {}
    for platform in platforms if step.why != FORCED else ():
        part = await _delivered(yard, step, platform) or await _remembered(yard, step, platform)
        if part is not None:
            facts = {"platform": str(platform), "digest": part.descriptor.digest, "repository": part.at.name}
            yard.emit("part.found", step.image, **facts)
            found[platform] = part
    return found


async def _delivered(yard: Yard, step: Step, platform: Platform) -> Built | None:
    """What another machine left at the destination."""
    repository = yard.staging.real(step.repository)
    tagged = await yard.registry.head(repository.with_tag(part_tag(step.fingerprint, platform)))
    return None if tagged is None else await _at(yard, step, platform, repository, tagged.parsed_digest)


async def _remembered(yard: Yard, step: Step, platform: Platform) -> Built | None:
    """What an earlier run, or an earlier try of this one, built for an image whose other platforms failed."""
    known = yard.ledger.last(PART_BUILT, step.image, part_tag(step.fingerprint, platform))
    if known is None:
        return None
    digest = Digest.parse(str(known[1].data["digest"]))
    for repository in (yard.staging.real(step.repository), yard.staging.locate(step.repository)):
        if (part := await _at(yard, step, platform, repository, digest)) is not None:
            return part
    return None


async def _at(
    yard: Yard, step: Step, platform: Platform, repository: Reference, digest: Digest
) -> Built | None:
    reference = repository.with_digest(digest)
    seen = await found_whole(yard.registry, reference, (platform,), step.fingerprint)
    # a part is an image manifest: an index over it would not fit into another index
    if seen is None or seen.manifest.is_index:
        return None
    return Built(seen.manifest.descriptor, reference)
