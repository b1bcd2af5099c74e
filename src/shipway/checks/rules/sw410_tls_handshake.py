"""SW410: a TLS connection to a registry fails."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW410",
    name="tls-handshake",
    severity="error",
    summary="A TLS connection to a registry fails",
    rationale="""\
Client and server share no version or cipher of TLS, or the server wants a client certificate, which
belongs into `/etc/containers/certs.d/HOST:PORT/` as `client.cert` and `client.key`
(containers-certs.d(5)).
""",
    check=seen_live,
    live=True,
)
