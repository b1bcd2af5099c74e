"""SW307: a WORKDIR that is relative to one of the base image."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.checks.text import Text

_ABSOLUTE = re.compile(r"[\"']?(?:[/\\$]|[A-Za-z]:)")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        if "WORKDIR" in text.by_keyword:
            yield from _of_text(rule, text)


def _of_text(rule: Rule, text: Text) -> Iterator[Finding]:
    settled: set[str] = set()
    seen: set[int] = set()
    for stage, each in text.of("WORKDIR"):
        if stage.index in seen or not each.args:
            continue
        seen.add(stage.index)
        path = each.args[0]
        inherited = stage.base.lower() in settled
        if stage.name is not None:
            settled.add(stage.name)
        if not inherited and not _ABSOLUTE.match(path):
            yield from tell(
                rule,
                text,
                each,
                f"the working directory {path} is relative to that of the base image",
                text.argument_span(each, 0),
                subject=path,
                cause="it moves when the base image changes its own",
                help=f"write it from the root: WORKDIR /{path.removeprefix('./')}",
            )


RULE = Rule(
    id="SW307",
    name="relative-workdir",
    severity="warning",
    summary="A WORKDIR that is relative to one of the base image",
    rationale="""\
The first `WORKDIR` of a stage, when it is relative, continues the one of the base image, wherever that is.

```dockerfile
FROM node:22
WORKDIR app
```

Write it from the root: `WORKDIR /app`. Later ones may be relative to it, and a stage may rely on the one of
an earlier stage that it builds FROM. BuildKit: WorkdirRelativePath. hadolint: DL3000.
""",
    check=_check,
    aliases=("WorkdirRelativePath", "DL3000"),
)
