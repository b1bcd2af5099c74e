"""Shipping: one run of a plan, with the engine, the registry and the ledger it needs."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol

from shipway.errors import UsageError
from shipway.flows.conduct import Conduct
from shipway.flows.deliver import deliver
from shipway.flows.outcome import Shipped
from shipway.flows.recipes import FileRecipes
from shipway.flows.recorder import Recorder
from shipway.flows.rehearse import rehearse
from shipway.flows.yard import Yard
from shipway.planning.engines import ASSEMBLE
from shipway.planning.parts import Role
from shipway.planning.plan import Choices
from shipway.ports import Event
from shipway.wiring.building import builders_of
from shipway.wiring.evidence import AS_CONFIGURED, EvidenceRequest, prover_of, signing_key
from shipway.wiring.workspace import Workspace

if TYPE_CHECKING:
    from shipway.wiring.handing import Executor


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
    recorders: list[Recorder] = []

    def on_registry_event(event: Event) -> None:
        for recorder in recorders:
            recorder.emit(event)

    ledger, fleet = workspace.ledger(create=True), workspace.fleet()
    conduct.require_groups(fleet)
    if workspace.role.joins and choices.force:
        raise UsageError("--join builds nothing, so nothing can be forced")
    key = signing_key(workspace, fleet, evidence)
    async with workspace.registry(fleet, on_registry_event) as registry, AsyncExitStack() as opened:
        prepared = await workspace.plan(fleet, choices, None if offline else registry, ledger, pins=True)
        prepared.require_buildable()
        if preflight:
            await rehearse(prepared.plan, registry)
        handing = None
        if executor is not None:
            from shipway.wiring.handing import handing_of

            handing = await opened.enter_async_context(handing_of(executor, prepared.plan))
            conduct = await handing.conduct(conduct)

        def recorder(run: int) -> Recorder:
            made = Recorder(ledger, run, workspace.clock, workspace.logs(run), view.show, view.output)
            recorders.append(made)
            return made

        def yard(events: Recorder) -> Yard:
            insists = choices.engine == ASSEMBLE
            builders = builders_of(workspace, prepared, events, registry, insists=insists, handing=handing)
            return Yard(
                builders=builders,
                instead=builders.instead,
                registry=registry,
                staging=workspace.staging,
                recipes=FileRecipes(
                    prepared.fleet, workspace.host.environ, workspace.builds, prepared.revision
                ),
                ledger=ledger,
                clock=workspace.clock,
                events=events,
                prover=prover_of(workspace, evidence, prepared, registry, key),
            )

        shipped = await deliver(
            prepared,
            command=" ".join(["shipway ship", *_role(workspace.role), *sorted(choices.selection)]),
            conduct=conduct,
            ledger=ledger,
            clock=workspace.clock,
            recorder=recorder,
            yard=yard,
            seeks_parts=workspace.role.shares,
        )
        workspace.staging.tidy()
        return shipped


def _role(role: Role) -> tuple[str, ...]:
    """The options that gave this machine its role."""
    if role.joins:
        return ("--join",)
    return () if role.platform is None else ("--platform", str(role.platform))
