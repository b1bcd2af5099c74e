"""What a script runs, as far as files tell: its commands with their words, directory and variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from shipway.fleet.discover.workflows import script
from shipway.fleet.discover.workflows.build import WORKSPACE
from shipway.fleet.discover.workflows.holes import has_hole, hole, is_hole
from shipway.fleet.discover.workflows.script import Item, Redirection, Simple
from shipway.fleet.discover.workflows.words import expand, expand_one
from shipway.fleet.tree import join

# more than any real loop over images has; a script that runs more is read up to here
MAX_COMMANDS = 4096
_MAX_VALUE = 64 * 1024
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)(.*)", re.DOTALL)
_DECLARES = frozenset({"export", "declare", "local", "readonly", "typeset"})
_RUNNER_FILE = re.compile(r"GITHUB_(ENV|OUTPUT)\b")


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a script runs: its words, its line (from 0), the directory and variables it runs with.

    ``stdin`` is the text of a here-document, ``stdin_file`` the word after ``<``.
    """

    words: tuple[str, ...]
    line: int
    directory: str
    variables: Mapping[str, str]
    stdin: str | None = None
    stdin_file: str | None = None


@dataclass(slots=True)
class Ran:
    """What a script did: its commands, and what it told the runner through ``$GITHUB_ENV`` and
    ``$GITHUB_OUTPUT``; a value that only some runs set is a hole."""

    commands: list[Command] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)


def run(text: str, variables: Mapping[str, str], directory: str) -> Ran:
    """Follow a script; ``directory`` is where it starts, relative to the repository root."""
    shell = _Shell({**variables, "PWD": join(WORKSPACE, directory)}, directory)
    shell.block(script.parse(text))
    return shell.finish()


class _Shell:
    def __init__(self, variables: dict[str, str], directory: str) -> None:
        self._variables = variables
        self._directory = directory
        self._ran = Ran()
        self._written: dict[str, list[tuple[str, bool]]] = {"ENV": [], "OUTPUT": []}
        self._maybe = 0

    def finish(self) -> Ran:
        self._ran.env = _entries(self._written["ENV"])
        self._ran.outputs = _entries(self._written["OUTPUT"])
        return self._ran

    def block(self, items: Sequence[Item], into: str | None = None) -> None:
        """Follow ``items``; ``into`` is the runner's file that their output goes to."""
        for item in items:
            if len(self._ran.commands) >= MAX_COMMANDS:
                return
            match item:
                case script.Simple():
                    self._simple(item, into)
                case script.Loop():
                    self._loop(item, into)
                case script.Branch():
                    self._branch(item, into)
                case script.Group():
                    self._group(item, into)

    def _loop(self, loop: script.Loop, into: str | None) -> None:
        values = [text for word in loop.words for text in expand(word, self._variables)]
        if any(is_hole(value) or re.search(r"[*?{]", value) for value in values):
            values = [hole(f"${loop.variable}")]
        for value in values:
            self._variables[loop.variable] = value
            self.block(loop.body, into)

    def _branch(self, branch: script.Branch, into: str | None) -> None:
        before, directory = dict(self._variables), self._directory
        after: dict[str, str] = {}
        self._maybe += 1
        for arm in branch.arms:
            self._variables = dict(before)
            if branch.repeats:
                self._variables |= {name: hole(f"${name}") for name in _assigned(arm)}
            self.block(arm, into)
            changed = {name: value for name, value in self._variables.items() if before.get(name) != value}
            after |= {name: hole(f"${name}") for name in changed}
        self._maybe -= 1
        self._variables, self._directory = before | after, directory

    def _group(self, group: script.Group, into: str | None) -> None:
        before, directory = dict(self._variables), self._directory
        self.block(group.body, _runner_file(group.redirections) or into)
        if group.subshell:
            self._variables, self._directory = before, directory

    def _simple(self, simple: Simple, into: str | None) -> None:
        assignments, words = _split_assignments(simple.words)
        if not words:
            self._assign(assignments)
            return
        local = {**self._variables}
        for name, operator, value in assignments:
            local[name] = (local.get(name, "") if operator == "+=" else "") + expand_one(value, local)
        fields = [text for word in words for text in expand(word, self._variables)]
        if not fields:
            return
        self._effect(fields, words)
        self._write(fields, _destination(simple) or into)
        self._ran.commands.append(
            Command(
                tuple(fields),
                simple.line,
                self._directory,
                local,
                _here_document(simple.redirections),
                _input_file(simple.redirections, self._variables),
            )
        )

    def _assign(self, assignments: Sequence[tuple[str, str, str]]) -> None:
        for name, operator, word in assignments:
            value = hole(f"${name}") if word.startswith("(") else expand_one(word, self._variables)
            before = self._variables.get(name, "") if operator == "+=" else ""
            self._variables[name] = (
                before + value if len(before) + len(value) <= _MAX_VALUE else hole(f"${name}")
            )

    def _effect(self, fields: Sequence[str], words: Sequence[str]) -> None:
        """What a builtin does to the variables or the directory."""
        name = fields[0]
        if name in _DECLARES:
            self._assign([found for word in words[1:] if (found := _assignment(word)) is not None])
        elif name in ("read", "mapfile", "readarray"):
            self._variables |= {word: hole(f"${word}") for word in fields[1:] if word.isidentifier()}
        elif name == "unset":
            self._variables |= {word: "" for word in fields[1:] if word.isidentifier()}
        elif name in ("cd", "pushd"):
            target = next((word for word in fields[1:] if word == "-" or not word.startswith("-")), "~")
            self._enter(hole("cd -") if target == "-" else join(self._directory, target))
        elif name == "popd":
            self._enter(hole("popd"))

    def _enter(self, directory: str) -> None:
        self._directory = directory
        self._variables["PWD"] = join(WORKSPACE, directory)

    def _write(self, fields: Sequence[str], into: str | None) -> None:
        if into is None or fields[0] not in ("echo", "printf"):
            return
        words = [word for word in fields[1:] if word not in ("-e", "-n", "-E")]
        if fields[0] == "printf" and "%" in "".join(words):
            return
        text = " ".join(words).replace("\\n", "\n")
        self._written[into] += [(line, self._maybe > 0) for line in text.rstrip("\n").split("\n")]


