"""SW313: a CMD, ENTRYPOINT or HEALTHCHECK that a later one replaces."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.dockerfile.syntax import Instruction


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for keyword in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
            before: dict[int, Instruction] = {}
            for stage, each in text.of(keyword):
                earlier = before.get(stage.index)
                before[stage.index] = each
                if earlier is not None:
                    yield from tell(
                        rule,
                        text,
                        earlier,
                        f"this {keyword} has no effect",
                        cause=f"line {each.line} replaces it: the last one of a stage counts",
                        help="delete one of them",
                    )


RULE = Rule(
    id="SW313",
    name="repeated-instruction",
    severity="warning",
    summary="A CMD, ENTRYPOINT or HEALTHCHECK that a later one replaces",
    rationale="""\
A stage has one command, one entry point and one health check: the last of each. An earlier one in the same
stage is either left over, or was meant to run as well.

```dockerfile
CMD ["nginx"]
CMD ["app"]
```

Delete the one that is not meant; what should run besides belongs into another container, or under a process
manager. BuildKit: MultipleInstructionsDisallowed. hadolint: DL3012, DL4003, DL4004.
""",
    check=_check,
    aliases=("MultipleInstructionsDisallowed", "DL3012", "DL4003", "DL4004"),
)
