from __future__ import annotations

import pytest

from shipway.dockerfile import scan
from shipway.dockerfile.parser import parse
from shipway.dockerfile.syntax import Dockerfile, Instruction
from shipway.errors import DockerfileError


def read(text: str | bytes) -> Dockerfile:
    return parse(text if isinstance(text, bytes) else text.encode(), "Dockerfile")


def only(text: str | bytes) -> Instruction:
    """The instruction after FROM in a file without problems."""
    dockerfile = read(text)
    assert dockerfile.problems == ()
    return dockerfile.instructions[1]


def messages(text: str | bytes) -> list[str]:
    return [
        f"{each.place.line}:{each.place.column} {each.message}" for each in read(text).problems if each.fatal
    ]


def test_byte_order_mark_is_dropped_and_has_no_column() -> None:
    dockerfile = read(b"\xef\xbb\xbfFROM scratch\n")
    assert dockerfile.instructions[0].keyword == "FROM"
    assert dockerfile.instructions[0].span.column == 1
    assert dockerfile.problems == ()


def test_crlf_lines_read_like_lf_lines() -> None:
    found = read("FROM scratch\r\nCOPY a \\\r\n  b /c/\r\nRUN <<EOF\r\necho\r\nEOF\r\nUSER 1\r\n")
    assert [each.keyword for each in found.instructions] == ["FROM", "COPY", "RUN", "USER"]
    assert found.instructions[1].args == ("a", "b", "/c/")
    assert found.instructions[2].heredocs[0].content == "echo\r\n"


def test_last_line_needs_no_newline() -> None:
    assert only("FROM scratch\nCOPY a /b").args == ("a", "/b")


def test_tabs_indentation_and_lower_case_are_fine() -> None:
    copy = only("from scratch\n\t  copy\ta\t/b\n")
    assert (copy.keyword, copy.args, copy.span.column) == ("COPY", ("a", "/b"), 4)


def test_directives_stand_in_the_first_block_only() -> None:
    found = read("# syntax=docker/dockerfile:1\n# check=skip=all\n# a comment\n# escape=`\nFROM a\n")
    assert [(each.name, each.value, each.place.line) for each in found.directives] == [
        ("syntax", "docker/dockerfile:1", 1),
        ("check", "skip=all", 2),
    ]
    assert found.escape == "\\"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("#!/usr/bin/env x\n# syntax=a/b\nFROM c\n", "hash"),
        ("// syntax=a/b\nFROM c\n", "slashes"),
        ('{"syntax": "a/b"}', "json"),
    ],
)
def test_syntax_directive_in_every_form(text: str, form: str) -> None:
    found = read(text)
    assert found.directive("syntax") == "a/b"
    assert found.directives[0].form == form


def test_directive_twice_and_wrong_escape_are_problems() -> None:
    assert messages("# escape=`\n# escape=`\nFROM a\n") == ["2:1 only one escape directive can be used"]
    assert messages("# escape=x\nFROM a\n") == ["1:1 'x' is no escape character"]


def test_backtick_escape_continues_lines_and_keeps_backslashes() -> None:
    copy = only("# escape=`\nFROM scratch\nCOPY C:\\a `\n  b\\ /d\n")
    assert copy.args == ("C:\\a", "b\\", "/d")
    assert (copy.line, copy.end_line) == (3, 4)


def test_comment_blank_line_and_trailing_space_inside_a_continuation() -> None:
    found = read("FROM scratch\nCOPY a \\  \n  # why\n\n  b /c\n")
    assert found.instructions[1].args == ("a", "b", "/c")
    assert [each.text for each in found.comments] == ["why"]
    assert [each.fatal for each in found.problems] == [False]


