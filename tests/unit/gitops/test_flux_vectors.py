"""The shared vectors of Flux's selection, where they are present."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shipway.errors import UsageError
from shipway.gitops.constraint import Range
from shipway.gitops.policy import TagPolicy
from shipway.gitops.select import select
from shipway.gitops.semver import Version

FILE = Path(__file__).parents[4] / "shared" / "vectors" / "flux-policy.json"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the shared vectors are not here")


def vectors(name: str) -> list[Any]:
    return list(json.loads(FILE.read_text())[name]) if FILE.exists() else []


def picked(vector: dict[str, Any]) -> str:
    """The outcome in the words of the vectors."""
    argument = "range" if vector["policy"] == "semver" else "order"
    options = {argument: vector["arg"], "pattern": vector["pattern"], "extract": vector["extract"]}
    try:
        policy = TagPolicy.parse(vector["policy"], **options)
    except UsageError:
        return "CONFIG_ERROR"
    selection = select(policy, vector["tags"])
    if selection.error:
        return "ERROR"
    return str(selection.selected) if selection.unique else "NONDETERMINISTIC"


@pytest.mark.parametrize("vector", vectors("image_policy"), ids=lambda vector: vector["source"])
def test_the_tag_that_flux_picks(vector: dict[str, Any]) -> None:
    assert picked(vector) == vector["expected"]


@pytest.mark.parametrize(
    "case", vectors("semver_constraints"), ids=lambda case: f"{case['constraint']} {case['version']}"
)
def test_the_versions_that_a_range_admits(case: dict[str, Any]) -> None:
    version = Version.coerced(case["version"])
    assert version is not None
    assert Range.parse(case["constraint"]).admits(version) == case["ok"]


def test_what_flux_takes_for_a_version() -> None:
    known = json.loads(FILE.read_text())["parse_version"]
    assert all(Version.of_tag(tag) for tag in known["ok"])
    assert not any(Version.of_tag(tag) for tag in known["error"])
