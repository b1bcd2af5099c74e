"""Check: all rules over the fleet, and the fixes of what they find, to a fixpoint, written at the end."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

from shipway.checks.baseline import BASELINE_FILE, Baseline, read_baseline, write_baseline
from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.fixes import Skipped, mend
from shipway.checks.policy import policy_of
from shipway.checks.runner import EVERYTHING, CheckResult, run_checks
from shipway.checks.selection import Selection
from shipway.checks.table import known_selectors
from shipway.errors import GitError, HostError, UsageError
from shipway.fleet.builds import Builds
from shipway.fleet.model import Fleet
from shipway.fleet.shapes import did_you_mean
from shipway.fleet.tree import FileTree
from shipway.oci.files import write_durably
from shipway.ports import WorkingCopy

Mode: TypeAlias = Literal["report", "fix", "diff"]
MAX_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What a check is asked. ``mode`` fix writes files, diff tells what would be written. ``baseline`` is
    a path relative to the fleet's root, None for the fleet's own or the usual one, if there. ``hadolint``
    allows that program to be run where it is installed."""

    selection: Selection = EVERYTHING
    mode: Mode = "report"
    unsafe: bool = False
    baseline: str | None = None
    update_baseline: bool = False
    hadolint: bool = True


@dataclass(frozen=True, slots=True)
class Other:
    """Findings that no rule over files makes (registries, engines, hadolint), and the families of rules
    that were looked for."""

    findings: tuple[Finding, ...] = ()
    families: tuple[str, ...] = ()

    def and_also(self, other: Other) -> Other:
        """The findings and families of both."""
        return Other(self.findings + other.findings, self.families + other.families)


@dataclass(frozen=True, slots=True)
class Checked:
    """``result`` is what is left after fixes. ``mended`` are the findings that fixes removed, ``skipped``
    the fixes that could not be applied. ``changed`` maps files to their bytes before and after.
    ``settled`` is False when fixes still wanted to change something after the last round. ``baseline`` is
    the file that was written. ``facts`` are those of ``result``."""

    result: CheckResult
    facts: Facts
    mended: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    changed: Mapping[str, tuple[bytes, bytes]] = field(default_factory=dict)
    settled: bool = True
    baseline: str | None = None

    def diff(self) -> str:
        """The changes as a unified diff; bytes that are not UTF-8 are surrogates."""
        return "".join(line for path in sorted(self.changed) for line in _diff(path, *self.changed[path]))


NOTHING_ELSE = Other()


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks the fleet below ``directory``, which ``load`` reads through the Builds it is given."""

    load: Callable[[Builds], Fleet]
    directory: Path
    working_copy: WorkingCopy
    environ: Mapping[str, str]

    def facts(self, builds: Builds | None = None) -> Facts:
        """What rules look at."""
        builds = builds or Builds()
        return Facts(
            self.load(builds),
            builds,
            str(self.directory),
            self._tracked(),
            self.environ,
            self._git_rules,
        )

    def check(self, request: CheckRequest, facts: Facts, other: Other = NOTHING_ELSE) -> Checked:
        """Check and, where asked, mend. Raises ConfigError for a broken fleet file or baseline, UsageError
        for an image that is not in the fleet."""
        _require_images(facts, request.selection.images)
        path = request.baseline or facts.fleet.checks.baseline or BASELINE_FILE
        if request.update_baseline:
            result = _run(facts, request.selection, Baseline(), other)
            write_durably(self.directory / path, write_baseline(result.findings).encode())
            known = read_baseline((self.directory / path).read_bytes(), path)
            return Checked(_run(facts, request.selection, known, other), facts, baseline=path)
        baseline = self._baseline(path, required=path != BASELINE_FILE)
        if request.mode == "report":
            return Checked(_run(facts, request.selection, baseline, other), facts)
        checked = self._mend(request, facts, baseline, other)
        if request.mode == "fix":
            self._write(checked.changed)
        return checked

    def told_again(self, checked: Checked, request: CheckRequest, other: Other) -> Checked:
        """``checked`` with the findings of others, who looked at the files as they are now."""
        path = request.baseline or checked.facts.fleet.checks.baseline or BASELINE_FILE
        baseline = self._baseline(path, required=path != BASELINE_FILE)
        return replace(checked, result=_run(checked.facts, request.selection, baseline, other))

    def _mend(self, request: CheckRequest, facts: Facts, baseline: Baseline, other: Other) -> Checked:
        """Rounds of fixes in memory until nothing changes. A file that goes by several names is edited by
        one of them in a round."""
        names: dict[Path, str] = {}
        before: dict[str, bytes] = {}
        edited: dict[Path, bytes] = {}
        mended: list[Finding] = []
        for _ in range(MAX_ROUNDS):
            result = _run(facts, request.selection, baseline, other)
            found = mend(
                result.findings, unsafe=request.unsafe, read=facts.data, dockerfiles=facts.dockerfiles
            )
            if not found.files:
                break
            mended += found.applied
            for path, data in found.files.items():
                target = (self.directory / path).resolve()
                if names.setdefault(target, path) == path:
                    before.setdefault(path, facts.data(path))
                    edited[target] = data
            facts = self.facts(Builds(dict(edited)))
        else:
            result = _run(facts, request.selection, baseline, other)
        changed = {path: (data, facts.data(path)) for path, data in before.items()}
        return Checked(result, facts, tuple(mended), found.skipped, changed, settled=not found.files)

    def _baseline(self, path: str, *, required: bool) -> Baseline:
        tree = FileTree(self.directory)
        if not required and not tree.is_file(path):
            return Baseline()
        return read_baseline(tree.read(path), path)

    def _write(self, changed: Mapping[str, tuple[bytes, bytes]]) -> None:
        """Replace each file at once, following links, unless somebody else changed it meanwhile."""
        for path, (before, after) in changed.items():
            target = (self.directory / path).resolve()
            if target.read_bytes() != before:
                raise HostError(f"{path} changed while it was checked", help="run the same command again")
            mode = target.stat().st_mode
            write_durably(target, after)
            target.chmod(mode & 0o7777)

    def _tracked(self) -> frozenset[str] | None:
        try:
            return self.working_copy.tracked(self.directory)
        except GitError:
            return None  # no git, or files that it does not trust: nothing is said about it

    def _git_rules(self, paths: Sequence[str]) -> Mapping[str, str]:
        try:
            return self.working_copy.ignore_rules(self.directory, paths)
        except GitError:
            return {}


def _require_images(facts: Facts, names: frozenset[str]) -> None:
    known = [image.name for image in facts.fleet.images]
    for name in sorted(names.difference(known)):
        raise UsageError(f"there is no image {name!r} in the fleet", help=did_you_mean(name, known))


def _run(facts: Facts, selection: Selection, baseline: Baseline, other: Other) -> CheckResult:
    return run_checks(
        facts,
        selection,
        policy=policy_of(facts.fleet.checks, known_selectors()),
        baseline=baseline,
        extra=other.findings,
        ran=other.families,
    )


def _diff(path: str, before: bytes, after: bytes) -> Iterator[str]:
    old, new = (data.decode("utf-8", errors="surrogateescape") for data in (before, after))
    for line in difflib.unified_diff(_lines(old), _lines(new), f"a/{path}", f"b/{path}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    """Lines with their ends; a carriage return is part of its line."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
