"""SW505: the build engine cannot pull from a registry that Shipway can reach."""

from __future__ import annotations

from dataclasses import replace

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live
from shipway.errors import ShipwayError
from shipway.place import Place


def distrusted(
    place: Place, engine: str, registry: str, error: ShipwayError, advice: str, *, pulls: bool
) -> Finding:
    """The finding for a registry that ``engine`` refuses; ``pulls``: a base comes from there."""
    finding = RULE.finding(
        place,
        f"{engine} would not pull from {registry}: {error.message}",
        subject=registry,
        cause=error.cause,
        help=advice.format(registry=registry),
    )
    return finding if pulls else replace(finding, severity="warning")


RULE = Rule(
    id="SW505",
    name="engine-distrusts-registry",
    severity="error",
    summary="The build engine cannot pull from a registry that Shipway can reach",
    rationale="""\
An engine reads its own files: docker `/etc/docker/certs.d` and `insecure-registries` of
`/etc/docker/daemon.json`, buildah and podman `/etc/containers/certs.d` and `registries.conf`. What the
fleet file says under `registries` is for Shipway alone, `plain-http` for buildah and podman excepted.

It is an error when a base image comes from that registry. Images are pushed by Shipway itself, so
otherwise it is a warning, for whoever pulls with the same engine.
""",
    check=seen_live,
    live=True,
)
