"""SW302: an image that does not say how its health is checked."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import services, switches_off, target_origin, tell
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for service in services(facts):
        build, last = service.build, service.under.last("HEALTHCHECK")
        if last is not None and not switches_off(last.instruction):
            continue
        own = last if last is not None and last.build.path == build.path else None
        yield from tell(
            rule,
            facts.text_of(build),
            own.instruction if own is not None else target_origin(build),
            f"the image {build.image.name} has no HEALTHCHECK",
            image=build.image.name,
            cause="HEALTHCHECK NONE switches it off" if last is not None else None,
            help="add HEALTHCHECK with a command that fails when the service does not answer",
        )


RULE = Rule(
    id="SW302",
    name="no-healthcheck",
    severity="info",
    summary="The image does not say how its health is checked",
    rationale="""\
Without `HEALTHCHECK` docker and Compose call a container healthy as long as its process exists; nothing
waits for it to be ready, and nothing restarts it when it hangs. One inherited from a stage or from an image
of the fleet counts, `HEALTHCHECK NONE` does not. Kubernetes ignores it and has probes of its own: switch the
rule off for a fleet that runs there only.

```dockerfile
HEALTHCHECK --interval=10s --timeout=3s CMD ["/app/server", "--health"]
```

The same in hadolint: DL3057, which is off by default.
""",
    check=_check,
    aliases=("DL3057",),
)
