"""SW706: a numerical policy over more digits than a number holds."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.image_policies import policies, tell
from shipway.checks.rule import Rule
from shipway.gitops.patterns import compared, fewest_digits

_EXACT = 15


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for each, policy in policies(facts):
        digits = fewest_digits(compared(policy.pattern, policy.extract))
        if policy.kind == "numerical" and digits > _EXACT:
            yield tell(
                rule,
                each,
                "pattern",
                f"the numbers have {digits} digits or more; of more than {_EXACT}, neighbours can be equal",
                cause="Flux compares float64, exact up to 9007199254740992",
                help="alphabetical orders numbers of equal width rightly; or leave milliseconds out",
                fix=None,
            )


RULE = Rule(
    id="SW706",
    name="too-many-digits",
    severity="warning",
    summary="A numerical policy over more digits than a number holds",
    rationale="""\
Flux reads keys as float64. Above 2^53 = 9007199254740992 neighbouring integers are the same number, so that
of stamps with milliseconds, 20250615083000403 to 20250615083000405, the oldest wins, or any:

```yaml
filterTags:
  pattern: '^(?P<stamp>[0-9]{17})$'
  extract: $stamp
policy:
  numerical: {order: asc}
```

Numbers of equal width are ordered rightly by `alphabetical`. Patterns that do not tell how many digits
there are (`[0-9]+`) are not reported.
""",
    check=_check,
)
