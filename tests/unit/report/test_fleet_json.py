from __future__ import annotations

import json
from pathlib import Path

from shipway.fleet.load import load_fleet
from shipway.report.fleet_json import fleet_document, fleet_json


def test_the_document_has_exactly_the_promised_fields(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY --from=acme/base /x /x\n")
    compose = "services:\n  api:\n    image: acme/api:1\n    build: {context: ., platforms: [linux/amd64]}\n"
    (tmp_path / "compose.yaml").write_text(compose + "  gone: {build: gone}\n")
    document = fleet_document(load_fleet(tmp_path, sources=["compose.yaml"]))
    assert json.loads(fleet_json(load_fleet(tmp_path, sources=["compose.yaml"]))) == document
    assert list(document) == ["schema", "images", "problems"]
    assert document["schema"] == "shipway.fleet/1"
    assert document["images"][0] == {  # type: ignore[index]
        "name": "api",
        "dockerfile": "Dockerfile",
        "context": ".",
        "target": None,
        "platforms": ["linux/amd64"],
        "repository": "docker.io/acme/api",
        "tag": "1",
        "bases": [
            {"reference": "scratch", "kind": "scratch", "line": 1},
            {"reference": "docker.io/acme/base", "kind": "external", "line": 2},
        ],
        "declared_in": [{"path": "compose.yaml", "line": 2}],
    }
    assert document["problems"] == [
        {
            "kind": "missing-context",
            "message": "there is no directory gone",
            "path": "compose.yaml",
            "line": 5,
        }
    ]


def test_paths_of_other_repositories_are_relative_to_the_fleet(tmp_path: Path) -> None:
    for directory in ("fleet", "agents/run"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "agents/run/Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "fleet/shipway.yaml").write_text("repositories: {agents: {path: ../agents}}\n")
    image = fleet_document(load_fleet(tmp_path / "fleet"))["images"][0]  # type: ignore[index]
    assert (image["context"], image["dockerfile"]) == ("../agents/run", "../agents/run/Dockerfile")
    assert image["declared_in"] == [{"path": "../agents/run/Dockerfile", "line": 1}]
