"""What an image of the fleet holds, as far as its own Dockerfile tells."""

from __future__ import annotations

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.dockerfile.context import Context
from shipway.dockerfile.outcome import SourceOutcome
from shipway.dockerfile.resolved import Origin
from shipway.dockerfile.trace import StageTree, Traced, copy_into, starting_tree
from shipway.fleet.builds import is_local


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
