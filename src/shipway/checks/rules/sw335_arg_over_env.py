"""SW335: ARG with a default behind an ENV of the same name."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.checks.text import Text
from shipway.dockerfile import scope
from shipway.dockerfile.syntax import Stage


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        if "ENV" in text.by_keyword and "ARG" in text.by_keyword:
            for stage in text.dockerfile.stages:
                yield from _of_stage(rule, text, stage)


def _of_stage(rule: Rule, text: Text, stage: Stage) -> Iterator[Finding]:
    set_at: dict[str, int] = {}
    for each in stage.instructions:
        if each.keyword == "ENV":
            set_at.update(dict.fromkeys(each.args[::3], each.line))
        if each.keyword != "ARG":
            continue
        for name, default in scope.declarations(each):
            if name in set_at and default is not None:
                yield from tell(
                    rule,
                    text,
                    each,
                    f"the default of ARG {name} replaces the value of ENV {name} for the rest of the stage",
                    text.word_span(each, name),
                    subject=name,
                    cause=f"line {set_at[name]} sets it; BuildKit lets the later line win, buildah the ENV",
                    help="put ARG above ENV, and write ENV with the value of ARG",
                )


RULE = Rule(
    id="SW335",
    name="arg-over-env",
    severity="warning",
    summary="ARG with a default behind an ENV of the same name",
    rationale="""\
The documentation says that `ENV` always wins over `ARG`. In BuildKit the later line does, so that commands of
the build see `dev` here, and the container that runs sees `prod`; in buildah both see `prod`.

```dockerfile
ENV MODE=prod
ARG MODE=dev
```

Say which one is meant:

```dockerfile
ARG MODE=dev
ENV MODE=$MODE
```

Source: BuildKit, dockerfile2llb (dispatchArg).
""",
    check=_check,
)
