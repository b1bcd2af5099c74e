"""Tags: what people pull. They move when everything behind them was seen, the first one of an image last."""

from __future__ import annotations

from shipway.errors import Mismatch
from shipway.flows.yard import Yard
from shipway.oci.manifest import Manifest
from shipway.planning.plan import Step
from shipway.values import Digest, Reference


async def move_tags(
    yard: Yard, step: Step, repository: Reference, digest: Digest, manifest: Manifest | None
) -> None:
    """Point every tag of the step at the digest, the first one last, and see that it does.

    ``manifest`` is what was read back at the digest, None where nothing was.
    """
    registry = yard.registry
    for tag in reversed(step.tags):
        tagged = repository.with_tag(tag)
        if await _names(yard, tagged, digest):
            continue
        manifest = manifest or await registry.manifest(repository.with_digest(digest))
        await registry.put_manifest(tagged, manifest)
        if not await _names(yard, tagged, digest):
            raise Mismatch(
                f"the tag {tag} of {step.repository.name} does not name {digest} after it was put",
                cause="another writer moved it, or the registry refuses to move tags",
                help="run the same command again",
            )
        yard.emit("tag.moved", step.image, tag=tag, digest=str(digest))


async def tags_stand(yard: Yard, step: Step, repository: Reference, digest: Digest) -> bool:
    """Whether every tag of the step names the digest already."""
    for tag in step.tags:
        if not await _names(yard, repository.with_tag(tag), digest):
            return False
    return True


async def _names(yard: Yard, tagged: Reference, digest: Digest) -> bool:
    found = await yard.registry.head(tagged)
    return found is not None and found.digest == str(digest)
