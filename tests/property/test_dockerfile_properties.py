"""What holds for every Dockerfile and every ignore file, however odd."""

from __future__ import annotations

import pytest
from e2b_dockerfile_utils import DockerfileSyntaxError, ShellLex, parse_dockerfile_ast
from hypothesis import given, settings
from hypothesis import strategies as st

from shipway.dockerfile import scan
from shipway.dockerfile.ignore import parse_ignore
from shipway.dockerfile.parser import parse
from shipway.dockerfile.patterns import matcher
from shipway.dockerfile.pin import pin
from shipway.dockerfile.resolve import resolve
from shipway.dockerfile.words import ExpansionError, expand

PIECES = st.sampled_from(
    [
        *(
            "FROM ",
            "from a AS b",
            "COPY ",
            "ADD ",
            "RUN ",
            "ONBUILD ",
            "ARG A=1",
            "ENV A=b ",
            "FOO ",
            "WORKDIR /x",
        ),
        *("--from=img:1 ", "--from=0 ", "--mount=from=x,target=/y ", "--link ", "--exclude=*.md ", "--"),
        *(
            "alpine:3",
            "$A",
            "${A:-b}",
            "a b",
            "'q r'",
            '"',
            "'",
            '["a", "/b"]',
            "[",
            "<<EOF ",
            "<<-'E' ",
            "3<<F ",
        ),
        *(
            "EOF\n",
            "E\n",
            "\tE\n",
            "F\n",
            "\n",
            "\n",
            "\n",
            "\r\n",
            " \\\n",
            " `\n",
            "\\",
            "`",
            " ",
            "\t",
            "\u00a0",
        ),
        *(
            "# c\n",
            "# escape=`\n",
            "# syntax=x\n",
            "#!x\n",
            "// syntax=y\n",
            "\ufeff",
            "é",
            "\x00",
            "\x1c",
            "\u2028",
        ),
    ]
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)
BYTES = st.one_of(st.binary(max_size=200), TEXTS.map(lambda text: text.encode()))


@given(BYTES)
def test_parse_and_resolve_never_raise_for_what_a_file_says(data: bytes) -> None:
    dockerfile = parse(data, "Dockerfile")
    found = resolve(dockerfile, contexts={"img": "dir"})
    assert bool(found.problems) >= any(each.fatal for each in dockerfile.problems)
    for each in (*dockerfile.problems, *found.problems):
        each.message.encode("utf-8")


@given(BYTES)
def test_instructions_and_comments_cover_all_but_blanks(data: bytes) -> None:
    dockerfile = parse(data, "Dockerfile")
    if any(each.fatal for each in dockerfile.problems):
        return
    position, rest = 0, []
    for each in dockerfile.instructions:
        assert each.span.start >= position
        rest.append(dockerfile.text[position : each.span.start])
        position = each.span.end
    rest.append(dockerfile.text[position:])
    for line in "".join(rest).removeprefix("\ufeff").split("\n"):
        bare = line[scan.leading_blanks(line) :].rstrip("\r")
        assert bare == "" or bare.startswith("#") or bare[0] == dockerfile.escape


@given(BYTES)
def test_segments_joined_are_the_logical_line(data: bytes) -> None:
    dockerfile = parse(data, "Dockerfile")
    for each in dockerfile.instructions:
        stretches = scan.segments(dockerfile, each)
        assert "".join(dockerfile.text[start:end] for start, end in stretches) == each.original


@given(BYTES)
def test_located_words_say_what_the_word_says(data: bytes) -> None:
    dockerfile = parse(data, "Dockerfile")
    for each in dockerfile.instructions:
        for instruction in filter(None, (each, each.trigger)):
            found = scan.words(instruction, dockerfile.escape)
            assert len(found.flags) == len(instruction.flags)
            for word in (*found.flags, *found.args):
                span = scan.locate(dockerfile, instruction, word.start, word.end)
                assert span is None or dockerfile.text[span.start : span.end] == word.text


