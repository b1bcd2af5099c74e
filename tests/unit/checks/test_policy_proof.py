"""Policies held against the tags that workflows and fleet files tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.runner import run_checks
from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet

WORKFLOW = """\
on: push
env: {REGISTRY: ghcr.io/acme}
jobs:
  api:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - id: tag
        run: echo "tag=BRANCH-${GITHUB_SHA::7}-$(date +%s)" >> $GITHUB_OUTPUT
      - uses: docker/build-push-action@v6
        with:
          context: .
          push: true
          tags: |
            ${{ env.REGISTRY }}/api:latest
            ${{ env.REGISTRY }}/api:${{ steps.tag.outputs.tag }}
"""
FLUX = """\
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: api, namespace: flux-system}
spec: {image: ghcr.io/acme/api}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: api, namespace: flux-system}
spec:
  imageRepositoryRef: {name: api}
  filterTags:
    pattern: 'PATTERN'
    extract: $ts
  policy:
    numerical:
      order: asc
"""
RIGHT = "^main-[a-f0-9]+-(?P<ts>[0-9]+)$"


def found(root: Path, pattern: str, *, branch: str = "main", tag: str | None = None) -> list[Finding]:
    (root / "Dockerfile").write_text("FROM scratch\n")
    (root / "flux.yaml").write_text(FLUX.replace("PATTERN", pattern))
    if tag is None:
        (root / ".github" / "workflows").mkdir(parents=True)
        (root / ".github" / "workflows" / "ci.yml").write_text(WORKFLOW.replace("BRANCH", branch))
    else:
        (root / "shipway.yaml").write_text(
            f"images: {{api: {{context: ., repository: ghcr.io/acme/api, tag: '{tag}'}}}}\n"
        )
    builds = Builds({})
    result = run_checks(Facts(load_fleet(root, builds=builds), builds, str(root)))
    return [each for each in result.findings if each.rule == "SW701"]


def test_the_tags_of_a_workflow_are_held_against_a_policy(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, RIGHT.removesuffix("$"))
    assert finding.image == "api"
    assert finding.cause is not None
    assert "main-{sha7}-{timestamp}" in finding.cause
    assert finding.fix is not None
    assert finding.fix.edits[0].text == RIGHT


def test_a_policy_that_is_right_for_a_workflow_is_none(tmp_path: Path) -> None:
    assert found(tmp_path, RIGHT) == []


def test_the_branch_is_the_one_that_the_pattern_is_about(tmp_path: Path) -> None:
    pattern = RIGHT.replace("main", "master")
    assert found(tmp_path, pattern, tag="{branch}-{sha7}-{timestamp}") == []


def test_tags_that_the_policy_is_not_about_refute_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, "^release-(?P<ts>[0-9]+)$") == []


@pytest.mark.parametrize("expression", ["$(cat VERSION)", "${{ steps.other.outputs.x }}"])
def test_tags_that_nobody_can_tell_refute_nothing(tmp_path: Path, expression: str) -> None:
    assert found(tmp_path, "^.*(?P<ts>[0-9]+)$", branch=expression) == []


def test_a_scheme_that_tells_no_order_gets_another_one(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, "^(?P<ts>[a-f0-9]+)$", tag="{sha7}")
    assert finding.help is not None
    assert "no policy can be right for these tags" in finding.help
    assert finding.fix is None
