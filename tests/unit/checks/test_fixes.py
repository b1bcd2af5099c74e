from __future__ import annotations

import pytest

from shipway.checks.finding import Applicability, Edit, Finding, Fix
from shipway.checks.fixes import apply_edits, mend, span_edit
from shipway.checks.verify import changes_only
from shipway.dockerfile.parser import parse
from shipway.errors import ConfigError
from shipway.place import Place

FILES = {
    "Dockerfile": "\ufeffFROM a\r\n# \u00e9\r\nCOPY b c /d\r\n".encode() + b"# \xff\r\nUSER x\r\n",
    "compose.yaml": b"services:\n  api:\n    image: old/api  # kept\n    build: .\n",
}


def read(path: str) -> bytes:
    if path not in FILES:
        raise ConfigError(f"there is no file {path}")
    return FILES[path]


def at(path: str, old: bytes, new: str) -> Edit:
    start = FILES[path].index(old)
    return Edit(path, start, start + len(old), new)


def finding(*edits: Edit, applicability: Applicability = "safe", line: int = 1) -> Finding:
    return Finding("SW101", "error", Place("Dockerfile", line), "m", fix=Fix(applicability, "t", edits))


def mended(*findings: Finding, unsafe: bool = False) -> tuple[dict[str, bytes], list[str]]:
    done = mend(findings, unsafe=unsafe, read=read, dockerfiles={"Dockerfile": None})
    return dict(done.files), [each.reason for each in done.skipped]


def test_every_byte_outside_of_the_edit_stays() -> None:
    files, skipped = mended(finding(at("Dockerfile", b"b c", "long/b c")))
    assert files == {"Dockerfile": FILES["Dockerfile"].replace(b"b c", b"long/b c")}
    assert skipped == []


@pytest.mark.parametrize(
    ("applicability", "unsafe", "applied"),
    [("safe", False, True), ("unsafe", False, False), ("unsafe", True, True), ("display", True, False)],
)
def test_only_what_is_asked_for_is_applied(applicability: Applicability, unsafe: bool, applied: bool) -> None:
    files, _ = mended(finding(at("Dockerfile", b"b c", "x"), applicability=applicability), unsafe=unsafe)
    assert bool(files) is applied


def test_of_two_that_overlap_the_first_is_applied_and_the_other_told() -> None:
    first, second = at("Dockerfile", b"b c", "x y"), at("Dockerfile", b"c /d", "z /e")
    files, skipped = mended(finding(second), finding(first))
    assert files == {"Dockerfile": FILES["Dockerfile"].replace(b"b c", b"x y")}
    assert skipped == ["it overlaps another fix"]


def test_two_insertions_at_one_place_overlap() -> None:
    start = FILES["Dockerfile"].index(b"USER")
    one, two = (Edit("Dockerfile", start, start, f"ENV A={each}\r\n") for each in "12")
    files, skipped = mended(finding(one), finding(two))
    assert b"ENV A=1\r\nUSER" in files["Dockerfile"]
    assert skipped == ["it overlaps another fix"]


def test_the_same_edit_of_three_images_is_one() -> None:
    edit = at("Dockerfile", b"FROM a", "FROM b")
    files, skipped = mended(finding(edit, line=1), finding(edit, line=2), finding(edit, line=3))
    assert files["Dockerfile"].count(b"FROM b") == 1
    assert skipped == []


@pytest.mark.parametrize("path", ["../other/Dockerfile", "/etc/passwd", "a/../../b", "gone.yaml"])
def test_a_file_that_cannot_be_edited_is_told(path: str) -> None:
    files, skipped = mended(finding(Edit(path, 0, 0, "x")))
    assert files == {}
    assert len(skipped) == 1


@pytest.mark.parametrize(
    "edit",
    [
        at("Dockerfile", b"/d\r\n", "/d \\\r\n"),
        at("Dockerfile", b"b c", "<<EOF"),
        at("Dockerfile", b"COPY", "COPPY"),
        at("compose.yaml", b"old/api  # kept", "'new"),
        at("compose.yaml", b"    image: old/api  # kept\n", "    image: x\n  other:\n"),
    ],
)
def test_an_edit_that_does_more_than_it_says_is_left_out(edit: Edit) -> None:
    good = at("Dockerfile", b"USER x", "USER y")
    files, skipped = mended(finding(edit), finding(good))
    assert files == {"Dockerfile": FILES["Dockerfile"].replace(b"USER x", b"USER y")}
    assert skipped == ["its edit would change more of the file than it says"]


@pytest.mark.parametrize(
    ("before", "edits", "fine"),
    [
        (b"FROM a\nUSER b\n", [Edit("D", 7, 7, "ENV X=1\n")], True),
        (b"FROM a\nUSER b\n", [Edit("D", 7, 14, "")], True),
        (b"FROM a\nRUN x \\\n\n  && y\n", [Edit("D", 15, 16, "")], True),
        (b"FROM a\nRUN x \\\n  && y\nUSER b\n", [Edit("D", 15, 22, "")], False),
        (b"FROM a\nUSER b", [Edit("D", 13, 13, "\nENV X=1\n")], True),
        (b"FROM a\nRUN x \\\n  && y\nUSER b\n", [Edit("D", 15, 15, "ENV X=1\n")], False),
        (b"FROM a\nRUN x \\\n  && y\nUSER b\n", [Edit("D", 22, 22, "ENV X=1\n")], True),
        (b"FROM a\nUSER b\n", [Edit("D", 7, 8, "X"), Edit("D", 7, 9, "Y")], False),
        (b"# escape=`\nFROM a\n", [Edit("D", 0, 11, "")], False),
        (b"# escape=\\\n# syntax=x\nFROM a\n", [Edit("D", 0, 0, "# no directive\n")], False),
    ],
)
def test_whether_a_dockerfile_changes_where_it_says(before: bytes, edits: list[Edit], fine: bool) -> None:
    after = apply_edits(before, edits)
    assert changes_only("D", before, after, edits, is_dockerfile=True) is fine


def test_a_template_that_is_no_yaml_can_still_be_edited() -> None:
    before = b"{{- if x }}\nimage: a\n{{- end }}\n"
    edits = [Edit("t.yaml", 19, 20, "b")]
    assert changes_only("t.yaml", before, apply_edits(before, edits), edits, is_dockerfile=False)


def test_spans_count_characters_and_edits_bytes() -> None:
    dockerfile = parse(FILES["Dockerfile"], "Dockerfile")
    copy = dockerfile.instructions[1]
    edit = span_edit("x/Dockerfile", dockerfile, copy.span, "ADD")
    assert FILES["Dockerfile"][edit.start : edit.end] == b"COPY b c /d"
    assert edit.path == "x/Dockerfile"