@pytest.mark.parametrize(
    ("text", "names", "contents"),
    [
        ("RUN <<EOF\na\nEOF\n", ["EOF"], ["a\n"]),
        ("RUN cat <<A 3<<B | sort\n1\nA\n2\nB\n", ["A", "B"], ["1\n", "2\n"]),
        ("COPY <<-'X Y' /a\n\tb\n\tX Y\n", ["X Y"], ["\tb\n"]),
        ("COPY <<EOF /a\nx \\\nEOF\n", ["EOF"], ["x \\\n"]),
        ("RUN echo $((1<<2))\n", [], []),
    ],
)
def test_heredocs(text: str, names: list[str], contents: list[str]) -> None:
    found = read(f"FROM scratch\n{text}USER 1\n")
    assert [each.keyword for each in found.instructions][2:] == ["USER"]
    heredocs = found.instructions[1].heredocs
    assert [each.name for each in heredocs] == names
    assert [each.content for each in heredocs] == contents


def test_heredoc_inside_onbuild_belongs_to_its_trigger() -> None:
    found = read("FROM scratch\nONBUILD COPY <<RUN /a\nRUN x\n# body\nRUN\n# real\nUSER 1\n")
    onbuild = found.instructions[1]
    assert [each.keyword for each in found.instructions] == ["FROM", "ONBUILD", "USER"]
    assert onbuild.trigger is not None
    assert onbuild.trigger.args == ("<<RUN", "/a")
    assert onbuild.trigger.heredocs[0].content == "RUN x\n# body\n"
    assert (onbuild.line, onbuild.end_line) == (2, 5)
    assert [each.text for each in found.comments] == ["real"]


def test_hash_in_a_heredoc_body_is_no_comment() -> None:
    assert read("FROM a\nRUN <<E\n# x\nE\n# y\n").comments[0].text == "y"


def test_unterminated_heredoc_is_one_problem() -> None:
    assert messages("FROM a\nRUN <<EOF\nfoo\nbar\n") == ["2:1 unterminated heredoc"]


def test_onbuild_trigger_is_read_with_its_flags() -> None:
    trigger = only("FROM a\nONBUILD COPY --from=b x /y\n").trigger
    assert trigger is not None
    assert (trigger.flag("from"), trigger.args) == ("b", ("x", "/y"))


@pytest.mark.parametrize(
    ("text", "args", "json"),
    [
        ('COPY ["a b", \\\n "/c"]\n', ("a b", "/c"), True),
        ("COPY ['a', '/b']\n", ("['a',", "'/b']"), False),
        ('CMD ["a"] && b\n', ('["a"] && b',), False),
        ('COPY "my file" /d/\n', ('"my', 'file"', "/d/"), False),
        ("COPY my\\ file /d/\n", ("my\\", "file", "/d/"), False),
        ("COPY a /b # note\n", ("a", "/b", "#", "note"), False),
        ("RUN\n", (), False),
        ("WORKDIR /a b\n", ("/a b",), False),
        ("ENV A=1 B='2 3'\n", ("A", "1", "=", "B", "'2 3'", "="), False),
        ("ENV A b c\n", ("A", "b c", ""), False),
        ("LABEL a=b\n", ("a", "b", "="), False),
        ("ARG A B=c\n", ("A", "B=c"), False),
    ],
)
def test_arguments_as_buildkit_splits_them(text: str, args: tuple[str, ...], json: bool) -> None:
    found = only("FROM scratch\n" + text)
    assert (found.args, found.json) == (args, json)


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("COPY --from=a --link --exclude=*.md --exclude=x --chown=1:1 b /c\n", 5),
        ("ADD --checksum=sha256:00 --keep-git-dir=true --unpack http://h/x /c\n", 3),
        (
            "RUN --mount=type=cache,target=/a \\\n --mount=type=ssh --network=none --security=insecure x\n",
            4,
        ),
        ("RUN --device=vendor.com/class=x true\n", 1),
        ("HEALTHCHECK --interval=1s --start-interval=2s --retries=3 CMD true\n", 3),
    ],
)
def test_flags_of_every_kind(text: str, flags: int) -> None:
    found = only("FROM scratch\n" + text)
    assert len(found.flags) == flags
    assert len(scan.words(found, "\\").flags) == flags


