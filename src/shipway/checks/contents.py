"""What an image of the fleet holds, as far as its own Dockerfile or its published layers tell."""

from __future__ import annotations

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.dockerfile.context import Context
from shipway.dockerfile.outcome import SourceOutcome
from shipway.dockerfile.resolved import ContextRead, Origin
from shipway.dockerfile.trace import StageTree, Traced, copy_into, starting_tree
from shipway.fleet.builds import is_local
from shipway.values import Platform


def producer_of(facts: Facts, build: DeclaredBuild, read: ContextRead) -> DeclaredBuild | None:
    """The build of the fleet's image that ``read`` of ``build`` reads from, for the same platform."""
    wanted = ("mount",) if read.kind == "mount" else ("copy", "context")
    names = {
        base.image
        for base in build.image.bases
        if base.image is not None and base.line == read.line and base.via in wanted
    }
    if len(names) != 1:
        return None
    builds = facts.builds_of.get(next(iter(names)), ())
    return next((each for each in builds if each.platform == build.platform), None)


def held(facts: Facts, producer: DeclaredBuild) -> StageTree | None:
    """The files of an image of the fleet: told by its Dockerfile, else by its published layers."""
    tree = contents(facts, producer)
    return tree if tree is not None else facts.published.get((producer.image.name, producer.platform))


def untold(facts: Facts) -> frozenset[tuple[str, Platform]]:
    """The images of the fleet that others copy from and whose Dockerfile does not tell what they hold."""
    found = set()
    for build in facts.declared:
        for outcome in build.report.outcomes:
            if outcome.read.origin.kind == "image":
                producer = producer_of(facts, build, outcome.read)
                if producer is not None and contents(facts, producer) is None:
                    found.add((producer.image.name, producer.platform))
    return frozenset(found)


def contents(facts: Facts, build: DeclaredBuild) -> StageTree | None:
    """The files of the image that ``build`` makes: FROM scratch, or from such a stage, and with nothing but
    COPYs of plain files and WORKDIRs. None where nobody can tell."""
    outcomes = iter(build.report.outcomes)
    trees: dict[int, StageTree | None] = {}
    for stage in build.build.stages:
        tree = starting_tree(stage, trees)
        for step in stage.steps:
            found = [next(outcomes) for _ in getattr(step, "reads", ())]
            if tree is not None:
                tree = copy_into(tree, step, [_traced(facts, build, trees, each) for each in found])
        trees[stage.stage.index] = tree
    return trees.get(build.build.target) if build.build.target is not None else None


def _traced(
    facts: Facts, build: DeclaredBuild, trees: dict[int, StageTree | None], outcome: SourceOutcome
) -> Traced:
    return Traced(outcome, _view(facts, build, trees, outcome.read.origin))


def _view(
    facts: Facts, build: DeclaredBuild, trees: dict[int, StageTree | None], origin: Origin
) -> Context | None:
    """The files behind an origin."""
    if origin.kind == "stage":
        tree = trees.get(origin.stage)
        return Context(tree) if tree is not None else None
    inputs, directory = build.inputs, facts.fleet.roots[build.image.root]
    context = inputs.context if origin.kind == "main" else inputs.contexts.get(origin.name, "-")
    if origin.kind not in ("main", "context") or not is_local(context) or facts.leads_out(directory, context):
        return None
    own = inputs.dockerfile if origin.kind == "main" and inputs.inline is None else None
    return facts.builds.context(directory, context, own)
