"""Resume: what an earlier run built from the same inputs and did not deliver is taken up, not built again.

``image.built`` is in the ledger, with fingerprint and digest, before the image leaves staging, and
``readback.verified`` before any tag moves. From then on the digest alone decides: it is at the destination,
or still in staging, or nowhere, and only then something is built.
"""

from __future__ import annotations

from collections.abc import Iterator

from shipway.flows.build import Staged
from shipway.flows.readback import found_whole
from shipway.flows.yard import Yard
from shipway.planning.plan import FORCED, Plan, Step
from shipway.ports import Event, Ledger
from shipway.values import Digest, Platform

_SHOWN_BY = ("image.built", "readback.verified")


def foretold(plan: Plan, ledger: Ledger) -> Iterator[str]:
    """A note for each image of a plan that an earlier run built already, as far as the ledger tells."""
    for step in plan.steps:
        if step.action == "build" and step.why != FORCED:
            known = ledger.last(_SHOWN_BY[0], step.image, step.fingerprint)
            if known is not None:
                yield (
                    f"{step.image}: run {known[0]} built it from the same inputs: it is taken up from there,"
                    " unless no registry has it any more"
                )


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
        if await found_whole(yard.registry, reference, platforms, step.fingerprint) is not None:
            return Staged(reference, digest, platforms, _texts(event, "tools"))
    return None


def _texts(event: Event, name: str) -> tuple[str, ...]:
    told = event.data.get(name)
    return tuple(map(str, told)) if isinstance(told, list) else ()
