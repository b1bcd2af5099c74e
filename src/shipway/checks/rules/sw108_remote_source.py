"""SW108: a URL or Git repository where none is allowed, or a checksum where none can be."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.checks.sources import failures, source_finding


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for failure in failures(facts, "remote-not-allowed"):
        yield source_finding(
            rule,
            facts,
            failure,
            "only ADD takes a URL or a Git repository",
            help="write ADD, with --checksum for a file that must not change",
        )
    for failure in failures(facts, "checksum-not-allowed"):
        yield source_finding(
            rule,
            facts,
            failure,
            "--checksum needs a single HTTP or Git source",
            help="give each source an ADD of its own, and drop the flag for files of the context",
        )


RULE = Rule(
    id="SW108",
    name="remote-source",
    severity="error",
    summary="A URL in COPY, or a checksum that has nothing to check",
    rationale="""\
COPY reads the context, stages and images. Only ADD fetches `http(s)://` URLs and Git repositories
(`git@…`, `git://`, `ssh://`, `https://….git#ref`), and only a single one of those can have a `--checksum`.

```dockerfile
COPY https://example.org/tool.tar.gz /opt/
```

Write `ADD --checksum=sha256:… https://example.org/tool.tar.gz /opt/`.
""",
    check=_check,
)
