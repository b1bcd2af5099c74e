"""SW433: a repository or project has to be created first."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW433",
    name="no-such-repository",
    severity="error",
    summary="A repository or project has to be created first",
    rationale="""\
Many registries create a repository with the first push; ECR, Artifact Registry and Quay (for robots) do
not, and Harbor creates repositories but never projects.

Create it with the command that the message gives.
""",
    check=seen_live,
    live=True,
)
