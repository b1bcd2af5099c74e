"""SW327: COPY of several sources to a destination without a slash at its end."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule

_DIRECTORY_ENDS = ("/", "/.", "/..", "\\", "}")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for _, each in text.of("COPY", "ADD"):
            destination = each.args[-1] if each.args else "/"
            if len(each.args) < 3 or destination in (".", "..") or destination.endswith(_DIRECTORY_ENDS):
                continue
            if "$" in destination.rsplit("/", 1)[-1]:
                continue  # the value may end with a slash
            span = text.argument_span(each, -1)
            new = f'"{destination}/"' if each.json else f"{destination}/"
            yield from tell(
                rule,
                text,
                each,
                f"{each.keyword} of several sources to {destination}, which does not end with a slash",
                span,
                subject=destination,
                cause="unless it is a directory already, every source replaces the one before it",
                help=f"write {destination}/",
                fix=text.fix("unsafe", "end the destination with a slash", (span, new)),
            )


RULE = Rule(
    id="SW327",
    name="copy-many-to-file",
    severity="warning",
    summary="COPY of several sources to a destination without a slash at its end",
    rationale="""\
Without a slash at its end the destination is the name of a file, unless it is a directory already. BuildKit
then writes one source over the other and leaves the last; docker's older builder and buildah refuse.

```dockerfile
COPY package.json package-lock.json /app
```

Write `/app/`. hadolint: DL3021.
""",
    check=_check,
    fix="unsafe",
    aliases=("DL3021",),
)
