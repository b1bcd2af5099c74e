"""Registries: what is pruned, copied and listed there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.errors import NotFound
from shipway.ports import Deleter, Event
from shipway.wiring.workspace import Workspace

if TYPE_CHECKING:
    from shipway.fleet.model import Fleet
    from shipway.flows.copy import CopyRequest, CopyResult
    from shipway.flows.listing import Listing
    from shipway.flows.prune import Means, Pruned, PruneRequest
    from shipway.flows.pruning.undo import Undone
    from shipway.ledger.sqlite import SqliteLedger
    from shipway.values import Reference
    from shipway.wiring.shipping import View


async def prune(workspace: Workspace, request: PruneRequest, show: Callable[[Event], None]) -> Pruned:
    """Delete what a policy does not keep; with ``dry_run`` only tell, and write nothing."""
    from shipway.fleet.tree import FileTree
    from shipway.flows import prune as flow
    from shipway.flows.pruning.targets import choose, with_uses

    fleet = workspace.fleet()
    targets = choose(fleet, request.repository, request.settings)
    ledger = workspace.ledger(create=not request.dry_run)
    roots = (*map(Path, fleet.roots.values()), *request.manifests)
    used = with_uses(targets, ledger.deliveries(), [FileTree(root) for root in roots])
    real = [replace(target, at=workspace.staging.real(target.repository)) for target in used]
    async with _means(workspace, fleet, ledger, show, request.backend) as means:
        plans = await flow.look(means, real, request.most)
        if request.dry_run:
            return await flow.rehearse(means, plans)
        asked = request.repository.name if request.repository else "--fleet"
        return await flow.prune(means, plans, f"shipway prune {asked}")


async def undo_prune(workspace: Workspace, run: int, show: Callable[[Event], None]) -> Undone:
    """Put back what a run of prune deleted."""
    from shipway.flows.prune import bring_back

    ledger = workspace.ledger(create=True)
    async with _means(workspace, workspace.fleet(), ledger, show, "auto") as means:
        return await bring_back(means, run, f"shipway prune --undo {run}", workspace.staging.real)


@asynccontextmanager
async def _means(
    workspace: Workspace, fleet: Fleet, ledger: SqliteLedger, show: Callable[[Event], None], backend: str
) -> AsyncIterator[Means]:
    from shipway.flows.prune import Means
    from shipway.registry.backends.table import backend_of, make
    from shipway.registry.session import Session

    session = Session(workspace.registry_config(fleet), workspace.clock, show)
    async with workspace.registry(fleet, show) as registry:

        async def deleter(repository: Reference) -> Deleter:
            name = backend
            if backend == "auto":
                name = await backend_of(session, repository.registry)
            return make(name, session, registry, workspace.clock)

        try:
            yield Means(registry, deleter, ledger, workspace.clock, show)
        finally:
            await session.transport.close()


async def copy(
    workspace: Workspace, request: CopyRequest, view: View, *, fleet: bool, dry_run: bool
) -> CopyResult:
    """Copy images; with ``fleet`` those that the fleet has delivered."""
    from shipway.flows import copy as flow
    from shipway.registry.carrier import ImageCarrier

    known = workspace.fleet() if fleet else workspace.accesses()
    if fleet:
        deliveries = workspace.ledger(create=False).deliveries()
        sources = flow.fleet_sources(deliveries, known, workspace.staging.real)
        request = replace(request, sources=sources, below=True)
    async with (
        workspace.registry(known, view.show) as client,
        ImageCarrier(client, dry_run=dry_run) as carrier,
    ):
        return await flow.copy(request, carrier, view.show, view.output, dry_run=dry_run)


async def list_registry(workspace: Workspace, place: str, *, fleet_only: bool) -> Listing:
    """What a registry holds below ``HOST[/PREFIX]``, and what of the fleet it lacks."""
    from shipway.flows import listing as flow
    from shipway.planning.destination import EMBEDDED

    deliveries = workspace.ledger(create=False).deliveries()
    known = workspace.fleet() if fleet_only else workspace.accesses()
    real = workspace.staging.real if any(EMBEDDED in each.reference for each in deliveries) else None
    async with workspace.registry(known) as registry:
        return await flow.list_registry(
            registry,
            place,
            lambda all_: flow.wanted_of(deliveries, workspace.fleet() if all_ else None),
            fleet_only=fleet_only,
            real=real or (lambda reference: reference),
        )


async def tags(workspace: Workspace, repository: Reference) -> list[str]:
    """The tags of a repository, sorted. Raises NotFound when there is none."""
    async with workspace.registry(workspace.accesses()) as registry:
        found = await registry.tags(repository)
    if not found:
        raise NotFound(
            f"{repository.name} has no tags",
            cause="nothing was pushed there, or the credentials do not show it",
            help=f"look at the registry: shipway registry ls {repository.registry}",
        )
    return found
