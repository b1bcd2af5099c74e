"""SW402: what answers is no registry."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW402",
    name="not-a-registry",
    severity="error",
    summary="What answers is no registry",
    rationale="""\
Something answers at the address, but `/v2/` is a web page, a redirect or 404: the registry has another
port, a name of its own beside its web interface, or a login page stands in front of it.

The API's address is the one that `docker login` takes; see the distribution specification, § Determining
support.
""",
    check=seen_live,
    live=True,
)
