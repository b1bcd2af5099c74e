"""SW325: COPY to a relative path without a WORKDIR."""

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
        yield from _of_text(rule, text)


def _of_text(rule: Rule, text: Text) -> Iterator[Finding]:
    """A stage that builds FROM one with a WORKDIR has it too, and one on scratch stands at the root."""
    settled = {"scratch"}
    for stage in text.dockerfile.stages:
        has_workdir = stage.base in settled
        for each in stage.instructions:
            if each.keyword == "WORKDIR":
                has_workdir = True
            elif each.keyword in ("COPY", "ADD") and not has_workdir and len(each.args) > 1:
                destination = each.args[-1]
                if not _ABSOLUTE.match(destination):
                    yield from tell(
                        rule,
                        text,
                        each,
                        f"{each.keyword} to {destination} goes wherever the base image has its WORKDIR",
                        text.argument_span(each, -1),
                        subject=destination,
                        help="write the destination from the root, or set WORKDIR above",
                    )
        if has_workdir and stage.name is not None:
            settled.add(stage.name)


RULE = Rule(
    id="SW325",
    name="relative-destination",
    severity="info",
    summary="COPY to a relative path without a WORKDIR",
    rationale="""\
A relative destination counts from the working directory. Where the stage sets none, that of the base image
decides, and the files move when it does.

```dockerfile
FROM nginx:1.29
COPY site.conf conf.d/
```

Write `COPY site.conf /etc/nginx/conf.d/`, or a `WORKDIR` above. hadolint: DL3045.
""",
    check=_check,
    aliases=("DL3045",),
)
