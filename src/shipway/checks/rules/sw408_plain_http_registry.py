"""SW408: a registry speaks plain HTTP where TLS is expected."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW408",
    name="plain-http-registry",
    severity="error",
    summary="A registry speaks plain HTTP where TLS is expected",
    rationale="""\
Everything but a loopback host is spoken to over TLS, unless the fleet file says otherwise:

```yaml
registries:
  "registry.lan:5000": {plain-http: true}
```

Passwords and images then cross the network readable and changeable. A certificate is better.
""",
    check=seen_live,
    live=True,
)
