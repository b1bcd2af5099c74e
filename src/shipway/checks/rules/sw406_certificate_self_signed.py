"""SW406: a registry's certificate is self-signed and not trusted here."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW406",
    name="certificate-self-signed",
    severity="error",
    summary="A registry's certificate is self-signed and not trusted here",
    rationale="""\
Nobody vouches for a self-signed certificate: it is accepted where it was put by hand, and nowhere else.

```yaml
registries:
  "registry.acme.internal:5000": {ca: registry.pem}
```

That is for Shipway; an engine that pulls from there needs it too (SW505).
""",
    check=seen_live,
    live=True,
)