@given(TEXTS)
def test_sound_files_read_as_the_parser_underneath_reads_them(text: str) -> None:
    try:
        wanted = parse_dockerfile_ast(text).instructions
    except (DockerfileSyntaxError, RecursionError):
        return
    found = parse(text.encode(), "Dockerfile").instructions
    if "onbuild" in text.lower():
        return
    assert [(each.keyword, each.original, each.flags, each.line, each.end_line) for each in found] == [
        (each.name, each.original, tuple(each.flags), each.start_line, each.end_line) for each in wanted
    ]


@given(TEXTS)
def test_line_by_line_reading_agrees_with_whole_file_reading(text: str) -> None:
    """A bad last line sends the same text down the other path."""
    whole = parse(text.encode(), "D")
    if any(each.fatal for each in whole.problems) or scan.continued(
        text.rsplit("\n", maxsplit=1)[-1], whole.escape
    ):
        return
    if text and not text.endswith("\n"):
        text += "\n"
    broken = parse((text + "NOPE x\n").encode(), "D")
    if any("unknown instruction: NOPE" in each.message for each in broken.problems):
        keys = [(each.keyword, each.original, each.args, each.heredocs) for each in whole.instructions]
        assert [
            (each.keyword, each.original, each.args, each.heredocs) for each in broken.instructions
        ] == keys


@given(BYTES)
def test_pin_without_replacements_is_identity(data: bytes) -> None:
    assert pin(data, []) == data


@given(TEXTS)
def test_pin_changes_only_the_references(text: str) -> None:
    data = text.encode()
    spans = {each.span for each in resolve(parse(data, "D")).bases if each.span is not None}
    new = "r.io/x@sha256:" + "0" * 64
    pinned = pin(data, [(span, new) for span in spans]).decode()
    position, parts = 0, []
    for span in sorted(spans, key=lambda each: each.start):
        parts += [text[position : span.start], new]
        position = span.end
    assert pinned == "".join([*parts, text[position:]])


WORDS = st.lists(
    st.sampled_from(
        ["$A", "${A}", "$B_1", "${B", "$", "{", "}", "$1", "$$", "é", "$é", "x", "_", "-", "<<", "\\", "'"]
    ),
    max_size=6,
).map("".join)


@given(WORDS)
@settings(max_examples=500)
def test_expansion_is_that_of_the_lexer(word: str) -> None:
    env = {"A": "one two", "B_1": "'$A'"}
    try:
        wanted = ShellLex("\\", env=env, skip_unset_env=False).process_word(word)
    except ValueError:
        with pytest.raises(ExpansionError):
            expand(word, env, "\\")
        return
    assert expand(word, env, "\\").text == wanted


NAMES = st.text("ab.", min_size=1, max_size=2).filter(lambda name: name.strip("."))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PATTERN = st.lists(
    st.sampled_from(["a", "b", "*", "**", "?", "a*", "**b", "[ab]", ".", "a.b"]), min_size=1, max_size=3
).map("/".join)
LINES = st.lists(st.tuples(st.sampled_from(["", "!", "/", "! "]), PATTERN).map("".join), max_size=6)


@given(LINES, PATHS)
@settings(max_examples=300)
def test_groups_of_patterns_decide_as_one_by_one(lines: list[str], path: str) -> None:
    rules = parse_ignore("\n".join(lines).encode(), "i")
    ignored = matcher(lines).matches(path)
    assert rules.ignores(path) is ignored
    assert (rules.explain(path) is not None) is ignored


@given(st.binary(max_size=100))
def test_ignore_files_never_raise(data: bytes) -> None:
    found = parse_ignore(data, "i")
    found.ignores("a/b")
    assert len(found.patterns) + len(found.problems) <= data.count(b"\n") + 1


@given(LINES, st.lists(PATHS, max_size=8), PATHS)
def test_directories_that_are_pruned_hold_nothing(lines: list[str], paths: list[str], directory: str) -> None:
    rules = parse_ignore("\n".join(lines).encode(), "i")
    if rules.ignores(directory) and not rules.may_reinclude_below(directory):
        assert all(rules.ignores(f"{directory}/{each}") for each in paths)
