from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shipway.dockerfile.context import Context
from shipway.dockerfile.ignore import load_ignore, parse_ignore
from shipway.dockerfile.nearest import nearest
from shipway.dockerfile.parser import parse
from shipway.dockerfile.patterns import component, has_wildcard, is_well_formed
from shipway.dockerfile.resolve import resolve
from shipway.dockerfile.sources import SourceReport, clean, is_remote, read_sources
from shipway.dockerfile.tree import ContextTree, locate


def lay(root: Path, *entries: str) -> Context:
    for entry in entries:
        name, arrow, target = entry.partition("->")
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if arrow:
            place.symlink_to(target)
        elif name.endswith("/"):
            place.mkdir()
        else:
            place.write_text("x")
    return Context(ContextTree(root), load_ignore(root, "."))


def report(context: Context | None, text: str) -> SourceReport:
    return read_sources(resolve(parse(text.encode(), "Dockerfile")), context)


def test_ignored_source_names_file_line_and_pattern(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("# build\n*.md\n!a.md\n**/dist\n")
    outcome = report(lay(tmp_path, "web/dist/x"), "FROM scratch\nCOPY web/dist/x /\n").failures[0]
    assert outcome.message == (
        "COPY web/dist/x: /web/dist/x is excluded from the build context by '**/dist' in .dockerignore:4"
    )


def test_missing_source_says_what_may_have_been_meant(tmp_path: Path) -> None:
    outcome = report(lay(tmp_path, "requirements.txt"), "FROM scratch\nCOPY requirement.txt /\n").failures[0]
    assert outcome.message == "COPY requirement.txt: /requirement.txt does not exist in the build context"
    assert outcome.help == "did you mean requirements.txt?"


def test_matches_and_files_of_a_source(tmp_path: Path) -> None:
    context = lay(tmp_path, "a/x", "a/void/", "b->a", "c.txt")
    outcomes = report(context, "FROM scratch\nCOPY b *.txt /o/\n").outcomes
    assert [(each.matched, each.files) for each in outcomes] == [
        (("a",), ("b", *context.below("a"))),
        (("c.txt",), ("c.txt",)),
    ]
    assert sorted(context.below("a")) == ["a/void/", "a/x"]


def test_files_are_sorted_and_named_once(tmp_path: Path) -> None:
    found = report(lay(tmp_path, "b", "a", "d/c"), "FROM scratch\nCOPY b a /o/\nCOPY . /p/\n")
    assert found.files() == ("a", "b", "d/c")


def test_files_of_a_named_context_are_told_apart(tmp_path: Path) -> None:
    text = "FROM ext\nCOPY --from=lib x /\nCOPY x /\n"
    build = resolve(parse(text.encode(), "D"), contexts={"lib": "lib", "ext": "ext"})
    contexts = {name: lay(tmp_path / name, "x", name) for name in ("main", "lib", "ext")}
    found = read_sources(build, contexts.pop("main"), contexts)
    assert (found.files(), found.files("lib"), found.files("ext")) == (("x",), ("x",), ("ext", "x"))


def test_context_that_is_not_here_is_not_judged() -> None:
    found = report(None, "FROM scratch\nCOPY gone /\nCOPY http://h.test/x /\n")
    assert [each.reason for each in found.outcomes] == [None, "remote-not-allowed"]
    assert not found.outcomes[0].certain


def test_variable_that_an_image_may_set_makes_a_failure_uncertain(tmp_path: Path) -> None:
    outcomes = report(lay(tmp_path, "a"), "FROM python\nARG B=b\nCOPY $PY/x /\nCOPY $B /\n").outcomes
    assert [(each.reason, each.certain) for each in outcomes] == [("missing", False), ("missing", True)]


def test_unused_ignore_file_is_not_a_problem(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("!\n")
    context = lay(tmp_path, "a")
    assert report(context, "FROM scratch\nENV A=1\n").ignore_problems == ()
    assert len(report(context, "FROM scratch\nCOPY a /\n").ignore_problems) == 1


def test_special_files_are_never_read(tmp_path: Path) -> None:
    context = lay(tmp_path, "d/a")
    os.mkfifo(tmp_path / "d" / "pipe")
    assert report(context, "FROM scratch\nCOPY d d/pipe /o/\n").files() == ("d/a",)


def test_deep_trees_are_walked_without_recursion(tmp_path: Path) -> None:
    place = tmp_path
    for _ in range(60):
        place = place / "d"
    place.mkdir(parents=True)
    context = Context(_Deep(5_000))
    assert context.below("") == ("/".join(["d"] * 5_000) + "/",)
    assert Context(ContextTree(tmp_path)).below("") == ("/".join(["d"] * 60) + "/",)


class _Deep:
    """A chain of directories deeper than any file system allows."""

    def __init__(self, depth: int) -> None:
        self._depth = depth

    def entries(self, directory: str) -> dict[str, str]:
        depth = directory.count("d")
        return {"d": "dir"} if depth < self._depth else {}

    def link(self, path: str) -> str:
        raise AssertionError(path)


def test_pruned_directories_are_not_listed(tmp_path: Path) -> None:
    lay(tmp_path, "node_modules/x/y.js", "a.js")
    tree = ContextTree(tmp_path)
    listed: list[str] = []
    scan = tree.entries
    tree.entries = lambda directory: listed.append(directory) or scan(directory)  # type: ignore[method-assign]
    assert Context(tree, parse_ignore(b"node_modules\n!keep\n", "i")).below("") == ("a.js",)
    assert listed == [""]


def test_directory_is_listed_once_for_all_builds(tmp_path: Path) -> None:
    context = lay(tmp_path, "a")
    assert context.below("") == ("a",)
    (tmp_path / "b").write_text("later")
    assert report(context, "FROM scratch\nCOPY . /\n").files() == ("a",)


@pytest.mark.parametrize(
    ("entries", "path", "expected"),
    [
        (["d/f"], "d/f", ("d/f", "file", (), None)),
        (["d/f"], "d/g", ("d/g", None, (), "missing")),
        (["d/f"], "d/f/g", ("d/f/g", None, (), "missing")),
        (["l->/d/f", "d/f"], "l", ("d/f", "file", ("l",), None)),
        (["d/l->../../../f", "f"], "d/l", ("f", "file", ("d/l",), None)),
        (["a->b", "b->d", "d/f"], "a/f", ("d/f", "file", ("a", "b"), None)),
        (["a->d", "d/f"], "a/g", ("d/g", None, ("a",), "missing")),
        (["a->gone"], "a", ("gone", None, ("a",), "dangling-link")),
        (["a->f/x", "f"], "a", ("f/x", None, ("a",), "dangling-link")),
        (["l->.", "f"], "l/l/f", ("f", "file", ("l", "l"), None)),
    ],
)
def test_where_a_path_leads(
    tmp_path: Path, entries: list[str], path: str, expected: tuple[object, ...]
) -> None:
    found = locate(lay(tmp_path, *entries).tree, path)
    assert (found.path, found.kind, found.links, found.reason) == expected


def test_link_loop_ends(tmp_path: Path) -> None:
    assert locate(lay(tmp_path, "a->b", "b->a").tree, "a/x").reason == "link-loop"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("../f", "f"), ("/", ""), ("", ""), ("a//b/.", "a/b"), ("x/../y/", "y"), ("..", ""), ("//a", "a")],
)
def test_sources_are_cleaned_lexically(path: str, expected: str) -> None:
    assert clean(path) == expected


