"""Every real BuildKit outcome decided by ``run_checks`` over a repository with that one build."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shipway.checks.facts import Facts
from shipway.checks.runner import run_checks
from shipway.checks.selection import Selection
from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet

HERE = Path(__file__).parent
OWN = HERE.parent / "dockerfile" / "source_vectors.json"
SHARED = HERE.parents[3] / "shared" / "vectors" / "copy-sources.json"
RULE_OF = {"missing": "SW101", "ignored": "SW102", "dangling-link": "SW105", "link-loop": "SW105"}


def load(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text())["vectors"] if path.exists() else []


def lay(vector: dict[str, Any], root: Path) -> None:
    opts = vector.get("opts", {})
    dockerfile, context = opts.get("dockerfile", "Dockerfile"), opts.get("context", ".")
    texts = {dockerfile: vector["dockerfile"], **vector.get("files", {})}
    if "dockerfile_dockerignore" in vector:
        texts[f"{dockerfile}.dockerignore"] = vector["dockerfile_dockerignore"]
    if "dockerignore" in vector:
        texts[f"{context}/.dockerignore"] = vector["dockerignore"]
    for entry in vector["tree"]:
        name, arrow, target = entry.partition("->")
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if arrow:
            (root / name).symlink_to(target)
        elif name.endswith("/"):
            (root / name).mkdir(exist_ok=True)
        else:
            (root / name).write_text("x\n")
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    image = {
        "dockerfile": dockerfile,
        "context": context,
        "target": opts.get("target"),
        "args": opts.get("build_args"),
        "contexts": opts.get("contexts"),
        "platforms": opts["platform"].split(",") if "platform" in opts else None,
    }
    given = {key: value for key, value in image.items() if value is not None}
    (root / "shipway.yaml").write_text(json.dumps({"images": {"app": given}}))


@pytest.mark.parametrize("vector", [*load(OWN), *load(SHARED)], ids=lambda vector: vector["id"])
def test_decides_as_buildkit_did(vector: dict[str, Any], tmp_path: Path) -> None:
    lay(vector, tmp_path)
    builds = Builds()
    facts = Facts(load_fleet(tmp_path, builds=builds), builds, str(tmp_path))
    result = run_checks(facts, Selection())
    errors = [each for each in result.findings if each.severity == "error"]
    wanted = vector["expected"]
    assert bool(errors) == (wanted["outcome"] == "error"), errors
    if not errors:
        return
    assert {each.image for each in errors} <= {"app", None}
    reasons = {wanted["reason"], *wanted.get("accept", ())}
    if "syntax" not in reasons:
        assert wanted["source"] in {each.subject for each in errors}
    if wanted["reason"] in RULE_OF and not wanted.get("accept"):
        named = [each.rule for each in errors if each.subject == wanted["source"]]
        assert RULE_OF[wanted["reason"]] in named
