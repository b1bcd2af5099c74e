"""SW304: CMD or ENTRYPOINT in shell form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding, Fix
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.checks.text import Text
from shipway.dockerfile.syntax import Instruction, Stage

_NEEDS_SHELL = re.compile(r"[^A-Za-z0-9 _@%+:,./=-]")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for stage, each in text.of("CMD", "ENTRYPOINT"):
            command = each.args[0].strip() if each.args else ""
            if each.json or not command or command.startswith("[") or _has_shell(stage, each):
                continue
            yield from tell(
                rule,
                text,
                each,
                f"{each.keyword} in shell form: a shell, not the program, gets the signals",
                subject=command,
                cause="the program runs below /bin/sh -c, which does not pass on SIGTERM",
                help=f"write it as a JSON array: {each.keyword} {_array(command)}",
                fix=_fix(text, each, command),
            )


def _has_shell(stage: Stage, instruction: Instruction) -> bool:
    """Whether the stage chose its shell before, which BuildKit takes for a decision."""
    return any(each.keyword == "SHELL" and each.line < instruction.line for each in stage.instructions)


def _array(command: str) -> str:
    """The command as a JSON array that does the same, or as near as may be."""
    words = ["/bin/sh", "-c", command] if _NEEDS_SHELL.search(command) else command.split()
    return json.dumps(words, ensure_ascii=False)


def _fix(text: Text, instruction: Instruction, command: str) -> Fix | None:
    if not instruction.original.rstrip().endswith(command):
        return None
    return text.fix(
        "unsafe", "write the command as a JSON array", (text.word_span(instruction, command), _array(command))
    )


RULE = Rule(
    id="SW304",
    name="shell-form-command",
    severity="warning",
    summary="CMD or ENTRYPOINT in shell form",
    rationale="""\
In shell form the container's first process is `/bin/sh -c`. Many shells do not pass signals on: the program
never hears SIGTERM, and is killed when the time for stopping is over. An `ENTRYPOINT` in shell form also
drops the arguments given to the container, and `CMD` with them.

```dockerfile
CMD python -m app
```

Write the words as a JSON array. What needs a shell (variables, pipes) says so, and hands over with `exec`:

```dockerfile
CMD ["python", "-m", "app"]
CMD ["/bin/sh", "-c", "exec python -m app --port $PORT"]
```

The fix is unsafe: an image without a shell begins to work, and a program that relied on one may stop to.
BuildKit: JSONArgsRecommended, which like this rule says nothing after `SHELL`. hadolint: DL3025.
""",
    check=_check,
    fix="unsafe",
    aliases=("JSONArgsRecommended", "DL3025"),
)