@pytest.mark.parametrize(
    ("source", "remote"),
    [
        ("http://h/x", True),
        ("HTTPS://h/x", True),
        ("git@h:x.git", True),
        ("git://h/x", True),
        ("ssh://git@h/x", True),
        ("github.com/a/b", False),
        ("ftp://h/x", False),
        ("a@b", False),
        ("./git@h:x", False),
    ],
)
def test_what_is_fetched_from_elsewhere(source: str, remote: bool) -> None:
    assert is_remote(source) is remote


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", ".x", True),
        ("a?c", "abc", True),
        ("[a-c]", "b", True),
        ("[^a-c]", "b", False),
        ("[^a-c]", "]", True),
        (r"[\]]", "]", True),
        (r"[\^a]", "^", True),
        ("[[]", "[", True),
        (r"a\*", "a*", True),
        (r"a\*", "ab", False),
        ("a.c", "abc", False),
        ("*\n*", "a\nb", True),
    ],
)
def test_wildcards_as_go_matches_them(pattern: str, name: str, matches: bool) -> None:
    assert is_well_formed(pattern)
    assert (component(pattern).fullmatch(name) is not None) is matches


@pytest.mark.parametrize("pattern", ["[", "a[b", "[]", "[-a]", "[a-]", "a\\", "[^]", "[c-a]"])
def test_malformed_patterns(pattern: str) -> None:
    assert not is_well_formed(pattern)


