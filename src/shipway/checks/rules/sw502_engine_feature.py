"""SW502: the build engine lacks what an image needs."""

from __future__ import annotations

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live
from shipway.place import Place


def no_named_contexts(place: Place, image: str, engine: str) -> Finding:
    """The finding for an image with named contexts, which ``engine`` cannot give it."""
    return RULE.finding(
        place,
        f"{engine} cannot build {image}: it has named contexts, and this {engine} has no buildx",
        image=image,
        subject=engine,
        cause="named contexts are a feature of buildx",
        help="install the docker-buildx plugin, or use --engine buildah",
    )


def cannot_run(place: Place, engine: str, obstacle: str) -> Finding:
    """The finding for an engine whose RUN steps do not start."""
    return RULE.finding(
        place,
        f"{engine} cannot run the RUN steps of an image",
        subject=engine,
        cause=obstacle,
        help="give its daemon a bridge network, or use --engine buildah",
    )


RULE = Rule(
    id="SW502",
    name="engine-feature",
    severity="error",
    summary="The build engine lacks what an image needs",
    rationale="""\
Named contexts (`contexts:` of a declaration, `--build-context`) need buildx; docker without that plugin
cannot build such an image. RUN steps of docker need the network `bridge` of its daemon, which one started
with `--bridge=none` lacks.

Install the plugin docker-buildx, give the daemon its bridge back, or build with `--engine buildah`.
""",
    check=seen_live,
    live=True,
)
