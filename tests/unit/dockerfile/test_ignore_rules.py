from __future__ import annotations

from pathlib import Path

import pytest

from shipway.dockerfile.ignore import NO_RULES, IgnoreRules, load_ignore, parse_ignore
from shipway.errors import DockerfileError


def rules(*lines: str) -> IgnoreRules:
    return parse_ignore("\n".join(lines).encode(), ".dockerignore")


@pytest.mark.parametrize(
    ("lines", "path", "ignored"),
    [
        (["x"], "x", True),
        (["x"], "d/x", False),
        (["**/x"], "d/e/x", True),
        (["**/x"], "x", True),
        (["d"], "d/e/f", True),
        (["d/*"], "d", False),
        (["d/**"], "d", False),
        (["d/**"], "d/e/f", True),
        (["**c.txt"], "x/abc.txt", True),
        (["a.c # note"], "a.c", False),
        (["  a.c  "], "a.c", True),
        (["/a.c"], "a.c", True),
        (["./a/../b"], "b", True),
        (["A.c"], "a.c", False),
        (["*", "! keep"], "keep", False),
        (["d", "!d/a"], "d", True),
        (["d", "!d/a"], "d/a", False),
        (["d", "!d/a", "d"], "d/a", False),
        (["d", "!d/a", "d/a"], "d/a", True),
        (["*", "!**/*.go", "vendor"], "vendor/x.go", False),
        (["*", "!**/*.go", "vendor/**"], "vendor/x.go", True),
        ([r"a\*b"], "axb", False),
        ([r"a\*b"], "a*b", True),
        (["[[]x"], "[x", True),
    ],
)
def test_which_paths_are_ignored(lines: list[str], path: str, ignored: bool) -> None:
    assert rules(*lines).ignores(path) is ignored


def test_root_is_never_ignored() -> None:
    assert not rules("**", "*", ".").ignores("")


@pytest.mark.parametrize(
    ("lines", "path", "line"),
    [
        (["# c", "", "b", "a"], "a", 4),
        (["d", "*"], "d/x", 1),
        (["*", "!x", "x"], "x", 3),
        (["d", "!d/a", "d/a/*"], "d/a/x", 3),
        (["*", "**"], "x", 1),
    ],
)
def test_line_that_excludes_a_path(lines: list[str], path: str, line: int) -> None:
    found = rules(*lines).explain(path)
    assert found is not None
    assert found.line == line


def test_what_is_not_ignored_has_no_line() -> None:
    assert rules("*", "!x").explain("x") is None


def test_only_directories_that_may_hold_something_are_walked() -> None:
    found = rules("*", "!a/b/c", "!**/keep.me")
    assert found.may_reinclude_below("a/b")
    assert rules("*", "!a/b/c").may_reinclude_below("a")
    assert not rules("*", "!a/b/c").may_reinclude_below("z")
    assert not rules("*").may_reinclude_below("a")


@pytest.mark.parametrize("line", ["!", "! ", "!/", "a[", "[]", "x[b-]", "a\\"])
def test_line_that_engines_reject_is_a_problem_with_its_place(line: str) -> None:
    found = rules("ok", line, "*.md")
    assert [(each.place.line, each.pattern) for each in found.problems] == [(2, line.strip())]
    assert found.ignores("x.md")
    with pytest.raises(DockerfileError, match=r"\.dockerignore:2: engines reject"):
        found.require_valid()


def test_byte_order_mark_and_crlf_are_dropped() -> None:
    found = parse_ignore(b"\xef\xbb\xbfa\r\nb\r\n", "x")
    assert [each.text for each in found.patterns] == ["a", "b"]
    assert found.ignores("a")


def test_names_that_are_not_utf8_match() -> None:
    assert parse_ignore(b"\xff*\n", "x").ignores(b"\xffa".decode("utf-8", "surrogateescape"))


def test_file_beside_the_dockerfile_wins_even_when_empty(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("a\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "Dockerfile.dockerignore").write_text("")
    assert load_ignore(tmp_path, ".", "sub/Dockerfile").path == "sub/Dockerfile.dockerignore"
    assert not load_ignore(tmp_path, ".", "sub/Dockerfile").ignores("a")
    assert load_ignore(tmp_path, ".", "Dockerfile").ignores("a")
    assert load_ignore(tmp_path, "sub", "Dockerfile") is NO_RULES


def test_shared_file_is_the_one_of_the_context_root(tmp_path: Path) -> None:
    (tmp_path / "svc").mkdir()
    (tmp_path / "svc" / ".dockerignore").write_text("b\n")
    found = load_ignore(tmp_path, "svc/", "svc/Dockerfile")
    assert (found.path, found.ignores("b")) == ("svc/.dockerignore", True)


@pytest.mark.parametrize(
    ("target", "ignored"),
    [
        ("rules", True),
        ("/rules", True),
        ("sub/link", True),
        ("../outside", False),
        ("../../../etc/hostname", False),
        ("gone", False),
        (".dockerignore", False),
        ("sub", False),
    ],
)
def test_link_is_followed_inside_the_context_only(target: str, ignored: bool, tmp_path: Path) -> None:
    """BuildKit finds no ignore file where a link leads out of the context (tried with 20.10 and 28.5)."""
    context = tmp_path / "context"
    (context / "sub").mkdir(parents=True)
    (context / "sub" / "link").symlink_to("../rules")
    (context / "rules").write_text("a\n")
    (tmp_path / "outside").write_text("a\n")
    (context / ".dockerignore").symlink_to(target)
    assert load_ignore(tmp_path, "context").ignores("a") is ignored
