"""SW715: a policy is held at a tag for longer than was meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live
from shipway.errors import ConfigError
from shipway.fleet.tree import FileTree
from shipway.gitops.edits.hold import Hold, holds


def ended(tree: FileTree, now: datetime) -> Iterator[Finding]:
    """The findings for policies whose hold is over at ``now``, or does not tell when."""
    for path in tree.mentioning(".yaml", ".yml"):
        try:
            found = list(holds(tree.read(path), path))
        except ConfigError:
            continue  # what cannot be parsed, Flux does not read either
        for each in found:
            if each.until is None or each.until <= now:
                yield _finding(each)


def _finding(hold: Hold) -> Finding:
    since = "does not tell until when" if hold.until is None else f"ended on {hold.until:%Y-%m-%d %H:%M} UTC"
    return RULE.finding(
        hold.place,
        f"the hold on the ImagePolicy {hold.policy} {since}, and newer images are still kept out",
        subject=hold.policy,
        help="end it: shipway rollback --release IMAGE, or hold it anew with another rollback",
    )


RULE = Rule(
    id="SW715",
    name="hold-ended",
    severity="warning",
    summary="A policy that was held after a rollback is still held",
    rationale="""\
`shipway rollback` pins the ImagePolicy of an image to the tag that it went back to, so that Flux does not
deploy the broken one again a minute later. The annotation `shipway.io/hold-until` tells until when that was
meant to last; nothing ends it by itself, since what is right then is a decision.

`shipway rollback --release IMAGE` gives the policy back as it was, byte for byte. Where the hold is still
needed, roll back again: that holds it anew.

The rule is about the time of the check, so that a repository which passed today may not tomorrow.
""",
    check=seen_live,
    live=True,
)
