"""Resume: what an earlier run built from the same inputs and did not deliver is taken up, not built again.

``image.built`` is in the ledger, with fingerprint and digest, before the image leaves staging, and
``readback.verified`` before any tag moves. From then on the digest alone decides: it is at the destination,
or still in staging, or nowhere, and only then something is built.
"""

from __future__ import annotations

from shipway.errors import Mismatch, NotFound
from shipway.flows.build import Staged
from shipway.flows.readback import INCOMPLETE, OTHER_IMAGE, read_back
from shipway.flows.yard import Yard
from shipway.planning.plan import FORCED, Step
from shipway.ports import Event
from shipway.values import Digest, Platform, Reference

_SHOWN_BY = ("image.built", "readback.verified")


async def earlier(yard: Yard, step: Step) -> Staged | None:
    """The image of an earlier run with the inputs of ``step``, whole, where a registry still holds it.

    None when there is none, or a build was forced. A registry that cannot tell is an error, no reason to
    build: raises RegistryError.
    """
    if step.why == FORCED:
        return None
    for kind in _SHOWN_BY:
        known = yard.ledger.last(kind, step.image, step.fingerprint)
        if known is not None and (found := await _held(yard, step, known[1])) is not None:
            yard.emit(
                "image.resumed",
                step.image,
                digest=str(found.digest),
                fingerprint=step.fingerprint,
                run=known[0],
                repository=found.reference.name,
            )
            return found
    return None


async def _held(yard: Yard, step: Step, event: Event) -> Staged | None:
    digest = Digest.parse(str(event.data["digest"]))
    platforms = tuple(map(Platform.parse, _texts(event, "platforms")))
    for repository in (yard.staging.real(step.repository), yard.staging.locate(step.repository)):
        reference = repository.with_digest(digest)
        if await _is_whole(yard, reference, platforms, step.fingerprint):
            return Staged(reference, digest, platforms, _texts(event, "tools"))
    return None


def _texts(event: Event, name: str) -> tuple[str, ...]:
    told = event.data.get(name)
    return tuple(map(str, told)) if isinstance(told, list) else ()


async def _is_whole(
    yard: Yard, reference: Reference, platforms: tuple[Platform, ...], fingerprint: str
) -> bool:
    if await yard.registry.head(reference) is None:
        return False
    try:
        await read_back(yard.registry, reference, platforms, fingerprint)
    except NotFound:
        return False
    except Mismatch as error:
        if error.reason not in (OTHER_IMAGE, INCOMPLETE):
            raise
        return False
    return True
