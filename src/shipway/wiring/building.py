"""Building: who builds for a fleet."""

from __future__ import annotations

from asyncio import Lock
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.engines.table import choose
from shipway.flows.builders import (
    Declared,
    DeclaredBuilders,
    EngineBuilder,
    NoBuilders,
    OneEngine,
    PlannedBuilders,
)
from shipway.planning.engines import AUTO
from shipway.ports import Builder, Engine, Event, Events, Registry

if TYPE_CHECKING:
    from shipway.engines.buildkit.clients import Client
    from shipway.fleet.model import BuilderSettings, Fleet
    from shipway.flows.handing import HandedOut
    from shipway.flows.prepare import Prepared
    from shipway.flows.yard import Builders
    from shipway.wiring.handing import Handing
    from shipway.wiring.workspace import Workspace


def builders_of(
    workspace: Workspace,
    prepared: Prepared,
    events: Events,
    registry: Registry,
    *,
    insists: bool,
    handing: Handing | None = None,
) -> PlannedBuilders | HandedOut:
    """Who the plan chose: Assemble, or an engine beside the builders that the fleet file declares; with
    ``handing`` workers, for all that may leave this machine.

    ``events`` hears of each engine that is chosen. With ``insists`` no engine steps in for Assemble.
    """
    from shipway.engines.assemble.builder import Assembler

    built = () if workspace.role.joins else prepared.plan.steps
    engines = {step.image: step.engine or AUTO for step in built if step.action == "build"}
    here = PlannedBuilders(
        engines,
        Assembler(registry, workspace.native, workspace.state / "assemble"),
        lambda engine: _with_declared(workspace, prepared.fleet, engine, events, registry),
        workspace.native,
        insists=insists,
    )
    if handing is None:
        return here
    return handing.builders(workspace, engines, here, registry, events, insists=insists)


def _with_declared(
    workspace: Workspace, fleet: Fleet, engine: str, events: Events, registry: Registry
) -> Builders:
    """The builders that the fleet file declares, and ``engine`` for what they do not build.

    None for who joins what others have built.
    """
    if workspace.role.joins:
        return NoBuilders(workspace.native)

    def declared(settings: BuilderSettings) -> Declared:
        async def opened() -> Builder:
            if settings.engine == "buildkit":
                return _buildkit(workspace, fleet, settings, registry)
            return EngineBuilder(await _engine(workspace, settings.engine, events)(), registry)

        return Declared(settings.platforms, opened)

    otherwise = OneEngine(_engine(workspace, engine, events), registry)
    return DeclaredBuilders([declared(settings) for settings in fleet.builders], otherwise)


def _buildkit(workspace: Workspace, fleet: Fleet, settings: BuilderSettings, registry: Registry) -> Builder:
    """A BuildKit on its own, here or elsewhere."""
    from shipway.engines.buildkit.builder import BuildKitBuilder

    return BuildKitBuilder(
        settings.name,
        workspace.host,
        _client(workspace, fleet, settings),
        registry,
        platforms=settings.platforms,
        sees_staging=settings.sees_loopback,
    )


def _client(workspace: Workspace, fleet: Fleet, settings: BuilderSettings) -> Client:
    """The program that speaks to a BuildKit: to a builder of buildx, or to an address."""
    from shipway.engines.buildkit.clients import Buildctl, Buildx, Creation, Tls
    from shipway.engines.buildkit.config import Registries

    def located(path: str | None) -> Path | None:
        return workspace.root / path if path is not None else None

    if settings.buildx is not None:
        return Buildx(workspace.host, settings.buildx)
    if settings.driver is not None:
        config = workspace.registry_config(fleet)
        known = Registries(config.plain_http, config.insecure, config.authorities)
        return Buildx(workspace.host, f"shipway-{settings.name}", Creation(settings.driver, known))
    tls = Tls(located(settings.ca), located(settings.cert), located(settings.key), settings.server_name)
    return Buildctl(workspace.host, settings.address or "", tls)


def _engine(workspace: Workspace, name: str, events: Events) -> Callable[[], Awaitable[Engine]]:
    """Choose the engine once, when it is first asked for."""
    lock = Lock()
    chosen: list[Engine] = []

    async def engine() -> Engine:
        async with lock:
            if not chosen:
                chosen.append(await choose(name, workspace.host))
                info = await chosen[0].probe()
                facts = {"name": info.name, "version": info.version, "native": str(info.native)}
                events.emit(Event("engine.chosen", data=facts))
        return chosen[0]

    return engine
