"""Where a blocker points to: a file that people find, seen from the fleet's own root."""

from __future__ import annotations

from pathlib import Path

from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet
from shipway.planning.collect import collect
from shipway.values import Platform


def places(root: Path) -> list[tuple[str, int]]:
    builds = Builds()
    fleet = load_fleet(root, builds=builds)
    names = [image.name for image in fleet.images]
    found = collect(fleet, names, {}, Platform("linux", "amd64"), builds)
    return [(blocker.path, blocker.line) for blocker in found.blockers]


def test_a_source_that_an_inline_dockerfile_lacks_is_placed_where_that_is_declared(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services:\n  a:\n    image: acme/a\n    build:\n"
        '      dockerfile_inline: "FROM scratch\\nCOPY gone /"\n'
    )
    assert places(tmp_path) == [("compose.yaml", 5)]


def test_a_source_that_is_missing_in_another_repository_is_placed_there(tmp_path: Path) -> None:
    for directory in ("fleet", "agents/run"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "agents/run/Dockerfile").write_text("FROM scratch\nCOPY gone /\n")
    (tmp_path / "fleet/shipway.yaml").write_text("repositories: {agents: {path: ../agents}}\n")
    assert places(tmp_path / "fleet") == [("../agents/run/Dockerfile", 2)]
