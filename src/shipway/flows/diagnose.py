"""Diagnose: what is wrong with one registry, or with pushing to one repository of it, and what mends it."""

from __future__ import annotations

import asyncio

from shipway.errors import InvalidValue
from shipway.fleet.model import BuildInputs, Image
from shipway.flows.live.aims import Goal, Port
from shipway.flows.live.probed import OnProbed, Probed, Sight
from shipway.flows.live.registries import RegistryProbes
from shipway.place import Place
from shipway.ports import Clock, EngineTrust, Inspector
from shipway.values import Reference

_SECONDS = 10.0


async def diagnose(
    place: str, inspector: Inspector, clock: Clock, on_probed: OnProbed, seconds: float = _SECONDS
) -> tuple[Probed, ...]:
    """Probe ``HOST`` or ``HOST/REPOSITORY[:TAG]``: does it answer, whom does it take me for, may I push.

    Nothing is left there: an upload is opened and cancelled. What does not answer within ``seconds`` is a
    finding. Raises InvalidValue for what is neither.
    """
    where = Place(place)
    # a host has to be one before anything is sent there
    try:
        reference = Reference.parse(place if "/" in place else f"{place}/any")
    except InvalidValue:
        raise InvalidValue(f"{place!r} is no registry", help="write HOST or HOST/REPOSITORY") from None
    if reference.repository == f"{place}/any":
        raise InvalidValue(f"{place!r} is no registry", help="write its host, with a dot or a port")
    goals: tuple[Goal, ...] = ()
    if "/" in place:
        image = Image(place, BuildInputs("", ""), repository=reference.name, tag=reference.tag)
        goals = (Goal(image, reference.without_version(), where),)
    port = Port(reference.registry, where, goals)
    deadline = asyncio.get_running_loop().time() + seconds
    sight = Sight(inspector=inspector, clock=clock, on_probed=on_probed, seconds=seconds)
    return tuple(await RegistryProbes(sight, port, None, EngineTrust(), deadline).run())
