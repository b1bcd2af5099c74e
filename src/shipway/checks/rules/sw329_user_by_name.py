"""SW329: the final user is given by its name."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import final_user, services, tell
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for service in services(facts):
        build, user = service.build, final_user(service.under)
        if (
            build.platform.os == "windows"
            or user.root
            or not user.name
            or user.last is None
            or user.last.build.path != build.path
        ):
            continue
        name = user.name.split(":", 1)[0]
        if not name.isdigit():
            text = facts.text_of(build)
            yield from tell(
                rule,
                text,
                user.last.instruction,
                f"the user {name} is given by its name",
                text.argument_span(user.last.instruction, 0),
                subject=user.name,
                image=build.image.name,
                cause="Kubernetes cannot tell whether a name is root, and refuses it with runAsNonRoot",
                help="write its number, such as USER 65532",
            )


RULE = Rule(
    id="SW329",
    name="user-by-name",
    severity="info",
    summary="The final user is given by its name",
    rationale="""\
With `runAsNonRoot: true` the kubelet starts an image only when it can see that its user is not root. A name
tells it nothing: *container has runAsNonRoot and image has non-numeric user*.

```dockerfile
USER app
```

Write the number that the user was created with, `USER 10001`. hadolint: DL3066.
""",
    check=_check,
    aliases=("DL3066",),
)
