"""hadolint's report, and running it: with a scripted host, no hadolint needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest

from shipway.checks.hadolint import covered, parse_report
from shipway.checks.table import RULES
from shipway.errors import HostError
from shipway.flows.hadolint import run_hadolint
from shipway.ports import Completed


def entry(code: str = "DL3008", level: str = "warning", file: str = "Dockerfile", line: int = 2) -> object:
    return {"code": code, "level": level, "file": file, "line": line, "column": 1, "message": "Pin versions"}


def report(*entries: object) -> str:
    return json.dumps(list(entries))


class Shell:
    """A host on which hadolint gives one answer."""

    environ: Mapping[str, str] = MappingProxyType({})

    def __init__(self, stdout: str = "[]", code: int = 0, stderr: str = "", installed: bool = True) -> None:
        self.answer = (code, stdout, stderr)
        self.installed = installed
        self.calls: list[tuple[tuple[str, ...], Path | None]] = []

    def which(self, program: str) -> str | None:
        return f"/usr/bin/{program}" if self.installed else None

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Completed:
        self.calls.append((tuple(argv), cwd))
        return Completed(tuple(argv), *self.answer)

    def run_sync(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        timeout: float | None = None,
    ) -> Completed:
        raise AssertionError("not asked for")


def test_keeps_ids_places_and_severities() -> None:
    found = parse_report(report(entry(), entry("SC2086", "style", "api/Dockerfile", 7)), ())
    assert [(each.rule, each.severity, str(each.place)) for each in found] == [
        ("DL3008", "warning", "Dockerfile:2"),
        ("SC2086", "info", "api/Dockerfile:7"),
    ]
    assert found[0].message == "Pin versions"
    assert [each.help for each in found] == [
        "see https://github.com/hadolint/hadolint/wiki/DL3008",
        "see https://www.shellcheck.net/wiki/SC2086",
    ]


@pytest.mark.parametrize("level", ["error", "warning", "info"])
def test_severities_of_the_same_name_stay(level: str) -> None:
    assert [each.severity for each in parse_report(report(entry(level=level)), ())] == [level]


def test_leaves_out_what_our_rules_find() -> None:
    ours = covered(RULES)
    assert {"DL3002", "DL3007", "DL3025", "DL1000", "DL4000"} <= ours
    assert not ours & {"DL3008", "DL3018", "DL4006", "DL3059"}
    assert not any(code.startswith("SC") for code in ours)
    found = parse_report(report(entry("DL3025"), entry("DL1000", "error"), entry("DL3008")), ours)
    assert [each.rule for each in found] == ["DL3008"]


@pytest.mark.parametrize(
    "output", ["", "hadolint: oops", "{}", "[1]", '[{"code": "DL1"}]', '[{"line": "x"}]']
)
def test_no_report_is_a_named_error(output: str) -> None:
    with pytest.raises(HostError, match="no report"):
        parse_report(output, ())


async def test_is_not_run_where_it_is_not_installed(tmp_path: Path) -> None:
    shell = Shell(installed=False)
    assert await run_hadolint(shell, tmp_path, ["Dockerfile"], ()) is None
    assert shell.calls == []


async def test_runs_once_for_many_files_in_the_directory_of_its_configuration(tmp_path: Path) -> None:
    shell = Shell(report(entry()))
    paths = [f"{number}/Dockerfile" for number in range(300)]
    found = await run_hadolint(shell, tmp_path, paths, ())
    assert found is not None and len(found) == 1
    [(argv, cwd)] = shell.calls
    assert cwd == tmp_path
    assert argv[argv.index("--") + 1 :] == tuple(paths)


async def test_a_command_line_is_never_too_long(tmp_path: Path) -> None:
    shell = Shell()
    paths = [f"{'d' * 990}/{number:04}" for number in range(250)] + [str(number) for number in range(1200)]
    await run_hadolint(shell, tmp_path, paths, ())
    assert [path for argv, _ in shell.calls for path in argv[argv.index("--") + 1 :]] == paths
    assert all(sum(map(len, argv)) < 110_000 and len(argv) < 510 for argv, _ in shell.calls)


async def test_no_files_need_no_process(tmp_path: Path) -> None:
    shell = Shell()
    assert await run_hadolint(shell, tmp_path, [], ()) == ()
    assert shell.calls == []


@pytest.mark.parametrize(
    ("shell", "cause"),
    [
        (Shell("", 1, "withBinaryFile: does not exist\nmore"), "withBinaryFile: does not exist"),
        (Shell("", 0, ""), "it ended with code 0 and said nothing"),
        (Shell("", -9, ""), "it ended with code -9 and said nothing"),
    ],
)
async def test_its_failure_is_told_with_what_it_said(tmp_path: Path, shell: Shell, cause: str) -> None:
    with pytest.raises(HostError) as raised:
        await run_hadolint(shell, tmp_path, ["Dockerfile"], ())
    assert raised.value.cause == cause
