"""Every probe at once: what would fail while building or pushing, seen before anything is built."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.flows.live.aims import ports_of
from shipway.flows.live.machine import look_at_disks, look_at_emulation, survey_engine
from shipway.flows.live.probed import Probed, World
from shipway.flows.live.registries import RegistryProbes
from shipway.ports import EngineSurvey, EngineTrust

FAMILIES = ("SW4", "SW5")


async def probe(facts: Facts, world: World) -> tuple[Probed, ...]:
    """Look at the machine and at every registry of the fleet. Writes nothing; uploads are opened and
    cancelled. Takes ``world.seconds`` at most; what did not answer until then is a finding."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + world.seconds
    survey: asyncio.Future[EngineSurvey | None] = loop.create_future()
    carried = _carried(facts)
    groups = [RegistryProbes(world, port, survey, carried, deadline).run() for port in ports_of(facts)]
    machine, *registries = await asyncio.gather(_machine(facts, world, survey, deadline), *groups)
    return (*machine, *(each for group in registries for each in group))


def _carried(facts: Facts) -> EngineTrust:
    """What every build is told about registries."""
    known = facts.fleet.registries.items()
    unchecked = tuple(host for host, access in known if access.plain_http or access.insecure)
    return EngineTrust(plain=unchecked, authorities=facts.fleet.authorities)


def findings_of(told: Iterable[Probed]) -> tuple[Finding, ...]:
    """What probes found, each once."""
    return tuple(dict.fromkeys(finding for each in told for finding in each.findings))


async def _machine(
    facts: Facts, world: World, survey: asyncio.Future[EngineSurvey | None], deadline: float
) -> list[Probed]:
    told, found = await survey_engine(world, facts, deadline)
    survey.set_result(found)
    emulation = await look_at_emulation(world, facts, found) if found is not None else []
    return [told, *look_at_disks(world, facts, found), *emulation]
