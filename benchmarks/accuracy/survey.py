"""What Shipway says about the sources of every build that a clone declares."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.dockerfile.outcome import SourceOutcome
from shipway.dockerfile.resolved import ContextRead
from shipway.fleet.builds import Builds, is_local
from shipway.fleet.load import load_fleet

SECONDS_A_REPOSITORY = 120
# The rule that tells each reason; all others are told by SW106.
RULES = {
    "missing": "SW101",
    "ignored": "SW102",
    "glob-dir-ignored": "SW102",
    "dangling-link": "SW105",
    "link-loop": "SW105",
}
COMPARED = frozenset({"SW101", "SW102"})
CONTEXTS = frozenset({"main", "context"})


@dataclass(frozen=True)
class Source:
    """A source of one build: what is copied, and from which directory. ``own_ignore`` is the ignore file
    that stands beside the Dockerfile, in place of that of the context."""

    read: ContextRead
    context: Path
    own_ignore: Path | None


@dataclass(frozen=True)
class Claim:
    """Something that Shipway says would fail. ``certain`` is False where a variable without a value may get
    one from the image that is built on."""

    repository: str
    rule: str
    reason: str
    path: str
    image: str
    source: Source
    certain: bool = True
    others: tuple[Source, ...] = ()

    @property
    def key(self) -> tuple[str, int, str, str]:
        """What tells one finding from another, whatever the platform."""
        return (self.path, self.source.read.line, self.source.read.source, str(self.source.context))

    @property
    def finding(self) -> tuple[object, ...]:
        """Rule, path, line and subject, as ``check --json`` has them."""
        read = self.source.read
        line = read.span.line if read.span is not None else read.line
        return (self.rule, self.path, line, read.source)


@dataclass
class Survey:
    """One repository: its Dockerfiles (path and digest), the number of builds, the claims, and for every
    build that is called fine all it reads from contexts."""

    repository: str
    root: Path
    dockerfiles: dict[str, str] = field(default_factory=dict)
    builds: int = 0
    refused: int = 0
    claims: list[Claim] = field(default_factory=list)
    fine: list[tuple[str, tuple[Source, ...]]] = field(default_factory=list)
    seconds: float = 0.0


def survey(root: Path) -> Survey:
    """Look at the clone in ``root`` as ``shipway check`` does. Raises what Shipway raises."""
    started = time.perf_counter()
    builds = Builds()
    facts = Facts(load_fleet(root, builds=builds), builds, str(root))
    found = Survey(root.name, root)
    claims: dict[tuple[str, int, str, str], Claim] = {}
    fine: dict[tuple[object, ...], tuple[str, tuple[Source, ...]]] = {}
    for each in facts.declared:
        text = each.build.dockerfile.text.encode("utf-8", errors="surrogateescape")
        found.dockerfiles[each.path] = hashlib.sha256(text).hexdigest()
        found.builds += 1
        found.refused += bool(each.build.problems)
        sources = tuple(_sources(each, root))
        failures = [one for one in each.report.failures if one.read.origin.kind in CONTEXTS]
        for outcome in failures:
            claim = _claim(root, each, outcome, sources)
            claims.setdefault(claim.key, claim)
        if not each.report.failures and not each.build.problems and sources:
            identity = (each.path, *((one.read.expanded, one.context) for one in sources))
            fine.setdefault(identity, (each.path, sources))
    found.claims, found.fine = list(claims.values()), list(fine.values())
    found.seconds = time.perf_counter() - started
    return found


def _claim(root: Path, build: DeclaredBuild, outcome: SourceOutcome, sources: tuple[Source, ...]) -> Claim:
    rule = RULES.get(str(outcome.reason), "SW106")
    source = next(each for each in sources if each.read is outcome.read)
    reason = str(outcome.reason)
    return Claim(root.name, rule, reason, build.path, build.image.name, source, outcome.certain, sources)


def _sources(build: DeclaredBuild, root: Path) -> Iterator[Source]:
    """Everything that is copied from a directory of this machine; what is fetched is left out."""
    inputs = build.inputs
    beside = root / f"{inputs.dockerfile}.dockerignore"
    own = beside if inputs.inline is None and beside.is_file() else None
    for outcome in build.report.outcomes:
        origin = outcome.read.origin
        if outcome.read.kind == "from" or (not outcome.certain and not outcome.failed):
            continue
        if origin.kind == "main" and is_local(inputs.context):
            yield Source(outcome.read, root / inputs.context, own)
        elif origin.kind == "context":
            yield Source(outcome.read, root / inputs.contexts[origin.name], None)


def check_json(root: Path) -> tuple[list[dict[str, object]], str]:
    """The findings of ``shipway check --json`` in a process of its own, and what went wrong, if anything."""
    argv = [sys.executable, "-m", "shipway", "check", "--json", "-C", str(root)]
    try:
        done = subprocess.run(argv, capture_output=True, check=False, timeout=SECONDS_A_REPOSITORY)
    except subprocess.TimeoutExpired:
        return [], f"still running after {SECONDS_A_REPOSITORY} s"
    if done.returncode not in (0, 1) or b"Traceback" in done.stderr:
        return [], f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-300:]}"
    document = json.loads(done.stdout)
    findings: list[dict[str, object]] = document["findings"]
    return findings, ""


def context_findings(findings: Sequence[dict[str, object]]) -> set[tuple[object, ...]]:
    """SW101 and SW102 as rule, path, line and subject."""
    return {
        (each["rule"], each["path"], each["line"], each["subject"])
        for each in findings
        if each["rule"] in COMPARED
    }