def test_boolean_flag_may_be_switched_off() -> None:
    assert not only("FROM a\nCOPY --parents=false b /c\n").switched_on("parents")
    assert only("FROM a\nCOPY --parents=TRUE b /c\n").switched_on("parents")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "0:0 the file has no instructions"),
        ("# only\n", "0:0 the file has no instructions"),
        ("ARG A\n", "0:0 the file has no FROM, so there is no stage to build"),
        ("RUN x\nFROM a\n", "1:1 RUN before the first FROM: only ARG may stand there"),
        ("FROM\n", "1:1 FROM needs an image, or an image, AS and a name"),
        ("FROM a b\n", "1:1 FROM needs an image, or an image, AS and a name"),
        ("FROM a AS 1b\n", "1:1 '1b' is no stage name: a letter, then letters, digits, '-', '_' and '.'"),
        ("FROM a\nCOPY b\n", "2:1 COPY needs a source and a destination"),
        ("FROM a\nCOPY b <<EOF\nEOF\n", "2:1 COPY cannot have a here-document as its destination"),
        ("FROM a\nADD --from=b c /d\n", "2:1 ADD has no flag --from"),
        ("FROM a\nADD --parents b /c\n", "2:1 ADD has no flag --parents"),
        ("FROM a\nCOPY --form=b c /d\n", "2:1 COPY has no flag --form; did you mean --from?"),
        ("FROM a\nCOPY --from b /c\n", "2:1 --from of COPY needs a value"),
        ("FROM a\nCOPY --from=a --from=b b /c\n", "2:1 --from of COPY stands twice"),
        ("FROM a\nCOPY --link=yes b /c\n", "2:1 --link of COPY is true or false, not 'yes'"),
        ("FROM a\nCMD --x y\n", "2:1 CMD has no flag --x"),
        ("FROM a\nWORKDIR\n", "2:1 WORKDIR needs exactly one argument"),
        ("FROM a\nENV\n", "2:1 ENV needs at least one argument"),
        ("FROM a\nSHELL bash -c\n", "2:1 SHELL needs a JSON array"),
        ("FROM a\nONBUILD FROM b\n", "2:1 ONBUILD cannot hold FROM"),
        ("FROM a\nONBUILD COPY b\n", "2:1 ONBUILD: COPY needs a source and a destination"),
        ("FROM a\nONBUILD FOO b\n", "2:1 ONBUILD: unknown instruction: FOO"),
        ('FROM a\nCOPY ["b", 1]\n', "2:1 Only strings are supported in JSON arrays"),
        ("FROM a\nENV A=1 B\n", '2:1 Syntax error - can\'t find = in "B". Must be of the form: name=value'),
        ('FROM a\nRUN --mount=from=b,\\"x true\n', "2:1 --mount cannot be read: unexpected end of data"),
    ],
)
def test_what_no_engine_accepts_is_a_fatal_problem(text: str, message: str) -> None:
    assert message in messages(text)


def test_reading_goes_on_after_bad_lines() -> None:
    found = read("FROM a\nRUNN x \\\n  y\n  COYP b /c\nUSER 1\nONBUILD RUN <<E\nx\nE\nRUN <<F\nz\nF\n")
    assert [(each.keyword, each.line, each.end_line) for each in found.instructions] == [
        ("FROM", 1, 1),
        ("USER", 5, 5),
        ("ONBUILD", 6, 8),
        ("RUN", 9, 11),
    ]
    assert [(each.place.line, each.place.column) for each in found.problems] == [(2, 1), (4, 3)]
    assert found.problems[0].help == "did you mean RUN?"
    assert found.problems[1].help == "did you mean COPY?"


def test_recovery_reads_the_same_instructions_as_the_whole_file() -> None:
    sound = "# escape=`\nFROM a `\n AS b\n# c\nCOPY x `\n\n y /z\nRUN <<E\nq\nE\n"
    broken = read(sound + "NOPE\n")
    assert broken.instructions == read(sound).instructions
    assert broken.comments == read(sound).comments


def test_byte_order_mark_elsewhere_is_part_of_the_word() -> None:
    assert messages("FROM a\n\ufeffRUN x\n") == ["2:1 unknown instruction: \ufeffRUN"]


def test_long_line_is_a_problem() -> None:
    assert messages("FROM a\nRUN " + "x" * 65_531 + "\n") == []
    assert messages("FROM a\nRUN " + "x" * 65_536 + "\n") == ["2:1 the line is longer than 65535 bytes"]


