"""SW338: an image that only stands in for a service without code."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.planning.stand_in import is_stand_in, stand_in_label


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for name, builds in facts.builds_of.items():
        for each in builds:
            told = stand_in_label(each.build)
            if told is not None and is_stand_in(each.build, each.inputs.labels, inherited=False):
                yield from tell(
                    rule,
                    facts.text_of(each),
                    told[0],
                    f"the image {name} is a stand-in: it answers, and has no code of its own yet",
                    image=name,
                    help="put the service in its place, and take the label away",
                )
                break


RULE = Rule(
    id="SW338",
    name="stand-in",
    severity="info",
    summary="The image stands in for a service that has no code yet",
    rationale="""\
`shipway scaffold` writes a minimal service for an image that is declared and has no code yet, so that all
around it can be built, delivered and run. Its Dockerfile says so by a label, which plan, status, reports and
`shipway verify` show for as long as it is there:

```dockerfile
LABEL io.shipway.stand-in="true"
```

Nothing is wrong with a stand-in; this finding keeps it from being forgotten. With the code in place take the
label away. Images that build on a stand-in inherit the label unless they set it to `false`; they are not
told here.
""",
    check=_check,
)
