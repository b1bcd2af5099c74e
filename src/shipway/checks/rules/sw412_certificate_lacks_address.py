"""SW412: the Certificate of a registry in the cluster does not name the address in use."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW412",
    name="certificate-lacks-address",
    severity="error",
    summary="The Certificate of a registry does not name the address in use",
    rationale="""\
cert-manager issues what `spec.dnsNames` and `spec.ipAddresses` of a Certificate say. When the registry moves
to another address, or a load balancer gives it a new one, every renewal repeats the old names, and every
client goes on to refuse. Only `shipway doctor --cluster` sees it.
""",
    check=seen_live,
    live=True,
)
