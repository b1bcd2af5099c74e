"""The steps of a job or of a composite action, one after the other."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shipway.document import Node
from shipway.fleet.discover.workflows import actions, command, shell
from shipway.fleet.discover.workflows.build import Bake, Build
from shipway.fleet.discover.workflows.declare import Checkout, declare, rooted
from shipway.fleet.discover.workflows.evaluate import Open, Value, to_text, truth
from shipway.fleet.discover.workflows.holes import causes, has_hole
from shipway.fleet.discover.workflows.scope import Scope, line_of
from shipway.fleet.discover.workflows.world import MAX_DEPTH, Found, World, as_variables, input_values
from shipway.fleet.tree import join
from shipway.place import Place

# what buildx bake reads when no file is named (buildx's documentation, "File format")
DEFAULT_BAKE_FILES = (
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
    "docker-bake.json",
    "docker-bake.hcl",
    "docker-bake.override.json",
    "docker-bake.override.hcl",
)
_SHELLS = frozenset({"", "bash", "sh", "zsh", "pwsh", "powershell"})
_BRINGS_FILES = re.compile(r"^actions/(download-artifact|cache)\b|^.*/download-artifact")
_FETCHES = re.compile(r"\bgit\s+(clone|submodule|checkout|worktree)\b|\b(unzip|tar)\b")
_WRITES = re.compile(
    r">|\b(cp|mv|tee|ln|install|curl|wget|rsync|envsubst|sed|make|python3?|node|generate\w*|render\w*)\b"
)


@dataclass(slots=True)
class Run:
    """What the steps share as they run: the contexts they see and what earlier ones did.

    ``directory`` is the default working directory of ``run:`` steps. ``made`` are the texts of earlier
    scripts, ``brought`` the directories that earlier steps filled from elsewhere.
    """

    world: World
    job: tuple[str, str]
    leg: Mapping[str, Value]
    scope: Scope
    env: dict[str, Value]
    directory: Node | None = None
    depth: int = 0
    checkout: str = "."
    steps: Open = field(default_factory=Open)
    made: list[str] = field(default_factory=list)
    brought: list[str] = field(default_factory=list)

    def all(self, steps: Node | None) -> None:
        """Follow every step."""
        for step in steps.sequence if steps is not None else []:
            if step.is_mapping and not self._scope().never(step.get("if")):
                self._step(step)

    def _scope(self, step_env: Mapping[str, Value] | None = None) -> Scope:
        return self.scope.having(env=Open({**self.env, **(step_env or {})}), steps=self.steps)

    def _step(self, step: Node) -> None:
        scope = self._scope(self._scope().environment(step.get("env")))
        outputs: dict[str, Value] = {}
        if step.get("run") is not None:
            outputs = self._script(step, scope)
        elif (uses := scope.text(step.get("uses")).strip()) != "":
            outputs = self._uses(uses, step, scope)
        name = scope.text(step.get("id"))
        if name:
            self.steps[name] = Open({"outputs": Open(outputs)})

    def _uses(self, uses: str, step: Node, scope: Scope) -> dict[str, Value]:
        inputs, name = step.get("with"), actions.action_name(uses)
        if uses.startswith("./"):
            return self._composite(uses, step, scope)
        if name in actions.BUILD_ACTIONS:
            self._build(actions.build_push(inputs, scope, step.place))
        elif name in actions.BAKE_ACTIONS:
            found = actions.bake(inputs, scope, step.place)
            if found is not None:
                self._bake(found)
        elif name == actions.METADATA_ACTION:
            return actions.metadata(inputs, scope)
        elif name == "actions/checkout":
            self._check_out(inputs, scope)
        elif _BRINGS_FILES.match(name):
            self.brought.append(".")
        elif actions.builds_elsewhere(uses, inputs):
            self.world.report(
                "remote-build",
                f"{uses} seems to build an image; what it does is not in these files",
                step.place,
            )
        return {}

    def _check_out(self, inputs: Node | None, scope: Scope) -> None:
        if inputs is None:
            return
        path = join(".", scope.text(inputs.get("path")) or ".")
        repository = scope.text(inputs.get("repository"))
        if repository and repository != to_text(self.world.github.get("repository", "")):
            self.brought.append(path)
        elif not has_hole(path):
            self.checkout = path
        if truth(scope.value(inputs.get("submodules"))) is not False and inputs.get("submodules") is not None:
            self.brought += self._submodules()

    def _submodules(self) -> list[str]:
        tree = self.world.tree
        text = tree.read_text(".gitmodules") if tree.is_file(".gitmodules") else ""
        return re.findall(r"^\s*path\s*=\s*(\S+)", text, re.MULTILINE)

    def _composite(self, uses: str, step: Node, scope: Scope) -> dict[str, Value]:
        directory = rooted(".", uses, self.checkout)
        names = (join(directory, name) for name in ("action.yml", "action.yaml"))
        path = next((name for name in names if self.world.tree.is_file(name)), None)
        if path is None:
            if not has_hole(uses) and not self._could_make(f"{directory}/action.yml"):
                self.world.report("missing-action", f"there is no action {uses}", step.place)
            return {}
        action = self.world.document(path)
        if action is None or self.depth >= MAX_DEPTH:
            return {}
        run = self.inside(action, scope.environment(step.get("with")), as_env(scope))
        run.all(action.get("runs", "steps"))
        self.env |= {name: value for name, value in run.env.items() if name not in as_env(scope)}
        return run.outputs(action.get("outputs"))

    def inside(self, action: Node, given: Mapping[str, Value], env: Mapping[str, Value]) -> Run:
        """The run of a composite action with the inputs that its caller gives."""
        world = self.world
        values = input_values(action.get("inputs"), given, world.github, called=True)
        return replace(
            self,
            scope=world.scope(values, given),
            env=dict(env),
            directory=None,
            depth=self.depth + 1,
            steps=Open(),
        )

    def outputs(self, declared: Node | None) -> dict[str, Value]:
        """The values of an ``outputs:`` mapping, of a job or of a composite action."""
        scope = self._scope()
        entries = declared.mapping if declared is not None else {}
        return {
            name: scope.value(node.get("value") if node.is_mapping else node)
            for name, node in entries.items()
        }

    def _script(self, step: Node, scope: Scope) -> dict[str, Value]:
        node = step.mapping["run"]
        kind = scope.text(step.get("shell")).split(" ")[0]
        text = scope.text(node).replace("\r\n", "\n")
        if posixpath.basename(kind) not in _SHELLS:
            self.made.append(text)
            return {}
        if kind in ("pwsh", "powershell"):
            text = text.replace("`\n", "\\\n")
        directory = scope.text(step.get("working-directory")) or scope.text(self.directory) or "."
        variables = {**self.world.variables, **as_variables(as_env(scope))}
        ran = shell.run(text, variables, join(".", directory))
        lines = text.split("\n")
        for each in ran.commands:
            self._command(each, line_of(node, each.line), "\n".join(lines[: each.line]))
        self.made.append(text)
        self.env |= ran.env
        return dict(ran.outputs)

    def _command(self, each: shell.Command, place: Place, before: str) -> None:
        found = command.read(each, place)
        if isinstance(found, Bake):
            self._bake(found)
        elif found is not None:
            self.made.append(before)
            self._build(found)
            self.made.pop()

    def _build(self, build: Build) -> None:
        checkout = Checkout(self.world.tree, self.checkout, self._could_make)
        declared = declare(build, checkout, self.job[1])
        self.world.take(declared.problems)
        if declared.declaration is not None:
            self.world.found.append(Found(declared.declaration, self.job, self.leg, build.local))

    def _bake(self, bake: Bake) -> None:
        """The images of a bake file are for its own reader; here only a missing one is told."""
        directory = rooted(bake.directory, ".", self.checkout)
        tree = self.world.tree
        if not bake.files:
            if not any(tree.is_file(join(directory, name)) for name in DEFAULT_BAKE_FILES):
                self.world.report("missing-bake-file", f"there is no bake file in {directory}", bake.place)
            return
        for file in bake.files:
            path = rooted(bake.directory, file.value, self.checkout)
            if has_hole(path):
                cause = causes(path)[0]
                self.world.report(
                    "unresolved-expression",
                    f"bake file: {cause} is known only when the workflow runs",
                    file.place,
                )
            elif "://" not in file.value and not tree.is_file(path) and not self._could_make(path):
                self.world.report("missing-bake-file", f"there is no bake file {path}", file.place)

    def _could_make(self, path: str) -> bool:
        """Whether an earlier step may have made the file ``path``."""
        if any(prefix == "." or f"{path}/".startswith(f"{prefix}/") for prefix in self.brought):
            return True
        directory, name = posixpath.split(path)
        mentions = [word for word in (name, directory) if word not in ("", ".")]
        for text in self.made:
            if _FETCHES.search(text):
                return True
            for line in text.split("\n"):
                if any(mention in line for mention in mentions) and _WRITES.search(line):
                    return True
        return False


def as_env(scope: Scope) -> Mapping[str, Value]:
    """The ``env`` context of a scope."""
    env = scope.contexts.get("env")
    return env if isinstance(env, dict) else {}
