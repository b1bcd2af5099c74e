"""Holds that are over are told by every check, those that still run are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shipway.checks.rules.sw715_hold_ended import ended
from shipway.cli.app import shipway
from shipway.fleet.tree import FileTree
from shipway.gitops.edits.hold import hold

WHEN = datetime(2026, 11, 28, 12, tzinfo=UTC)
POLICY = b"""\
kind: ImagePolicy
metadata:
  name: api
  namespace: flux-system
spec:
  policy:
    alphabetical:
      order: asc
"""


@pytest.fixture
def tree(tmp_path: Path) -> FileTree:
    names = frozenset({("flux-system", "api")})
    held = hold(POLICY, "p.yaml", names, "v1", WHEN)
    (tmp_path / "p.yaml").write_bytes(held)
    (tmp_path / "free.yaml").write_bytes(POLICY)
    (tmp_path / "broken.yaml").write_bytes(held + b"{{ x }}\n")
    return FileTree(tmp_path)


def test_a_hold_is_told_when_it_is_over(tree: FileTree) -> None:
    assert list(ended(tree, WHEN - timedelta(seconds=1))) == []
    (finding,) = ended(tree, WHEN)
    assert (finding.rule, str(finding.place)) == ("SW715", "p.yaml:2:1")
    assert "flux-system/api ended on 2026-11-28 12:00 UTC" in finding.message


def test_a_hold_without_a_time_is_told(tmp_path: Path) -> None:
    text = hold(POLICY, "p.yaml", frozenset({("flux-system", "api")}), "v1", WHEN)
    (tmp_path / "p.yaml").write_bytes(text.replace(b"2026-11-28T12:00:00Z", b"next week"))
    (finding,) = ended(FileTree(tmp_path), WHEN - timedelta(days=900))
    assert "does not tell until when" in finding.message


def test_the_command_tells_it(tree: FileTree, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.yaml").unlink()
    text = (tmp_path / "p.yaml").read_text().replace("2026-11-28", "2020-01-01")
    (tmp_path / "p.yaml").write_text(text)
    shipway.main(["check", "-C", str(tmp_path), "--state", str(tmp_path / "state")], standalone_mode=False)
    assert "SW715" in capsys.readouterr().out
