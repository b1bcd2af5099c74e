"""SW403: a registry's certificate is for another name or address."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW403",
    name="certificate-name",
    severity="error",
    summary="A registry's certificate is for another name or address",
    rationale="""\
TLS compares the host of a reference with the names and addresses in the certificate (`subjectAltName`); a
common name counts for nothing, and an IP address has to be there as an address, not as a name.

Use one of the names that the message lists, or issue the certificate anew, for an address with
`subjectAltName=IP:10.0.0.5`.
""",
    check=seen_live,
    live=True,
)
