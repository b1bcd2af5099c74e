"""SW333: a JSON array that is none, and is taken for words of a shell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.dockerfile.syntax import Instruction

_MEANT_AS_ARRAY = re.compile(r"\[\s*(?:[\"'\u2018-\u201d].*|[\w./-]+\s*,.*)\]\s*(?:#.*)?\Z", re.DOTALL)
_COMMAND = re.compile(r"\[[\"'].*[\"']\s*,?\s*\]\Z", re.DOTALL)
_KEYWORD = re.compile(r"\S+\s+((?:--\S+\s+)*)")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for _, each in text.of("CMD", "ENTRYPOINT", "RUN", "VOLUME", "COPY", "ADD"):
            written = _written(each)
            if each.json or each.heredocs or not _is_meant_as_array(each.keyword, written):
                continue
            yield from tell(
                rule,
                text,
                each,
                f"this is no JSON array, so {each.keyword} takes it for plain text",
                text.word_span(each, written),
                subject=written,
                cause=_why(written),
                help="write double quotes, commas between the strings, and nothing behind the bracket",
            )


def _written(each: Instruction) -> str:
    """What stands behind the keyword and its flags."""
    match = _KEYWORD.match(each.original.lstrip())
    return each.original.lstrip()[match.end() :].strip() if match is not None else ""


def _is_meant_as_array(keyword: str, written: str) -> bool:
    """RUN is held to less: ``[ -f x ] && y`` is a test of the shell."""
    if not written.startswith("["):
        return False
    return (_COMMAND if keyword == "RUN" else _MEANT_AS_ARRAY).match(written) is not None


def _why(written: str) -> str:
    if not written.endswith("]"):
        return "something stands behind the closing bracket"
    if "'" in written and '"' not in written:
        return "JSON knows double quotes only"
    if re.search("[\u2018-\u201d]", written):
        return "these are typographic quotes"
    if re.search(r",\s*\]\Z", written):
        return "a comma stands before the closing bracket"
    return "commas or quotes are missing, or a backslash begins no JSON escape"


RULE = Rule(
    id="SW333",
    name="broken-json-array",
    severity="error",
    summary="A JSON array that is none, and is taken for words of a shell",
    rationale="""\
What is not JSON to the letter is taken for shell form, without a word: `CMD ['app']` starts
`/bin/sh -c "['app']"`, which fails when the container starts, and `VOLUME ['/data']` makes a volume called
`['/data']`.

```dockerfile
CMD ['python', '-m', 'app']
ENTRYPOINT ["app", "--serve"] # the server
```

Write double quotes, commas between the strings, and nothing behind the bracket:

```dockerfile
CMD ["python", "-m", "app"]
```

Source: the Dockerfile reference, exec form; BuildKit, parser (parseMaybeJSON).
""",
    check=_check,
)
