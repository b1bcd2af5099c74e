"""SW332: a label of the OCI specification whose value is not what it asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule

_PREFIX = "org.opencontainers.image."
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+\Z|git@\S+\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)\Z")
_LICENCE = re.compile(r"(?:\(*[A-Za-z0-9.+:-]+\)*)(?:\s+(?:AND|OR|WITH)\s+\(*[A-Za-z0-9.+:-]+\)*)*\Z")
_FORMS = {
    "created": (_TIME, "a time as in RFC 3339, such as 2026-11-21T08:00:00Z"),
    "url": (_URL, "a URL"),
    "source": (_URL, "a URL"),
    "documentation": (_URL, "a URL"),
    "licenses": (_LICENCE, "an SPDX expression, such as Apache-2.0 OR MIT"),
}


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for _, each in text.of("LABEL"):
            if _PREFIX not in each.original:
                continue
            for key, word in zip(each.args[::3], each.args[1::3], strict=True):
                form = _FORMS.get(key.strip("\"'").removeprefix(_PREFIX)) if _PREFIX in key else None
                value = word.strip("\"'")
                if form is not None and value and "$" not in value and not form[0].match(value):
                    yield from tell(
                        rule,
                        text,
                        each,
                        f"{key} should be {form[1]}",
                        text.word_span(each, word),
                        subject=value,
                    )


RULE = Rule(
    id="SW332",
    name="annotation-value",
    severity="info",
    summary="A label of the OCI specification whose value is not what it asks for",
    rationale="""\
Registries and scanners read these labels: `created` is a time as in RFC 3339, `url`, `source` and
`documentation` are URLs, `licenses` an SPDX expression. They skip what has another form.

```dockerfile
LABEL org.opencontainers.image.licenses="Apache License"
```

Write `Apache-2.0`. Values with variables are not looked at. Source: OCI image specification, annotations.
hadolint: DL3052, DL3053, DL3054, when its configuration asks for it.
""",
    check=_check,
)
