"""Which stages a build needs, and what the names in it stand for (BuildKit, dispatchStates)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shipway.dockerfile.resolved import ResolveProblem
from shipway.dockerfile.stages import stage_named
from shipway.dockerfile.syntax import Dockerfile, Instruction, Stage, printable
from shipway.dockerfile.validate import mount_fields
from shipway.dockerfile.words import ExpansionError, expand
from shipway.errors import InvalidValue
from shipway.place import Place
from shipway.values import Reference

SCRATCH = "scratch"
INDEX = re.compile(r"[+-]?[0-9]{1,18}\Z")


class Problems:
    """What keeps a build of ``path`` from starting, each thing once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._found: dict[ResolveProblem, None] = {}

    def add(
        self,
        reason: Literal["bad-target", "bad-base", "bad-stage", "expansion"],
        message: str,
        source: str,
        line: int,
        help: str | None = None,
    ) -> None:
        problem = ResolveProblem(reason, printable(message), source, Place(self._path, line), help)
        self._found[problem] = None

    def add_syntax(self, dockerfile: Dockerfile) -> None:
        """Take over what is wrong with the text."""
        for each in dockerfile.problems:
            if each.fatal:
                self._found[ResolveProblem("syntax", each.message, "", each.place, each.help)] = None

    def all(self) -> tuple[ResolveProblem, ...]:
        return tuple(self._found)


@dataclass(frozen=True, slots=True)
class Site:
    """An instruction that is run in ``stage``, and the line that is blamed for it."""

    instruction: Instruction
    stage: Stage
    line: int


class StageGraph:
    """The stages of a Dockerfile with their bases after expansion. ``base_texts`` is one for each stage."""

    def __init__(
        self,
        dockerfile: Dockerfile,
        values: Mapping[str, str],
        contexts: Mapping[str, str],
        problems: Problems,
    ) -> None:
        self.stages = dockerfile.stages
        self.problems = problems
        self.contexts = {context_key(name): (name, value) for name, value in contexts.items()}
        self.base_texts = [self._base_text(stage, values, dockerfile.escape) for stage in self.stages]
        self._check_indexes()

    def find_target(self, target: str | None) -> int | None:
        """The index of a stage named in any case, the last one for None; a problem when there is none."""
        if target is None:
            return self.stages[-1].index if self.stages else None
        found = stage_named(self.stages, target)
        if found is None:
            names = [stage.name for stage in self.stages if stage.name]
            close = difflib.get_close_matches(target.lower(), names, 1)
            help = (
                f"did you mean {close[0]}?" if close else f"stages: {', '.join(names) or 'none has a name'}"
            )
            self.problems.add("bad-target", f"there is no stage {target!r}", target, 0, help)
            return None
        return found.index

    def reachable(self, target: int) -> Sequence[Stage]:
        """The stages that the target needs; they only ever point to earlier ones."""
        wanted = {target}
        for stage in reversed(self.stages[: target + 1]):
            if stage.index in wanted:
                wanted.update(self._needs(stage))
        return [stage for stage in self.stages if stage.index in wanted]

    def _needs(self, stage: Stage) -> Iterator[int]:
        if self.replacement(stage) is not None:
            return
        base = self.base_stage(stage)
        if base is not None:
            yield base.index
        for site in self.sites(stage, base):
            for name, by_index in from_names(site.instruction):
                if not (by_index and INDEX.match(name)) and self.context(name) is not None:
                    continue
                found = self.source_stage(name, by_index)
                if found is not None and found.index < stage.index:
                    yield found.index

    def _base_text(self, stage: Stage, values: Mapping[str, str], escape: str) -> str:
        """The base of a stage after expansion; BuildKit expands all of them, reachable or not."""
        try:
            text = expand(stage.base, values, escape).text
        except ExpansionError as error:
            self.problems.add("bad-base", f"cannot expand {stage.base!r}: {error}", stage.base, stage.line)
            return ""
        if not text and stage.base:
            self.problems.add(
                "bad-base",
                f"FROM {stage.base} names nothing after expansion",
                stage.base,
                stage.line,
                "give the ARG a default before the first FROM, or pass the build arg",
            )
        return text

    def base_stage(self, stage: Stage) -> Stage | None:
        """The earlier stage that ``stage`` builds from, compared in lower case, the last of that name."""
        text = self.base_texts[stage.index]
        return next((each for each in reversed(self.stages[: stage.index]) if each.name == text), None)

    def source_stage(self, name: str, by_index: bool) -> Stage | None:
        """The stage that ``--from`` or ``from=`` names, wherever it stands."""
        if by_index and INDEX.match(name):
            index = int(name)
            return self.stages[index] if 0 <= index < len(self.stages) else None
        return stage_named(self.stages, name)

    def context(self, name: str) -> tuple[str, str] | None:
        """The named context of that name, and what it stands for."""
        if not self.contexts or not name or name == SCRATCH:
            return None
        return self.contexts.get(context_key(name))

    def replacement(self, stage: Stage) -> tuple[str, str] | None:
        """The named context that stands in for a whole stage."""
        return self.context(stage.name) if stage.name else None

    def _check_indexes(self) -> None:
        """A number that names no stage fails the build even in a stage that is not built."""
        for stage in self.stages:
            for each in stage.instructions:
                name = each.flag("from") if each.keyword == "COPY" else None
                if name and INDEX.match(name) and not 0 <= int(name) < len(self.stages):
                    self.problems.add("bad-stage", f"there is no stage number {name}", name, each.line)

    def sites(self, stage: Stage, base: Stage | None) -> Iterator[Site]:
        """What runs in a stage: the triggers of its base first, blamed on its FROM, then its own lines."""
        if base is not None and self.replacement(base) is None:
            for trigger in base.triggers:
                yield Site(trigger, stage, stage.line)
        for each in stage.instructions:
            yield Site(each, stage, each.line)


def from_names(instruction: Instruction) -> Iterator[tuple[str, bool]]:
    """What an instruction reads from besides the main context; only COPY takes stage numbers."""
    if instruction.keyword == "COPY" and (name := instruction.flag("from")):
        yield name, True
    if instruction.keyword == "RUN":
        for value in instruction.flag_values("mount"):
            try:
                yield from ((text, False) for key, text in mount_fields(value) if key == "from" and text)
            except ValueError:
                continue


def context_key(name: str) -> str:
    """Context names compare as image names do: without ``docker.io/library/`` and ``:latest``."""
    try:
        return Reference.parse(name).familiar.removesuffix(":latest")
    except InvalidValue:
        return name
