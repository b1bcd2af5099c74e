"""SW324: ENV reads a variable that the same line sets."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.checks.text import Text
from shipway.checks.variables import read_names
from shipway.dockerfile.syntax import Instruction


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for stage, each in text.of("ENV"):
            if len(each.args) > 3 and "$" in each.original:
                before = {name for other in stage.instructions for name in _sets(other, each)}
                yield from _of_line(rule, text, each, before)


def _sets(other: Instruction, before: Instruction) -> Iterator[str]:
    """What an instruction above ``before`` sets."""
    if other.line >= before.line:
        return
    if other.keyword == "ENV":
        yield from other.args[::3]
    elif other.keyword == "ARG":
        yield from (word.partition("=")[0] for word in other.args)


def _of_line(rule: Rule, text: Text, each: Instruction, before: set[str]) -> Iterator[Finding]:
    own: set[str] = set()
    for name, value in zip(each.args[::3], each.args[1::3], strict=True):
        for read in sorted(read_names(value, text.dockerfile.escape) & own - before):
            yield from tell(
                rule,
                text,
                each,
                f"{name} reads {read}, which gets its value in this very line",
                text.word_span(each, value),
                subject=value,
                cause="all values of one ENV are expanded with what was set above it",
                help=f"set {read} in an ENV of its own above this one",
            )
        own.add(name)


RULE = Rule(
    id="SW324",
    name="env-refers-to-itself",
    severity="warning",
    summary="ENV reads a variable that the same line sets",
    rationale="""\
All values of one `ENV` are expanded with the variables from before the line. Here `BIN` becomes `/bin`:

```dockerfile
ENV HOME_DIR=/srv/app BIN=$HOME_DIR/bin
```

Set it in a line of its own:

```dockerfile
ENV HOME_DIR=/srv/app
ENV BIN=$HOME_DIR/bin
```

`ARG A=1 B=$A` does see the new value. hadolint: DL3044.
""",
    check=_check,
    aliases=("DL3044",),
)
