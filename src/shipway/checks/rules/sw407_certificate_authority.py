"""SW407: a registry's certificate is signed by an unknown authority."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW407",
    name="certificate-authority",
    severity="error",
    summary="A registry's certificate is signed by an unknown authority",
    rationale="""\
The authority is a private one that this machine does not know, or the server does not send its
intermediate certificates: `openssl s_client -connect HOST:PORT -showcerts` shows what it sends.

```yaml
registries:
  registry.acme.internal: {ca: authority.pem}
```

The file may also lie in `/etc/containers/certs.d/HOST:PORT/ca.crt` or
`/etc/docker/certs.d/HOST:PORT/ca.crt`.
""",
    check=seen_live,
    live=True,
)
