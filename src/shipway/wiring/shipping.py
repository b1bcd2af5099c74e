"""Shipping: one run of a plan, with the engine, the registry and the ledger it needs."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shipway.errors import UsageError
from shipway.flows.builders import NoBuilders
from shipway.flows.conduct import Conduct
from shipway.flows.deliver import deliver
from shipway.flows.outcome import Shipped
from shipway.flows.recipes import FileRecipes
from shipway.flows.recorder import Recorder
from shipway.flows.rehearse import rehearse
from shipway.flows.yard import Yard
from shipway.planning.engines import ASSEMBLE
from shipway.planning.parts import Role
from shipway.planning.plan import Choices, Plan
from shipway.ports import Event, Ledger
from shipway.wiring.evidence import AS_CONFIGURED, EvidenceRequest, prover_of, signing_key
from shipway.wiring.workspace import Workspace

if TYPE_CHECKING:
    from shipway.flows.prepare import Prepared
    from shipway.flows.prove import Prover
    from shipway.flows.yard import Builders, Instead
    from shipway.registry.client import RegistryClient
    from shipway.wiring.handing import Executor, Handing


class View(Protocol):
    """What shows events and build output."""

    def show(self, event: Event) -> None: ...

    def output(self, image: str, line: str) -> None: ...


async def ship(
    workspace: Workspace,
    choices: Choices,
    *,
    offline: bool,
    conduct: Conduct,
    view: View,
    preflight: bool = True,
    evidence: EvidenceRequest = AS_CONFIGURED,
    executor: Executor | None = None,
) -> Shipped:
    """Plan and execute.

    Raises NotMet when something would fail the build for sure, UsageError for an atomic group that is none
    and for a forced build of who only joins, ConfigError for a signing key that cannot be used, with
    ``preflight`` a RegistryError when a destination takes no pushes, and EngineMissing when ``executor`` is
    not there.
    """
    ledger, fleet, recorders = workspace.ledger(create=True), workspace.fleet(), _Recorders()
    conduct.require_groups(fleet)
    if workspace.role.joins and choices.force:
        raise UsageError("--join builds nothing, so nothing can be forced")
    key = signing_key(workspace, fleet, evidence)
    async with workspace.registry(fleet, recorders.emit) as registry, AsyncExitStack() as opened:
        prepared = await workspace.plan(fleet, choices, None if offline else registry, ledger, pins=True)
        prepared.require_buildable()
        if key is None and evidence.wanted and fleet.signing.key:
            prepared = prepared.noting(
                f"images are verified with {fleet.signing.key}, and there is no key to sign them with"
            )
        if preflight:
            await rehearse(prepared.plan, registry)
        handing = await _handing(executor, prepared.plan, opened)
        prover = prover_of(workspace, evidence, prepared, registry, key)
        tools = _Tools(workspace, ledger, registry, prepared, prover, handing)
        shipped = await deliver(
            prepared,
            command=" ".join(["shipway ship", *_role(workspace.role), *sorted(choices.selection)]),
            conduct=await handing.conduct(conduct) if handing is not None else conduct,
            ledger=ledger,
            clock=workspace.clock,
            recorder=lambda run: recorders.opened(tools.recorder(run, view)),
            yard=lambda events: tools.yard(events, insists=choices.engine == ASSEMBLE),
            seeks_parts=workspace.role.shares,
        )
        workspace.staging.tidy()
        return shipped


class _Recorders:
    """What a registry client tells goes to the runs that were opened meanwhile."""

    def __init__(self) -> None:
        self._all: list[Recorder] = []

    def emit(self, event: Event) -> None:
        for recorder in self._all:
            recorder.emit(event)

    def opened(self, recorder: Recorder) -> Recorder:
        self._all.append(recorder)
        return recorder


@dataclass(frozen=True, slots=True)
class _Tools:
    """What a run needs, once it is known what there is to do."""

    workspace: Workspace
    ledger: Ledger
    registry: RegistryClient
    prepared: Prepared
    prover: Prover | None
    handing: Handing | None

    def recorder(self, run: int, view: View) -> Recorder:
        site = self.workspace
        return Recorder(self.ledger, run, site.clock, site.logs(run), view.show, view.output)

    def yard(self, events: Recorder, *, insists: bool) -> Yard:
        site, prepared = self.workspace, self.prepared
        builders, instead = self._builders(events, insists=insists)
        return Yard(
            builders=builders,
            instead=instead,
            registry=self.registry,
            staging=site.staging,
            recipes=FileRecipes(prepared.fleet, site.host.environ, site.builds, prepared.revision),
            ledger=self.ledger,
            clock=site.clock,
            events=events,
            prover=self.prover,
        )

    def _builders(self, events: Recorder, *, insists: bool) -> tuple[Builders, Instead | None]:
        """Who builds, and who does where Assemble cannot; nobody is looked for where nothing is built."""
        site, prepared = self.workspace, self.prepared
        if all(step.action != "build" for step in prepared.plan.steps):
            return NoBuilders(site.native), None
        from shipway.wiring.building import builders_of

        found = builders_of(site, prepared, events, self.registry, insists=insists, handing=self.handing)
        return found, found.instead


async def _handing(executor: Executor | None, plan: Plan, opened: AsyncExitStack) -> Handing | None:
    """The workers that build for a plan, until ``opened`` closes; None where this machine builds."""
    if executor is None:
        return None
    from shipway.wiring.handing import handing_of

    return await opened.enter_async_context(handing_of(executor, plan))


def _role(role: Role) -> tuple[str, ...]:
    """The options that gave this machine its role."""
    if role.joins:
        return ("--join",)
    return () if role.platform is None else ("--platform", str(role.platform))