def _split_assignments(words: Sequence[str]) -> tuple[list[tuple[str, str, str]], Sequence[str]]:
    assignments: list[tuple[str, str, str]] = []
    for index, word in enumerate(words):
        found = _assignment(word)
        if found is None:
            return assignments, words[index:]
        assignments.append(found)
    return assignments, ()


def _assignment(word: str) -> tuple[str, str, str] | None:
    match = _ASSIGNMENT.match(word)
    return (match[1], match[2], match[3]) if match else None


def _assigned(items: Sequence[Item]) -> set[str]:
    """The variables that ``items`` may set."""
    names: set[str] = set()
    for item in items:
        match item:
            case script.Simple():
                names |= {found[0] for word in item.words if (found := _assignment(word)) is not None}
            case script.Loop() | script.Group():
                names |= _assigned(item.body)
            case script.Branch():
                names |= {name for arm in item.arms for name in _assigned(arm)}
    return names


def _runner_file(redirections: Sequence[Redirection]) -> str | None:
    for redirection in redirections:
        match = _RUNNER_FILE.search(redirection.word)
        if match and redirection.operator in (">", ">>"):
            return match[1]
    return None


def _destination(simple: Simple) -> str | None:
    """The runner's file that a command writes to, itself or through ``tee``."""
    if simple.piped is not None and simple.piped.words[:1] == ("tee",):
        match = _RUNNER_FILE.search(" ".join(simple.piped.words))
        return match[1] if match else None
    return _runner_file(simple.redirections)


def _here_document(redirections: Sequence[Redirection]) -> str | None:
    return next((each.body for each in redirections if each.body is not None), None)


def _input_file(redirections: Sequence[Redirection], variables: Mapping[str, str]) -> str | None:
    return next((expand_one(each.word, variables) for each in redirections if each.operator == "<"), None)


def _entries(lines: Sequence[tuple[str, bool]]) -> dict[str, str]:
    """``name=value`` lines and ``name<<DELIMITER`` blocks, as GitHub's workflow commands define them."""
    entries: dict[str, str] = {}
    rest = iter(lines)
    for line, maybe in rest:
        name, equals, value = line.partition("=")
        block = re.match(r"([^=<]+)<<(.+)\Z", line)
        if block:
            name, value = block[1], "\n".join(_until(rest, block[2]))
        elif not equals:
            continue
        if not has_hole(name):
            entries[name] = hole(f"${{{{ {name} }}}}") if maybe else value
    return entries


def _until(lines: Iterator[tuple[str, bool]], delimiter: str) -> list[str]:
    body: list[str] = []
    for line, _ in lines:
        if line == delimiter:
            break
        body.append(line)
    return body