def test_escaped_wildcards_are_none() -> None:
    assert [has_wildcard(each) for each in (r"a\*b", "a*", r"\\*", "a", r"a\[")] == [
        False,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/Main.py", "src/main.py"),
        ("services/src/main.py", "src/main.py"),
        ("main.py", "src/main.py"),
        ("src/maim.py", "src/main.py"),
        ("zzz", None),
        ("", None),
    ],
)
def test_nearest_path(tmp_path: Path, path: str, expected: str | None) -> None:
    assert nearest(lay(tmp_path, "src/main.py", "README"), path) == expected


def test_nearest_path_is_never_looked_for_behind_a_link_that_leads_out(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "App.py").touch()
    context = lay(tmp_path / "context", "deep/main.py")
    (tmp_path / "context" / "src").symlink_to("../outside")
    (tmp_path / "context" / "in").symlink_to("deep")
    assert nearest(context, "src/app.py") == "src"
    assert nearest(context, "x/src/App.py") is None
    assert nearest(context, "in/Main.py") == "in/main.py"


def test_a_path_of_thousands_of_components_is_no_slip_of_the_pen(tmp_path: Path) -> None:
    assert nearest(lay(tmp_path, "src/main.py"), "x/" * 100_000 + "main.py") is None


def test_the_places_of_a_name_are_found_once_for_all_sources(tmp_path: Path) -> None:
    context = lay(tmp_path, "b/x", "a/b/x", "x", "a/y")
    assert context.places_of("x") == ["x", "b/x"]
    assert context.places_of("y") == ["a/y"]
    assert context.places_of("z") == ()


@pytest.mark.parametrize("name", ["a" * 250, "a" * 250 + "b", "b" + "a" * 250])
@pytest.mark.parametrize("pattern", ["*a" * 60 + "*b", "*[a]" * 60 + "*b", "?*a" * 60 + "*b"])
def test_many_stars_are_matched_without_trying_every_way(pattern: str, name: str) -> None:
    """By backtracking, five stars and a long name took minutes, sixty would never end."""
    wanted = name.endswith("b")
    assert component("*" * 300 + "b").fullmatch(name + "b") is not None
    assert (component(pattern).fullmatch(name) is not None) is wanted
    assert parse_ignore(f"x\n{pattern}".encode(), "i").ignores(name) is wanted


@pytest.mark.parametrize(
    ("pattern", "path", "ignored"),
    [
        ("*/*/*/*.c", "a/b/c/d.c", True),
        ("*/*/*/*.c", "a/b/c/d/e.c", False),
        ("**/a/**/b/**/c", "x/a/y/z/b/c", True),
        ("**/a/**/b/**/c", "x/a/y/z/c/b", False),
        ("*?*[^x]*é*", "aaé", True),
        ("*?*[^x]*é*", "xxé", False),
        ("*.*.*.*", "a.b.c.\udcff", True),
        (r"*a\*b*c*d", "xa*bcd", True),
        (r"*a\*b*c*d", "xaxbcd", False),
    ],
)
def test_patterns_of_many_wildcards(pattern: str, path: str, ignored: bool) -> None:
    assert parse_ignore(pattern.encode(), "i").ignores(path) is ignored


def test_usual_patterns_do_without_the_automaton() -> None:
    """Its library takes longer to load than most ignore files to match."""
    script = (
        "import sys; from shipway.dockerfile.patterns import matcher; "
        "matcher(['**/*.log', '*.md', '**/node_modules', 'a/*/b/*.c']); print('re2' in sys.modules); "
        "matcher(['*/*/*']); print('re2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
