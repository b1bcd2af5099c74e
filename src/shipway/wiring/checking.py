"""Checking: rules over files, and probes of registries and engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shipway.wiring.workspace import Workspace

if TYPE_CHECKING:
    from shipway.checks.facts import Facts
    from shipway.dockerfile.trace import StageTree
    from shipway.flows.check import Checked, CheckRequest, Other
    from shipway.flows.live.probed import OnProbed, Probed
    from shipway.values import Platform


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """What a live preflight is asked: the engine by name or ``auto``, and who hears of each probe."""

    engine: str
    on_probed: OnProbed


async def check(workspace: Workspace, request: CheckRequest, live: LiveRequest | None = None) -> Checked:
    """What rules find in the files, after the fixes asked for, and what registries and engine show."""
    from shipway.flows.check import NOTHING_ELSE, Other

    facts, other = workspace.checker.facts(workspace.builds), NOTHING_ELSE
    if live is not None:
        from shipway.flows.live.preflight import FAMILIES, findings_of

        other = Other(findings_of(await _probe(workspace, facts, live)), FAMILIES)
        facts = replace(facts, published=await _published(workspace, facts))
    other = other.and_also(_ended_holds(workspace, facts))
    if request.mode == "report":
        other = other.and_also(await _hadolint(workspace, request, facts))
    checked = workspace.checker.check(request, facts, other)
    if request.mode == "fix" and (found := await _hadolint(workspace, request, checked.facts)).families:
        return workspace.checker.told_again(checked, request, other.and_also(found))
    return checked


def _ended_holds(workspace: Workspace, facts: Facts) -> Other:
    """The policies that were held for a while that is over: all of the files that depends on the time."""
    from shipway.checks.rules.sw715_hold_ended import RULE, ended
    from shipway.flows.check import Other

    tree = facts.builds.tree(facts.directory)
    return Other(tuple(ended(tree, workspace.now())), (RULE.id,))


async def _published(workspace: Workspace, facts: Facts) -> Mapping[tuple[str, Platform], StageTree]:
    """What images that others copy from hold, where their Dockerfile does not tell."""
    from shipway.checks.contents import untold
    from shipway.flows.live.layers import published_trees

    wanted = untold(facts)
    deliveries = workspace.ledger(create=False).deliveries() if wanted else []
    if not deliveries:
        return {}
    async with workspace.registry(facts.fleet) as registry:
        return await published_trees(registry, deliveries, wanted, workspace.staging.real)


async def _hadolint(workspace: Workspace, request: CheckRequest, facts: Facts) -> Other:
    """What hadolint finds in the files on disk; nothing where it is not wanted or not installed."""
    from shipway.checks.hadolint import FAMILIES, covered
    from shipway.checks.table import RULES
    from shipway.flows.check import NOTHING_ELSE, Other
    from shipway.flows.hadolint import run_hadolint

    if not request.hadolint or not request.selection.wants_any(FAMILIES):
        return NOTHING_ELSE
    ours = covered(rule for rule in RULES if request.selection.wants(rule.id))
    paths = sorted(path for path in facts.dockerfiles if not path.startswith("../"))
    found = await run_hadolint(workspace.host, workspace.root, paths, ours) if paths else None
    return NOTHING_ELSE if found is None else Other(found, FAMILIES)


async def probe(workspace: Workspace, request: LiveRequest) -> tuple[Probed, ...]:
    """What registries and engine show, probe by probe; nothing is written anywhere."""
    return await _probe(workspace, workspace.checker.facts(workspace.builds), request)


async def _probe(workspace: Workspace, facts: Facts, request: LiveRequest) -> tuple[Probed, ...]:
    from shipway.engines.emulation import EngineEmulation
    from shipway.engines.table import choose
    from shipway.flows.live import preflight
    from shipway.flows.live.probed import World
    from shipway.registry.inspector import RegistryInspector

    fleet = facts.fleet
    engine = fleet.engine or request.engine if request.engine == "auto" else request.engine
    inspector = RegistryInspector(workspace.registry_config(fleet), workspace.credentials, workspace.clock)
    world = World(
        inspector=inspector,
        engine=lambda: choose(engine, workspace.host),
        emulation=EngineEmulation(workspace.host, lambda: choose(engine, workspace.host)),
        wanted=engine,
        host=workspace.host,
        clock=workspace.clock,
        state=workspace.state,
        on_probed=request.on_probed,
    )
    try:
        return await preflight.probe(facts, world)
    finally:
        await inspector.close()


async def diagnose(workspace: Workspace, place: str, on_probed: OnProbed) -> tuple[Probed, ...]:
    """Look at one registry, and with ``HOST/REPO`` at the right to push there."""
    from shipway.flows import diagnose as flow
    from shipway.registry.inspector import RegistryInspector

    known = workspace.accesses()
    inspector = RegistryInspector(workspace.registry_config(known), workspace.credentials, workspace.clock)
    try:
        return await flow.diagnose(place, inspector, workspace.clock, on_probed)
    finally:
        await inspector.close()
