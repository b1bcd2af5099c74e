"""SW001: an inline ignore that ignores nothing."""

from __future__ import annotations

from collections.abc import Iterable

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding, Fix
from shipway.checks.rule import Rule
from shipway.checks.suppress import Suppression


def _nothing(_rule: Rule, _facts: Facts) -> Iterable[Finding]:
    """Only the runner knows which ignores were used; see ``unused``."""
    return ()


def unused(suppression: Suppression) -> Finding:
    """The finding for an ignore that no finding needed."""
    names = ",".join(suppression.rules)
    return RULE.finding(
        suppression.place,
        f"nothing here is found by {names}, which this comment ignores",
        subject=names,
        cause="what it was written for is mended, or stands elsewhere",
        help="delete the comment: shipway check --fix does",
        fix=Fix("safe", "delete the comment", (suppression.edit,)),
    )


RULE = Rule(
    id="SW001",
    name="unused-ignore",
    severity="warning",
    summary="An inline ignore that ignores nothing",
    rationale="""\
A comment such as `# shipway: ignore=SW101 copied by the release job` silences findings. One that silences
nothing misleads its reader, and would hide the next finding of that rule without anybody having decided so.

```dockerfile
# shipway: ignore=SW101 written before the file was there
COPY app.py /app/
```

Delete the comment. A comment counts for the instruction directly below it, and before the first instruction
for the whole file. An ignore of a rule that did not run is not reported.
""",
    check=_nothing,
    fix="safe",
)
