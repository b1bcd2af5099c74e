"""SW301: an image that runs as root."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import User, final_user, services, target_origin, tell
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for service in services(facts):
        user = final_user(service.under)
        if user.root and service.build.platform.os != "windows":
            yield from _tell(rule, facts, service.build, user)


def _tell(rule: Rule, facts: Facts, build: DeclaredBuild, user: User) -> Iterator[Finding]:
    text = facts.text_of(build)
    own = user.last is not None and user.last.build.path == build.path
    instruction = user.last.instruction if user.last is not None and own else target_origin(build)
    yield from tell(
        rule,
        text,
        instruction,
        f"the image {build.image.name} runs as root",
        span=text.argument_span(instruction, 0) if own else None,
        subject=user.name or None,
        image=build.image.name,
        cause=_cause(user, own),
        help="create a user and end the stage with USER and its number, such as USER 65532:65532",
    )


def _cause(user: User, own: bool) -> str:
    if user.last is not None:
        return f"the last USER is {user.name}" + ("" if own else f", inherited from {user.last.build.path}")
    if user.base is not None:
        return f"no stage of the image sets USER, and {user.base} is taken for root"
    return "no stage of the image sets USER"


RULE = Rule(
    id="SW301",
    name="root-user",
    severity="warning",
    summary="The image runs as root",
    rationale="""\
A process that runs as root in a container is root on the node as soon as it gets out of it, and clusters
with `runAsNonRoot` refuse to start it. The last `USER` of the final stage counts, or the one that it
inherits from a stage or an image of the fleet; a base from elsewhere is taken for root, unless its name says
otherwise (`nonroot`, `rootless`, `unprivileged`).

```dockerfile
FROM debian:12-slim
CMD ["/usr/bin/server"]
```

Create a user, and name it by its number, so that the cluster can tell that it is not root:

```dockerfile
RUN useradd --uid 10001 app
USER 10001
```

Images that run nothing, because they are on `scratch` or only others build on them, are left out.
The same in hadolint: DL3002, which sees one file at a time.
""",
    check=_check,
    aliases=("DL3002",),
)
