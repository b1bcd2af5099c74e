"""Checks and fixes of a whole repository, with git where it matters."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from shipway.checks.selection import Selection
from shipway.errors import ConfigError, HostError, UsageError
from shipway.fleet.load import load_fleet
from shipway.flows.check import Checked, Checker, CheckRequest
from shipway.git import GitWorkingCopy
from shipway.host import SystemHost

IGNORED = b"# shipway: ignore=SW101,SW102 old\r\nFROM scratch\r\n# shipway: ignore=SW105\r\nCOPY a.txt /\r\n"
ONLY = Selection(("SW0", "SW1"))


@dataclass
class Repository:
    root: Path

    def write(self, files: Mapping[str, bytes | str]) -> None:
        for name, data in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)

    @property
    def checker(self) -> Checker:
        working_copy = GitWorkingCopy(SystemHost())
        return Checker(lambda builds: load_fleet(self.root, builds=builds), self.root, working_copy, {})

    def check(self, request: CheckRequest) -> Checked:
        return self.checker.check(request, self.checker.facts())

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", "-C", str(self.root), *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    made.write({"Dockerfile": IGNORED, "a.txt": "a"})
    return made


def rules(checked: Checked) -> list[str]:
    return [finding.rule for finding in checked.result.findings]


def test_fixes_are_written_and_leave_mode_links_and_line_ends(repository: Repository) -> None:
    real = repository.root / "docker" / "Dockerfile.real"
    real.parent.mkdir()
    (repository.root / "Dockerfile").rename(real)
    (repository.root / "Dockerfile").symlink_to("docker/Dockerfile.real")
    real.chmod(0o755)
    checked = repository.check(CheckRequest(ONLY, "fix"))
    assert real.read_bytes() == b"FROM scratch\r\nCOPY a.txt /\r\n"
    assert real.stat().st_mode & 0o777 == 0o755
    assert (repository.root / "Dockerfile").is_symlink()
    assert {each.rule for each in checked.mended} == {"SW001"}
    assert "SW001" not in rules(checked)
    assert repository.check(CheckRequest(ONLY, "fix")).changed == {}


def test_a_diff_writes_nothing_and_shows_what_a_fix_writes(repository: Repository) -> None:
    before = {path: path.read_bytes() for path in repository.root.iterdir()}
    checked = repository.check(CheckRequest(ONLY, "diff"))
    assert {path: path.read_bytes() for path in repository.root.iterdir()} == before
    removed = [line for line in checked.diff().splitlines() if line.startswith("-#")]
    assert removed == ["-# shipway: ignore=SW101,SW102 old", "-# shipway: ignore=SW105"]
    repository.check(CheckRequest(ONLY, "fix"))
    after = (repository.root / "Dockerfile").read_bytes()
    assert checked.changed == {"Dockerfile": (before[repository.root / "Dockerfile"], after)}


def test_a_diff_tells_a_file_without_its_last_newline(repository: Repository) -> None:
    repository.write({"Dockerfile": b"FROM scratch\nCOPY a.txt /\n# shipway: ignore=SW101"})
    assert (
        repository.check(CheckRequest(ONLY, "diff"))
        .diff()
        .endswith("-# shipway: ignore=SW101\n\\ No newline at end of file\n")
    )


def test_a_file_that_changes_meanwhile_is_not_overwritten(repository: Repository) -> None:
    facts = repository.checker.facts()
    assert facts.declared
    repository.write({"Dockerfile": b"FROM scratch\n"})
    with pytest.raises(HostError, match="changed while it was checked"):
        repository.checker.check(CheckRequest(ONLY, "fix"), facts)
    assert (repository.root / "Dockerfile").read_bytes() == b"FROM scratch\n"


def test_known_findings_are_written_and_told_no_more(repository: Repository) -> None:
    repository.write({"Dockerfile": "FROM scratch\nCOPY gone /\n"})
    first = repository.check(CheckRequest(ONLY, update_baseline=True))
    assert (first.baseline, rules(first), first.result.baselined) == (".shipway-baseline.json", [], 1)
    repository.write({"Dockerfile": "FROM scratch\n\nCOPY lost /\nCOPY gone /\n"})
    second = repository.check(CheckRequest(ONLY))
    assert [each.subject for each in second.result.findings] == ["lost"]
    assert repository.check(CheckRequest(ONLY, baseline=".shipway-baseline.json")).result.baselined == 1


def test_a_baseline_that_is_asked_for_must_be_there(repository: Repository) -> None:
    with pytest.raises(ConfigError, match=r"there is no file known\.json"):
        repository.check(CheckRequest(ONLY, baseline="known.json"))


def test_the_fleet_file_grades_and_ignores(repository: Repository) -> None:
    repository.write(
        {
            "Dockerfile": "FROM scratch\nCOPY gone /\n",
            "old/Dockerfile": "FROM scratch\nCOPY gone /\n",
            "shipway.yaml": "checks:\n  severity: {SW1: info}\n  paths:\n    old: {ignore: [SW101]}\n",
        }
    )
    result = repository.check(CheckRequest(ONLY)).result
    assert [(each.place.path, each.severity) for each in result.findings] == [("Dockerfile", "info")]
    assert not result.reaches("warning")
    assert result.reaches("info")


def test_findings_can_be_limited_to_images(repository: Repository) -> None:
    repository.write({"a/Dockerfile": "FROM scratch\nCOPY x /\n", "b/Dockerfile": "FROM scratch\nCOPY y /\n"})
    found = repository.check(CheckRequest(Selection(("SW1",), (), frozenset({"b"})))).result.findings
    assert [each.subject for each in found] == ["y"]
    with pytest.raises(UsageError, match="there is no image 'c'"):
        repository.check(CheckRequest(Selection((), (), frozenset({"c"}))))


def test_what_git_does_not_track_is_told_with_the_line_that_ignores_it(repository: Repository) -> None:
    repository.write(
        {
            "Dockerfile": "FROM scratch\nCOPY a.txt new.txt dist/app.js /x/\n",
            "new.txt": "n",
            "dist/app.js": "j",
            ".gitignore": "*.log\ndist/\n",
        }
    )
    repository.git("init", "-q")
    repository.git("add", "a.txt", "Dockerfile", ".gitignore")
    found = repository.check(CheckRequest(Selection(("SW104",)))).result.findings
    assert [(each.subject, each.cause) for each in found] == [
        ("new.txt", "a checkout in CI does not have it"),
        ("dist/app.js", "a checkout in CI does not have it: .gitignore:2: dist/"),
    ]


def test_outside_of_git_nothing_is_said_about_it(repository: Repository) -> None:
    assert "SW104" not in rules(repository.check(CheckRequest()))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_dockerfile_is_a_finding(repository: Repository) -> None:
    (repository.root / "Dockerfile").chmod(0)
    assert "SW002" in rules(repository.check(CheckRequest(ONLY)))
