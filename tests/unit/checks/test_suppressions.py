from __future__ import annotations

import pytest

from shipway.checks.finding import Finding
from shipway.checks.fixes import apply_edits
from shipway.checks.suppress import suppressions
from shipway.dockerfile.parser import parse
from shipway.place import Place

DOCKERFILE = b"""\
# syntax=docker/dockerfile:1
FROM scratch
# shipway: ignore=SW101,sw2 made in CI
# another comment

COPY a \\
  b /x/
COPY c /x/
RUN <<EOF
# shipway: ignore=SW101 not a comment
EOF
"""


def covered(data: bytes, path: str, rule: str, lines: range) -> list[int]:
    dockerfile = parse(data, path) if path.endswith("Dockerfile") else None
    found = suppressions(path, data, dockerfile)
    return [
        line
        for line in lines
        if any(each.covers(Finding(rule, "error", Place(path, line), "m")) for each in found)
    ]


@pytest.mark.parametrize(("rule", "lines"), [("SW101", [6, 7]), ("SW203", [6, 7]), ("SW301", [])])
def test_a_comment_counts_for_the_instruction_below(rule: str, lines: list[int]) -> None:
    assert covered(DOCKERFILE, "Dockerfile", rule, range(1, 12)) == lines


def test_a_comment_before_the_first_instruction_counts_for_the_file() -> None:
    data = b"# shipway: ignore=SW1 old\nFROM scratch\nCOPY a /x\n"
    assert covered(data, "Dockerfile", "SW101", range(4)) == [0, 1, 2, 3]


def test_a_comment_is_of_its_own_file_alone() -> None:
    (found,) = suppressions("a/Dockerfile", b"FROM a\n# shipway: ignore=SW1\nUSER x\n", None)
    assert not found.covers(Finding("SW101", "error", Place("b/Dockerfile", 3), "m"))


YAML = b"""\
services:
  api:
    image: a  # shipway: ignore=SW203 pinned elsewhere
    # shipway: ignore=SW101 made in CI
    build: .
    command: echo#shipway: ignore=SW1
"""


@pytest.mark.parametrize(("rule", "lines"), [("SW203", [3]), ("SW101", [5]), ("SW111", [])])
def test_in_yaml_a_comment_may_end_its_line(rule: str, lines: list[int]) -> None:
    assert covered(YAML, "compose.yaml", rule, range(1, 7)) == lines


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("Dockerfile", b"FROM a\r\n  # shipway: ignore=SW1 x\r\nUSER b\r\n", b"FROM a\r\nUSER b\r\n"),
        ("Dockerfile", b"\xef\xbb\xbf# shipway: ignore=SW1\nFROM a\n", b"\xef\xbb\xbfFROM a\n"),
        ("Dockerfile", b"FROM a\n# \xff shipway\n#shipway:ignore=SW1", b"FROM a\n# \xff shipway\n"),
        (
            "c.yaml",
            b"a: 1\r\nb: \xc3\xa9  # shipway: ignore=SW1 x\r\nc: 2\n",
            b"a: 1\r\nb: \xc3\xa9\r\nc: 2\n",
        ),
    ],
)
def test_the_comment_can_be_deleted_and_nothing_else_changes(path: str, before: bytes, after: bytes) -> None:
    dockerfile = parse(before, path) if path == "Dockerfile" else None
    (found,) = suppressions(path, before, dockerfile)
    assert apply_edits(before, [found.edit]) == after
