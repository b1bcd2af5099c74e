"""The cheap step before a ship: may it push to where it is bound? Seen before a minute of building."""

from __future__ import annotations

import asyncio

from shipway.errors import RegistryError
from shipway.planning.destination import EMBEDDED
from shipway.planning.engines import ASSEMBLE
from shipway.planning.plan import Plan
from shipway.ports import Registry


async def rehearse(plan: Plan, registry: Registry) -> None:
    """Open and cancel an upload at every destination that an engine builds for, all at once, and at one of
    each registry's others: what is assembled is pushed within the same second anyway.

    Raises the RegistryError that the push would have met, and tells how many more there are.
    """
    bound = [each for each in plan.steps if each.action == "build" and each.repository.registry != EMBEDDED]
    assembled = {step.repository.registry: step.repository for step in bound if step.engine == ASSEMBLE}
    built = {step.repository for step in bound if step.engine != ASSEMBLE}
    outside = sorted({*built, *assembled.values()})
    outcomes = await asyncio.gather(*map(registry.prove_push, outside), return_exceptions=True)
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if not failures:
        return
    first = failures[0]
    if isinstance(first, RegistryError):
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        first.message = f"nothing was built: {first.message}{more}"
    raise first
