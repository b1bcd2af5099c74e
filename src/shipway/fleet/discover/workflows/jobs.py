"""The jobs of a workflow: their matrices, what they pass on, and the workflows they call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from shipway.document import Node
from shipway.fleet.discover.workflows import actions, matrix
from shipway.fleet.discover.workflows.evaluate import Open, Value, to_text
from shipway.fleet.discover.workflows.holes import show
from shipway.fleet.discover.workflows.scope import Scope
from shipway.fleet.discover.workflows.steps import Run
from shipway.fleet.discover.workflows.world import MAX_DEPTH, World, input_values
from shipway.fleet.tree import join

Outputs: TypeAlias = "dict[str, Value]"


def read_workflow(world: World, path: str, document: Node) -> None:
    """Follow a workflow as its own events start it, with the defaults of its inputs."""
    _Workflow(world, path, document, {}, depth=0).run()


def read_action(world: World, path: str, action: Node) -> None:
    """Follow a composite action that nothing calls, with the defaults of its inputs."""
    outside = Run(world, (path, ""), {}, world.scope({}, {}), {})
    outside.inside(action, {}, {}).all(action.get("runs", "steps"))


def calls(document: Node) -> list[str]:
    """The local workflows and actions that a workflow or composite action uses, as written."""
    jobs = document.get("jobs")
    sequences = [job.get("steps") for job in jobs.mapping.values()] if jobs is not None else []
    steps = [step for each in (*sequences, document.get("runs", "steps")) if each for step in each.sequence]
    users = [*(jobs.mapping.values() if jobs is not None else []), *steps]
    uses = [user.get("uses") for user in users]
    return [node.text for node in uses if node is not None and node.text and node.text.startswith("./")]


def triggers(document: Node) -> dict[str, Node | None]:
    """The events of a workflow's ``on:`` in any of its forms."""
    on = document.get("on")
    if on is None:
        return {}
    if on.is_mapping:
        return dict(on.mapping)
    names = [item.text for item in on.sequence] if on.is_sequence else [on.text]
    return {name: None for name in names if name}


class _Workflow:
    def __init__(
        self, world: World, path: str, document: Node, given: Mapping[str, Value], *, depth: int
    ) -> None:
        self._world = world
        self._path = path
        self._document = document
        self._depth = depth
        values: Outputs = {}
        for event in ("workflow_dispatch", "workflow_call"):
            node = triggers(document).get(event)
            declared = node.get("inputs") if node is not None else None
            values |= input_values(declared, given, world.github, called=depth > 0)
        self._scope = world.scope(values, given)
        self._env = self._scope.environment(document.get("env"))
        self._outputs: dict[str, Outputs] = {}

    def run(self) -> Outputs:
        """Follow every job; the outputs of a called workflow."""
        jobs = self._document.get("jobs")
        names = list(jobs.mapping) if jobs is not None else []
        for name in names:
            self._job(name)
        done: Outputs = {name: Open({"outputs": Open(self._outputs.get(name, {}))}) for name in names}
        declared = self._document.get("on", "workflow_call", "outputs")
        scope = self._scope.having(jobs=Open(done))
        entries = declared.mapping if declared is not None else {}
        return {name: scope.value(node.get("value")) for name, node in entries.items()}

    def _job(self, name: str) -> Outputs:
        """The outputs of a job, which is followed when they are first asked for."""
        if name in self._outputs:
            return self._outputs[name]
        self._outputs[name] = {}
        job = self._document.get("jobs", name)
        if job is None or self._scope.never(job.get("if")):
            return {}
        scope = self._scope.having(needs=self._needs(job))
        legs, problems = matrix.legs(job.get("strategy", "matrix"), scope.having(env=Open(self._env)))
        before = self._world.noted
        results = [self._leg(name, job, scope, leg) for leg in legs if self._world.may_run_leg(job.place)]
        # the matrix of a job that builds nothing does not matter
        self._world.take(problems if self._world.noted != before else [])
        self._outputs[name] = _agreed(results)
        return self._outputs[name]

    def _needs(self, job: Node) -> Open:
        needs = job.get("needs")
        if needs is None:
            return Open()
        names = [item.text for item in needs.sequence] if needs.is_sequence else [needs.text]
        return Open({name: Open({"outputs": Open(self._job(name))}) for name in names if name})

    def _leg(self, name: str, job: Node, scope: Scope, leg: Value) -> Outputs:
        contexts: dict[str, Value] = {"matrix": leg, "job": Open(), "strategy": Open()}
        scope = Scope({**scope.contexts, **contexts}, {**scope.decided, "matrix": leg})
        if job.get("uses") is not None:
            return self._call(job, scope)
        env = {**self._env, **scope.having(env=Open(self._env)).environment(job.get("env"))}
        values = leg if isinstance(leg, dict) else {}
        run = Run(self._world, (self._path, name), values, scope, env, self._directory(job), self._depth)
        run.all(job.get("steps"))
        return run.outputs(job.get("outputs"))

    def _directory(self, job: Node) -> Node | None:
        own = job.get("defaults", "run", "working-directory")
        return own or self._document.get("defaults", "run", "working-directory")

    def _call(self, job: Node, scope: Scope) -> Outputs:
        uses = job.mapping["uses"]
        target, given = scope.text(uses).strip(), job.get("with")
        if not target.startswith("./"):
            if actions.builds_elsewhere(target, given):
                message = f"{target} seems to build an image; what it does is not in these files"
                self._world.report("remote-build", message, uses.place)
            return {}
        path = join(".", target)
        if not self._world.tree.is_file(path):
            self._world.report("missing-workflow", f"there is no workflow {show(target)}", uses.place)
            return {}
        document = self._world.document(path)
        if document is None:
            return {}
        if self._depth >= MAX_DEPTH:
            self._world.report(
                "unresolved-call", f"workflows call each other over {MAX_DEPTH} levels", uses.place
            )
            return {}
        values = {
            name: scope.value(node) for name, node in (given.mapping if given is not None else {}).items()
        }
        return _Workflow(self._world, path, document, values, depth=self._depth + 1).run()


def _agreed(results: list[Outputs]) -> Outputs:
    """The outputs that all legs of a job give alike; which leg is last, files do not tell."""
    if not results:
        return {}
    first, *rest = results
    return {
        name: value
        for name, value in first.items()
        if all(to_text(other.get(name)) == to_text(value) for other in rest)
    }
