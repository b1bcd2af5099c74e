"""SW409: a registry speaks TLS where plain HTTP is expected."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW409",
    name="tls-registry",
    severity="error",
    summary="A registry speaks TLS where plain HTTP is expected",
    rationale="""\
Loopback hosts are spoken to over plain HTTP, and so is what the fleet file marks as `plain-http`. This
one wants TLS.

```yaml
registries:
  "127.0.0.1:5443": {ca: authority.pem}
```
""",
    check=seen_live,
    live=True,
)
