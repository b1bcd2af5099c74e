"""SW434: a destination is no valid repository name."""

from __future__ import annotations

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live
from shipway.errors import InvalidValue
from shipway.place import Place


def unfit(place: Place, image: str, repository: str, error: InvalidValue) -> Finding:
    """The finding for a ``repository`` that cannot be parsed."""
    return RULE.finding(
        place, error.message, image=image, subject=repository, cause=error.cause, help=error.help
    )


RULE = Rule(
    id="SW434",
    name="repository-name",
    severity="error",
    summary="A destination is no valid repository name",
    rationale="""\
Names of repositories are lower-case (distribution specification, § Pulling manifests), while owners on
GitHub need not be: `ghcr.io/${{ github.repository }}` fails for `Acme/Shop`.

Write it in lower case; in a workflow: `${GITHUB_REPOSITORY,,}`.
""",
    check=seen_live,
    live=True,
)
