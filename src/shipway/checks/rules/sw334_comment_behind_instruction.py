"""SW334: a comment behind an instruction, which becomes arguments."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding, Severity
from shipway.checks.quality import tell
from shipway.checks.rule import Rule

_EFFECTS: dict[str, tuple[Severity, str]] = {
    "COPY": ("error", "all words but the last are sources, so the destination becomes one too"),
    "ADD": ("error", "all words but the last are sources, so the destination becomes one too"),
    "WORKDIR": ("error", "the comment becomes a part of the path"),
    "USER": ("error", "the comment becomes a part of the user's name"),
    "VOLUME": ("error", "each word of the comment becomes a volume"),
    "STOPSIGNAL": ("error", "the comment becomes a part of the signal"),
    "ARG": ("warning", "each word of the comment becomes a build arg"),
}


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for keyword, (severity, cause) in _EFFECTS.items():
            for _, each in text.of(keyword):
                at = each.original.find(" #")
                if at < 0 or each.json or each.heredocs or not _is_comment(each.original[at + 1 :]):
                    continue
                comment = each.original[at + 1 :]
                yield from tell(
                    rule,
                    text,
                    each,
                    f"a comment cannot stand behind {keyword}",
                    text.word_span(each, comment),
                    severity=severity,
                    subject=comment,
                    cause=cause,
                    help="put the comment on a line of its own above",
                )


def _is_comment(text: str) -> bool:
    """Whether a hash with a blank or nothing behind it begins ``text``, or further words follow."""
    return text[1:2] in ("", " ", "\t", "#") or " " in text.strip()


RULE = Rule(
    id="SW334",
    name="comment-behind-instruction",
    severity="error",
    summary="A comment behind an instruction, which becomes arguments",
    rationale="""\
A comment is a line of its own. Behind an instruction the hash and every word after it are arguments:

```dockerfile
COPY app.py /app/ # the program
USER app # not root
```

copies `app.py`, `/app/`, `#` and `the` to `program`, and runs as the user `app # not root`. Write:

```dockerfile
# the program
COPY app.py /app/
```

In RUN, CMD and ENTRYPOINT the shell drops the comment; EXPOSE has SW314. Source: the Dockerfile reference,
format.
""",
    check=_check,
)
