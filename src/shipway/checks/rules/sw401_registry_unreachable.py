"""SW401: a registry does not answer."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW401",
    name="registry-unreachable",
    severity="error",
    summary="A registry does not answer",
    rationale="""\
Nothing can be delivered to, or pulled from, a registry that does not answer. The message tells apart a
name that cannot be resolved, a refused connection, a time-out, a proxy that fails and a connection that
is lost.

Look from the same machine: `curl -sSi https://ghcr.io/v2/`. Behind a proxy set `HTTPS_PROXY`, or except
the host with `NO_PROXY`.
""",
    check=seen_live,
    live=True,
)