def test_deeply_nested_json_is_a_problem_not_a_crash() -> None:
    assert messages("FROM a\nCMD " + "[" * 60_000 + "\n") == ["2:1 the JSON array is nested too deeply"]


@pytest.mark.parametrize("head", ["", "# check=skip=all\n"])
def test_directive_of_blanks_does_not_take_quadratic_time(head: str) -> None:
    for name in ("syntax", "other"):
        found = read(f"{head}# {name}=a{' ' * 60_000}b\nFROM a\n")
        assert found.instructions[0].args == ("a",)


def test_bytes_that_are_not_utf8_survive_and_messages_stay_printable() -> None:
    found = read(b"FROM a\nCOPY \xff /b\n\xfe\xff x\n")
    assert found.instructions[1].args[0].encode("utf-8", "surrogateescape") == b"\xff"
    found.problems[0].message.encode("utf-8")
    assert "udcfe" in found.problems[0].message


def test_require_valid_raises_with_place_and_passes_warnings() -> None:
    assert read("FROM a\nRUN b \\\n\n c\n").require_valid().instructions
    with pytest.raises(DockerfileError) as caught:
        read("FROM a\nBAD x\n").require_valid()
    assert str(caught.value) == "Dockerfile:2:1: unknown instruction: BAD"


def test_words_are_found_in_the_physical_lines() -> None:
    dockerfile = read("FROM scratch\nCOPY --from=b \\\n   # why\n  a/x \\\n    /y\n")
    copy = dockerfile.instructions[1]
    words = scan.words(copy, dockerfile.escape)
    spans = [scan.locate(dockerfile, copy, word.start, word.end) for word in (*words.flags, *words.args)]
    assert [dockerfile.text[s.start : s.end] for s in spans if s] == ["--from=b", "a/x", "/y"]
    assert [(s.line, s.column) for s in spans if s] == [(2, 6), (4, 3), (5, 5)]


def test_word_cut_by_a_continuation_has_no_span() -> None:
    dockerfile = read("FROM al\\\npine\n")
    word = scan.words(dockerfile.instructions[0], dockerfile.escape).args[0]
    assert word.text == "alpine"
    assert scan.locate(dockerfile, dockerfile.instructions[0], word.start, word.end) is None


def test_json_words_are_found_with_their_quotes() -> None:
    dockerfile = read('FROM scratch\nCOPY [ "a b" , "/c" ]\n')
    words = scan.words(dockerfile.instructions[1], dockerfile.escape).args
    assert [word.text for word in words] == ['"a b"', '"/c"']


def test_span_of_an_instruction_covers_its_heredocs() -> None:
    dockerfile = read("FROM scratch\n  RUN <<E\nx\nE\nUSER 1\n")
    span = dockerfile.instructions[1].span
    assert dockerfile.text[span.start : span.end] == "RUN <<E\nx\nE"


def test_stages_and_global_args() -> None:
    found = read("ARG A=1\nFROM a AS One\nRUN x\nARG B\nFROM --platform=$BUILDPLATFORM one\nCMD y\n")
    assert [(s.name, s.base, s.platform, s.line) for s in found.stages] == [
        ("one", "a", None, 2),
        (None, "one", "$BUILDPLATFORM", 5),
    ]
    assert [each.args for each in found.global_args] == [("A=1",)]
    assert [each.keyword for each in found.stages[0].instructions] == ["RUN", "ARG"]


def test_words_of_an_instruction_of_thousands_of_lines_are_located_in_one_pass() -> None:
    """Quadratic, this took minutes; the words are where they stand."""
    count = 20_000
    dockerfile = parse(b"FROM scratch\nCOPY " + b"a \\\n" * count + b"/o/\n", "D")
    instruction = dockerfile.instructions[1]
    spans = [
        scan.locate(dockerfile, instruction, word.start, word.end)
        for word in scan.words(instruction, dockerfile.escape).args
    ]
    assert [span.line for span in spans if span is not None] == list(range(2, count + 3))
