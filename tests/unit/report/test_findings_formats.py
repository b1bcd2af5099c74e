"""What holds for formats beside their snapshots."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from shipway.checks.finding import Edit, Finding, Fix
from shipway.checks.runner import CheckResult
from shipway.errors import ConfigError
from shipway.place import Place
from shipway.report.findings.markdown import LARGEST_COMMENT
from shipway.report.findings.presentation import Presentation
from shipway.report.findings.table import FORMATS

ROOT = Path(__file__).parents[3]


def no_file(path: str) -> bytes:
    raise ConfigError(f"cannot read {path}")


def render(name: str, *findings: Finding, data: bytes | None = None, **more: object) -> str:
    sources = no_file if data is None else (lambda path: data)
    return FORMATS[name](CheckResult(findings), sources, Presentation(**more))  # type: ignore[arg-type]


def test_json_is_what_its_schema_and_snapshot_say() -> None:
    schema = json.loads((ROOT / "docs/schemas/shipway.findings-1.json").read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for name in ("json.json", "json-none.json"):
        document = json.loads((ROOT / "tests/golden/findings" / name).read_text())
        validator.validate(document)
    document["findings"] = [{"rule": "SW101"}]
    assert not validator.is_valid(document)


def test_json_has_exactly_the_promised_fields() -> None:
    fix = Fix("unsafe", "title", (Edit("f", 1, 2, "x"),))
    found = Finding("SW101", "error", Place("f", 2, 6), "m", "api", "src", "c", "h", fix, Place("f", 2, 9))
    document = json.loads(render("json", found))
    assert document["schema"] == "shipway.findings/1"
    assert document["findings"] == [
        {
            "rule": "SW101",
            "severity": "error",
            "image": "api",
            "path": "f",
            "line": 2,
            "column": 6,
            "subject": "src",
            "message": "m",
            "cause": "c",
            "help": "h",
            "fix": {
                "applicability": "unsafe",
                "edits": [{"path": "f", "start": 1, "end": 2, "text": "x"}],
            },
        }
    ]
    assert document["summary"]["error"] == 1


@pytest.mark.parametrize("name", FORMATS)
@given(st.text(min_size=1), st.binary(), st.integers(0, 5), st.integers(0, 9), st.text() | st.none())
def test_no_text_breaks_a_format(
    name: str, text: str, data: bytes, line: int, column: int, subject: str | None
) -> None:
    path = text.replace("\0", "_")
    fix = Fix("safe", text, (Edit(path, 0, min(3, len(data)), text),))
    found = Finding("SW1", "error", Place(path, line, column), text, text, subject, text, text, fix)
    other = Finding("SW1", "info", Place("\udcff", line, column), "\udcff", end=Place("\udcff", line + 2, 3))
    output = render(name, found, other, data=data, files=("clean", path))
    output.encode("utf-8")
    if name in ("json", "sarif", "gitlab", "rdjson"):
        json.loads(output)
    if name == "junit":
        ElementTree.fromstring(output)
    if name == "github":
        assert all(line.startswith("::") for line in output.split("\n")[:-1])
    if name == "concise":
        assert output.count("\n") == 2


def test_junit_counts_what_it_holds() -> None:
    found = [Finding("SW1", "error", Place("b", number), "m\x00\ufffe") for number in (1, 2)]
    root = ElementTree.fromstring(render("junit", *found, files=("a", "b")))
    assert (root.get("tests"), root.get("failures")) == ("3", "2")
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root] == [
        ("a", "1", "0"),
        ("b", "2", "2"),
    ]
    assert len(root.findall("./testsuite/testcase")) == 3
    assert [failure.get("message") for failure in root.iter("failure")] == ["m", "m"]


def test_gitlab_fingerprints_differ_within_a_report() -> None:
    issues = json.loads(render("gitlab", *(Finding("SW1", "error", Place("f", n), "m") for n in (1, 2))))
    assert len({issue["fingerprint"] for issue in issues}) == 2
    assert {issue["severity"] for issue in issues} == {"critical"}
    assert [issue["location"] for issue in issues] == [
        {"path": "f", "lines": {"begin": 1}},
        {"path": "f", "lines": {"begin": 2}},
    ]


def test_rdjson_counts_bytes() -> None:
    data = "é x\n".encode()
    fix = Fix("safe", "t", (Edit("f", 3, 4, "y"),))
    [diagnostic] = json.loads(
        render("rdjson", Finding("SW1", "error", Place("f", 1, 3), "m", subject="x", fix=fix), data=data)
    )["diagnostics"]
    span = {"start": {"line": 1, "column": 4}, "end": {"line": 1, "column": 5}}
    assert diagnostic["location"]["range"] == span
    assert diagnostic["suggestions"] == [{"range": span, "text": "y"}]


def test_markdown_cannot_be_broken_out_of() -> None:
    nasty = "a | b <script> `x` @team [l](u) \n# h"
    text = render("markdown", Finding("SW1", "error", Place("f|g`h", 1), nasty), data=b"```` <details>")
    assert "a \\| b \\<script\\> \\`x\\` @\u200bteam \\[l\\](u) \\# h" in text
    assert "`` f\\|g`h:1 ``" in text
    assert "`````text\n1 | ```` <details>\n`````" in text


def test_markdown_fits_into_a_comment() -> None:
    found = [Finding("SW1", "error", Place(f"d/{number}", 1), "日" * 90) for number in range(900)]
    text = render("markdown", *found)
    assert len(text.encode()) <= LARGEST_COMMENT
    assert text.rstrip().splitlines()[-1].endswith("more.")
    assert text.count("| ❌ |") + int(text.split()[-2]) == 900


def test_details_that_do_not_fit_are_left_out_whole() -> None:
    found = [
        Finding("SW1", "error", Place(f"d/{number}", 1), "m" * 60, help="h" * 90) for number in range(300)
    ]
    text = render("markdown", *found)
    assert len(text.encode()) <= LARGEST_COMMENT
    assert 0 < text.count("<details>") < 300
    assert text.count("<details>") == text.count("</details>")


def test_text_tells_what_can_be_mended_and_what_was_left_out() -> None:
    safe, unsafe = (Fix(kind, "t", (Edit("f", 0, 1, ""),)) for kind in ("safe", "unsafe"))
    found = (
        Finding("SW1", "error", Place("f", 1), "m", fix=safe),
        Finding("SW2", "warning", Place("f", 2), "m", fix=unsafe),
        Finding("SW3", "info", Place("g", 1), "m"),
    )
    result = CheckResult(found, 1, 2, 1, {"quality": {"non-root": [1, 2], "healthcheck": [0, 0]}})
    assert FORMATS["text"](result, no_file).splitlines()[-2:] == [
        "non-root 1/2",
        "1 error, 1 warning, 1 note in 2 files; 1 fix available with --fix, 1 more with --unsafe-fixes; "
        "1 ignored inline, 2 known to the baseline, 1 place of the baseline no longer needed",
    ]
    only_unsafe = CheckResult(found[1:2])
    assert FORMATS["text"](only_unsafe, no_file).endswith("; 1 fix available with --unsafe-fixes\n")


def test_colour_only_where_it_is_asked_for() -> None:
    found = Finding("SW1", "error", Place("f", 1, 1), "\x1b[31mred")
    assert "\x1b" not in render("text", found, data=b"\x1b[0m")
    assert "\x1b[1;31merror SW1\x1b[0m" in render("text", found, data=b"x", color=True)
