"""The names of BuildKit's build checks that fire on recorded builds, against our rules of the same name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shipway.checks.facts import Facts
from shipway.checks.table import RULES
from shipway.fleet.builds import Builds
from shipway.fleet.model import BuildInputs, Fleet, Image

VECTORS = Path(__file__).parents[3].parent / "shared" / "vectors" / "copy-sources.json"
CASES = json.loads(VECTORS.read_text())["vectors"] if VECTORS.is_file() else []

# CopyIgnoredFile: SW102 decides as the build does, while BuildKit's check errs both ways
ELSEWHERE = {"CopyIgnoredFile"}
NAMED = {
    rule: [alias for alias in rule.aliases if not alias.startswith("DL")]
    for rule in RULES
    if rule.id.startswith("SW3")
}
# a default of its own, and nothing is wrong: BuildKit warns all the same
DELIBERATE = {
    "env-self-reference-default",
    "proxy-arg-not-visible-without-declaration",
    "var-default-colon-dash",
    "var-default-dash",
}


def facts_of(case: dict[str, Any], root: Path) -> Facts:
    opts = case.get("opts", {})
    path = opts.get("dockerfile", "Dockerfile")
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(case["dockerfile"].encode("utf-8", "surrogateescape"))
    inputs = BuildInputs(
        dockerfile=path, context=".", target=opts.get("target"), args=opts.get("build_args", {})
    )
    return Facts(Fleet((Image("image", inputs),), roots={"": str(root)}), Builds(), str(root))


def names_found(facts: Facts) -> set[str]:
    return {name for rule, names in NAMED.items() if names and list(rule.run(facts)) for name in names}


@pytest.mark.skipif(not CASES, reason="the vectors are not here")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_agrees_with_buildkit(case: dict[str, Any], tmp_path: Path) -> None:
    theirs = set(case.get("checks", ())) - ELSEWHERE
    ours = names_found(facts_of(case, tmp_path))
    assert (ours == theirs) is (case["id"] not in DELIBERATE), (ours, theirs, case["dockerfile"])
