"""``shipway check`` as people and CI call it: exit codes, forms of output, hadolint beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shipway.cli.check import command
from shipway.errors import UsageError

HADOLINT = """\
#!/bin/sh
echo '[{"code":"DL3008","column":1,"file":"Dockerfile","level":"warning","line":2,"message":"Pin versions"}]'
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "Dockerfile").write_text("FROM scratch\n# shipway: ignore=SW105\nCOPY gone /\n")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    return root


def run(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["-C", str(root), *arguments])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--select", "SW101"), 1),
        (("--select", "SW001"), 0),
        (("--select", "SW001,SW105", "--fail-on", "warning"), 1),
        (("--select", "SW001,SW105", "--fail-on", "info"), 1),
        (("--fail-on", "never"), 0),
        (("--select", "SW101", "--ignore", "SW101"), 0),
        (("--select", "SW1", "--diff"), 0),
        (("--select", "SW0,SW1", "--diff"), 1),
        (("--select", "SW0,SW105", "--fix", "--fail-on", "info"), 0),
        (("--explain", "SW101"), 0),
    ],
)
def test_the_exit_code_tells_what_was_found(repository: Path, arguments: tuple[str, ...], code: int) -> None:
    result = run(repository, *arguments)
    assert result.exit_code == code, result.output


def test_a_rule_that_does_not_exist_is_wrong_usage(repository: Path) -> None:
    result = run(repository, "--select", "SW999")
    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_code == 2


def test_json_has_the_fields_that_are_promised(repository: Path) -> None:
    document = json.loads(run(repository, "--select", "SW101", "--json").stdout)
    assert document["schema"] == "shipway.findings/1"
    (finding,) = document["findings"]
    assert set(finding) == {
        *("rule", "severity", "image", "path", "line", "column", "subject"),
        *("message", "cause", "help", "fix"),
    }
    expected = ("SW101", "error", "repo", "Dockerfile", 3, 6, "gone", None)
    names = ("rule", "severity", "image", "path", "line", "column", "subject", "fix")
    assert tuple(finding[name] for name in names) == expected


def test_what_was_mended_is_told_beside_the_report(repository: Path) -> None:
    result = run(repository, "--select", "SW0,SW105", "--fix", "--json")
    assert json.loads(result.stdout)["findings"] == []
    assert "mended 1 finding in Dockerfile" in result.stderr
    assert (repository / "Dockerfile").read_text() == "FROM scratch\nCOPY gone /\n"


def install(root: Path, script: str) -> None:
    program = root.parent / "bin" / "hadolint"
    program.parent.mkdir()
    program.write_text(script)
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--select", "DL"), ["DL3008"]),
        (("--select", "DL3008,SW101", "--fix"), ["DL3008", "SW101"]),
        (("--select", "DL", "--no-hadolint"), []),
        (("--select", "SW101"), ["SW101"]),
        (("--select", "DL,SC", "--ignore", "DL3008"), []),
    ],
)
def test_what_hadolint_finds_is_in_the_same_report(
    repository: Path, arguments: tuple[str, ...], found: list[str]
) -> None:
    install(repository, HADOLINT)
    document = json.loads(run(repository, *arguments, "--json").stdout)
    assert [finding["rule"] for finding in document["findings"]] == found


def test_an_ignore_of_hadolint_counts_only_where_it_ran(repository: Path) -> None:
    (repository / "Dockerfile").write_text("FROM scratch\n# shipway: ignore=DL3009\nUSER x\n")
    assert "SW001" not in run(repository, "--format", "concise").stdout
    install(repository, HADOLINT)
    assert "SW001" in run(repository, "--format", "concise").stdout
