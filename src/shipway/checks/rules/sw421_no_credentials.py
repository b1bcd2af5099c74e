"""SW421: a registry wants a login and none is kept for it."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW421",
    name="no-credentials",
    severity="error",
    summary="A registry wants a login and none is kept for it",
    rationale="""\
Credentials are taken from `DOCKER_AUTH_CONFIG`, `~/.docker/config.json`, `$REGISTRY_AUTH_FILE` and the
`auth.json` of podman and buildah; the message lists what was searched. For a base image the answer may
also mean that it does not exist: registries hide that from strangers.

Log in: `docker login HOST`, or `buildah login HOST`.
""",
    check=seen_live,
    live=True,
)
