from __future__ import annotations

from pathlib import Path

from shipway.checks.finding import Finding, Severity
from shipway.checks.runner import CheckResult
from shipway.errors import ConfigError
from shipway.place import Place
from shipway.report.findings.github import LARGEST_SUMMARY, append_job_summary, github, job_summary
from shipway.report.findings.presentation import Presentation


def no_file(path: str) -> bytes:
    raise ConfigError(f"cannot read {path}")


def annotations(*findings: Finding, presentation: Presentation | None = None) -> list[str]:
    return github(CheckResult(findings), no_file, presentation or Presentation()).splitlines()


def many(severity: Severity, count: int) -> list[Finding]:
    return [Finding("SW1", severity, Place("f", number), "m") for number in range(1, count + 1)]


def test_properties_and_messages_are_escaped() -> None:
    found = Finding("SW1", "error", Place("a,b:c%.txt", 2, 3), "50%: a, b\nand\r\nmore", image="x")
    assert annotations(found) == [
        "::error file=a%2Cb%3Ac%25.txt,line=2,endLine=2,col=3,endColumn=3,title=SW1 (x)"
        "::50%25: a, b%0Aand%0Amore"
    ]


def test_a_message_cannot_start_a_command_of_its_own() -> None:
    found = Finding("SW1", "error", Place("f", 1), "x\n::stop-commands::y", cause="\n::add-mask::z")
    [line] = annotations(found)
    assert line.startswith("::error file=f,line=1,")


def test_columns_are_left_out_where_lines_differ() -> None:
    found = Finding("SW1", "error", Place("f", 1, 3), "m", end=Place("f", 2, 9))
    assert annotations(found) == ["::error file=f,line=1,endLine=2,title=SW1::m"]


def test_a_finding_without_a_file_has_no_place() -> None:
    assert annotations(Finding("SW1", "warning", Place(""), "m")) == ["::warning title=SW1::m"]


def test_paths_are_those_of_the_repository() -> None:
    found = Finding("SW1", "info", Place("Dockerfile"), "m")
    [line] = annotations(found, presentation=Presentation(prefix="services/api"))
    assert line == "::notice file=services/api/Dockerfile,title=SW1::m"


def test_each_severity_has_ten_and_the_rest_is_listed_and_counted() -> None:
    lines = annotations(*many("info", 12), *many("warning", 10), *many("error", 11))
    commands = [line.partition(" ")[0] for line in lines if line.startswith("::")]
    assert commands == ["::error"] * 10 + ["::warning"] * 10 + ["::notice"] * 10
    assert lines[-1].endswith("::1 error, 3 notes more than GitHub shows: the log of this step lists them")
    assert next(line for line in lines if not line.startswith("::")) == "error: f:11: SW1 m"
    assert len(lines) == 30 + 4


def test_ten_of_each_need_no_notice() -> None:
    lines = annotations(*many("info", 10), *many("warning", 10), *many("error", 10))
    assert len(lines) == 30
    assert "more than GitHub shows" not in lines[-1]


def test_lines_of_the_log_are_no_commands_of_the_old_form() -> None:
    last = Finding("SW1", "error", Place("z", 1), "##[add-path]x")
    lines = annotations(*many("error", 10), last)
    assert not any("##[" in line for line in lines if not line.startswith("::"))


def test_the_job_summary_is_added_and_never_too_large(tmp_path: Path) -> None:
    found = tuple(Finding("SW1", "error", Place(f"d/{number}", 1), "ü" * 200) for number in range(5000))
    summary = job_summary(CheckResult(found), no_file)
    assert LARGEST_SUMMARY * 0.99 < len(summary.encode()) <= LARGEST_SUMMARY
    assert "more." in summary.splitlines()[-1]
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    append_job_summary(path, "after\n")
    assert path.read_text() == "before\nafter\n"
