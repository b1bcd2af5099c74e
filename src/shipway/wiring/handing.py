"""Handing builds to the workers of a cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shipway.errors import EngineMissing, UsageError
from shipway.flows.builders import PlannedBuilders
from shipway.flows.conduct import Conduct
from shipway.flows.handing import HandedOut
from shipway.planning.destination import EMBEDDED
from shipway.planning.plan import Plan
from shipway.ports import Builder, Events, Registry
from shipway.values import Reference
from shipway.workers.address import NO_TLS, Address, Tls
from shipway.workers.pool import Pool
from shipway.workers.remote import Handover, RemoteBuilder
from shipway.workers.shelf import Shelf

if TYPE_CHECKING:
    from shipway.wiring.workspace import Workspace

_MOST_JOBS = 64


@dataclass(frozen=True, slots=True)
class Executor:
    """Who carries out builds instead of this machine. ``contexts`` is the repository that contexts pass
    through, None for one beside each image; ``patience`` is how long a build waits for a worker that can
    carry it out, in seconds. ``jobs`` is how many deliveries go on at a time, None for what the workers can
    take."""

    address: Address
    tls: Tls = NO_TLS
    contexts: Reference | None = None
    patience: float = 30.0
    jobs: int | None = None


def require_reachable(plan: Plan) -> None:
    """Raise UsageError when an image is bound for the registry inside this machine."""
    for step in plan.steps:
        if step.repository.registry == EMBEDDED:
            raise UsageError(
                f"no worker can deliver {step.image}: it goes to the embedded registry",
                cause="no other machine reaches that",
                help="write registry: in shipway.yaml, or give --registry HOST[/PREFIX]",
            )


@dataclass(frozen=True, slots=True)
class Handing:
    """An executor that is there. Without ``pool`` nothing is to be handed out."""

    executor: Executor
    pool: Pool | None

    async def conduct(self, conduct: Conduct) -> Conduct:
        """How the ship goes about it: unless told otherwise with twice as many deliveries at a time as there
        are slots, so that no worker waits for a read-back of this machine."""
        if self.executor.jobs is not None or self.pool is None:
            return conduct
        slots = sum(station.slots for station in await self.pool.stations())
        return replace(conduct, jobs=min(max(2 * slots, conduct.jobs), _MOST_JOBS))

    def builders(
        self,
        workspace: Workspace,
        engines: Mapping[str, str],
        here: PlannedBuilders,
        registry: Registry,
        events: Events,
        *,
        insists: bool,
    ) -> PlannedBuilders | HandedOut:
        """Workers, and ``here`` for what stays on this machine."""
        if self.pool is None:
            return here
        shelf = Shelf(registry, self.executor.contexts, workspace.state / "contexts")
        remote = _Remote(Handover(self.pool, shelf, registry, events), insists)
        return HandedOut(remote, here, engines, workspace.native, events, insists=insists)


@asynccontextmanager
async def handing_of(executor: Executor, plan: Plan) -> AsyncIterator[Handing]:
    """Connect to who builds what ``plan`` builds.

    Raises UsageError when an image cannot be delivered by workers, EngineMissing without a scheduler.
    """
    if not any(step.action == "build" for step in plan.steps):
        yield Handing(executor, None)
        return
    require_reachable(plan)
    require_dask()
    from shipway.workers.cluster import connected

    async with connected(executor.address, executor.tls, executor.patience) as pool:
        yield Handing(executor, pool)


def require_dask() -> None:
    """Raise EngineMissing where Dask is not installed."""
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise EngineMissing(
            "Dask is not installed", help="pip install 'shipway[distributed]', on all machines"
        ) from None


@dataclass(frozen=True, slots=True)
class _Remote:
    """Satisfies ``flows.handing.Remote``."""

    handover: Handover
    insists: bool

    def builder(self, engine: str) -> Builder:
        return RemoteBuilder(self.handover, engine, insists=self.insists)

    async def finish(self) -> None:
        await self.handover.shelf.finish()
