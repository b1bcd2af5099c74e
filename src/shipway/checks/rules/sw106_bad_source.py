"""SW106: a source that cannot be expanded, is no valid pattern, or whose wildcard has no directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.checks.sources import Failure, declared_at, failures, replacement, source_finding, where
from shipway.dockerfile.outcome import Reason
from shipway.dockerfile.sources import clean

_HELP: Mapping[Reason, str] = {
    "bad-pattern": "close the bracket; a literal one is written [[]",
    "expansion": "mend the variable or the quotes of this word",
    "glob-dir-missing": "name a directory that exists: a wildcard may match nothing, its directory may not",
    "glob-dir-not-sent": "copy the directory itself, or put a wildcard into its name: su[b]/*.x",
}


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for failure in failures(facts, "bad-pattern", "expansion", "glob-dir-missing", "glob-dir-not-sent"):
        outcome = failure.outcome
        near = outcome.nearest
        help = f"did you mean {near}?" if near else _HELP[outcome.reason or "expansion"]
        yield source_finding(
            rule,
            facts,
            failure,
            _message(failure),
            cause=declared_at(failure.build) if outcome.reason == "glob-dir-missing" else None,
            help=help,
            fix=replacement(failure.build, failure.read, near + _below(failure)) if near else None,
        )


def _below(failure: Failure) -> str:
    """What a pattern says about the inside of its missing directory."""
    return clean(failure.read.expanded or "")[len(failure.outcome.path.lstrip("/")) :]


def _message(failure: Failure) -> str:
    outcome = failure.outcome
    if outcome.reason == "bad-pattern":
        return "the wildcard pattern is malformed"
    if outcome.reason == "expansion":
        return f"the word cannot be expanded: {outcome.detail}"
    if outcome.reason == "glob-dir-missing":
        place = where(failure.build, failure.read)
        return f"there is no directory {outcome.path} in {place} for the wildcard to look into"
    return f"nothing in {outcome.path} matches, and no other instruction transfers that directory"


RULE = Rule(
    id="SW106",
    name="bad-source",
    severity="error",
    summary="A source is malformed, or its wildcard has no directory to look into",
    rationale="""\
Four ways in which a source fails whatever the files are named:

* the word cannot be expanded (`${VERSION:?}` without a value, an open quote, an unknown modifier);
* the pattern is malformed (`[` without `]`);
* the directory before the first wildcard does not exist: `COPY conf/*.toml /etc/` needs `conf`, though it
  needs no match in it;
* that directory exists, nothing in it matches, and no other instruction transfers it: BuildKit sends only
  what some instruction names, so the directory is not there when the wildcard is looked up.

```dockerfile
COPY migrations/*.sql /db/
```

A source that may be absent is written with the wildcard in its first component: `migration[s]/*.sql`.
""",
    check=_check,
    fix="display",
)
