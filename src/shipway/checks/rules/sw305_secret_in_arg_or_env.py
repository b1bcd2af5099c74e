"""SW305: ARG or ENV whose name says that it holds a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.dockerfile.syntax import Instruction

_SECRET = re.compile(
    r"(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)", re.IGNORECASE
)
_HARMLESS = re.compile(r"(?:_|^)(?:public|file|version)(?:_|$)", re.IGNORECASE)


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for _, each in text.of("ARG", "ENV"):
            for name in dict.fromkeys(_names(each)):
                if _SECRET.search(name) and not _HARMLESS.search(name):
                    yield from tell(
                        rule,
                        text,
                        each,
                        f"{each.keyword} {name} seems to hold a secret",
                        text.word_span(each, name),
                        subject=name,
                        cause="anyone who can pull the image reads it in its configuration or history",
                        help="hand it over with RUN --mount=type=secret, or when the container starts",
                    )


def _names(instruction: Instruction) -> Iterator[str]:
    if instruction.keyword == "ENV":
        yield from instruction.args[::3]
    else:
        yield from (word.partition("=")[0] for word in instruction.args)


RULE = Rule(
    id="SW305",
    name="secret-in-arg-or-env",
    severity="warning",
    summary="ARG or ENV whose name says that it holds a secret",
    rationale="""\
The value of an `ENV` is in the configuration of the image, and that of an `ARG` in the history of every RUN
behind it. Deleting or unsetting it later removes neither.

```dockerfile
ARG NPM_TOKEN
RUN npm ci
```

Mount it for the one command that needs it; it stays out of every layer and of the history:

```dockerfile
RUN --mount=type=secret,id=npm,env=NPM_TOKEN npm ci
```

Only the name is looked at, as BuildKit does it: words such as `token`, `password` or `key`, unless `public`,
`file` or `version` is there too. BuildKit: SecretsUsedInArgOrEnv. hadolint: DL3064.
""",
    check=_check,
    aliases=("SecretsUsedInArgOrEnv", "DL3064"),
)
