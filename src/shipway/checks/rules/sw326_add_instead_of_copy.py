"""SW326: ADD where COPY would do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.dockerfile.syntax import Instruction

_REMOTE = re.compile(r"[a-z]+://|git@|[\w.-]+@[\w.-]+:")
_ARCHIVE = re.compile(r"\.(?:tar|tgz|tbz2?|txz|tzst|tar\.\w+|gz|bz2|xz|zst)\Z", re.IGNORECASE)
_ONLY_ADD = ("--checksum", "--keep-git-dir", "--unpack")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for _, each in text.of("ADD"):
            if _is_copy(each):
                span = text.keyword_span(each)
                keyword = "copy" if each.original.lstrip().startswith("add") else "COPY"
                yield from tell(
                    rule,
                    text,
                    each,
                    "ADD of plain files, which is what COPY is for",
                    span,
                    help="write COPY",
                    fix=text.fix("unsafe", "write COPY", (span, keyword)),
                )


def _is_copy(each: Instruction) -> bool:
    """Whether nothing that only ADD can do is asked for, or may be: a variable or a wildcard may name an
    archive or an address."""
    sources = each.args[:-1]
    return (
        bool(sources)
        and not any(
            "$" in source
            or any(character in source for character in "*?[")
            or source.startswith("<<")
            or _REMOTE.match(source)
            or _ARCHIVE.search(source)
            for source in sources
        )
        and not any(flag.startswith(_ONLY_ADD) for flag in each.flags)
    )


RULE = Rule(
    id="SW326",
    name="add-instead-of-copy",
    severity="info",
    summary="ADD where COPY would do",
    rationale="""\
`ADD` also fetches addresses and unpacks archives, told by their content and not by their name. `COPY` puts
there what it is given.

```dockerfile
ADD app.py /app/
```

Write `COPY app.py /app/`. The fix is unsafe, since a file without the name of an archive may be one.
hadolint: DL3020.
""",
    check=_check,
    fix="unsafe",
    aliases=("DL3020",),
)
