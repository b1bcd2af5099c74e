"""The cheap step before a ship: may it push to where it is bound? Seen before a minute of building."""

from __future__ import annotations

import asyncio

from shipway.errors import RegistryError
from shipway.planning.destination import EMBEDDED
from shipway.planning.plan import Plan
from shipway.ports import Registry


async def rehearse(plan: Plan, registry: Registry) -> None:
    """Open and cancel an upload at every destination that something is built for, all at once.

    Raises the RegistryError that the push would have met, and tells how many more there are.
    """
    wanted = {step.repository for step in plan.steps if step.action == "build"}
    outside = sorted(repository for repository in wanted if repository.registry != EMBEDDED)
    outcomes = await asyncio.gather(*map(registry.prove_push, outside), return_exceptions=True)
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if not failures:
        return
    first = failures[0]
    if isinstance(first, RegistryError):
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        first.message = f"nothing was built: {first.message}{more}"
    raise first
