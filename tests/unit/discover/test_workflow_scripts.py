"""Shell scripts: their commands, with variables and directories as far as files tell."""

from __future__ import annotations

import pytest

from shipway.fleet.discover.workflows.holes import causes, show
from shipway.fleet.discover.workflows.shell import MAX_COMMANDS, run
from shipway.fleet.discover.workflows.words import expand


def words(text: str, **variables: str) -> list[list[str]]:
    return [[show(word) for word in each.words] for each in run(text, variables, ".").commands]


@pytest.mark.parametrize(
    ("word", "fields"),
    [
        ("plain", ["plain"]),
        ("'a b'", ["a b"]),
        ('"$A c"', ["1 2 c"]),
        ("$A", ["1", "2"]),
        ("x$A", ["x1", "2"]),
        ("$EMPTY", []),
        ('"$EMPTY"', [""]),
        ("\\$A", ["$A"]),
        ("${B,,}", ["mixed"]),
        ("${B^^}", ["MIXED"]),
        ("${B:1:3}", ["iXe"]),
        ("${EMPTY:-$B}", ["MiXed"]),
        ("${EMPTY-x}", []),
        ("${P##*/}", ["c"]),
        ("${P#*/}", ["b/c"]),
        ("${P%/*}", ["a/b"]),
        ("${P%%/*}", ["a"]),
        ("${P//\\//-}", ["a-b-c"]),
        ("${P/a/z}", ["z/b/c"]),
        ("$'x\\ty'", ["x\ty"]),
        ("$(echo $B | tr '[:upper:]' '[:lower:]')", ["mixed"]),
        ("$(basename $P)", ["c"]),
        ("$(dirname a/b)", ["a"]),
        ("$", ["$"]),
    ],
)
def test_words_expand_as_in_a_shell(word: str, fields: list[str]) -> None:
    assert expand(word, {"A": "1 2", "EMPTY": "", "B": "MiXed", "P": "a/b/c"}) == fields


@pytest.mark.parametrize(
    ("word", "cause"),
    [
        ("$NOT_SET", "$NOT_SET"),
        ("${NOT_SET:-x}", "${NOT_SET:-x}"),
        ("$(git rev-parse HEAD)", "$(git rev-parse HEAD)"),
        ("`date`", "`date`"),
        ("$1", "$1"),
        ("${#A}", "${#A}"),
        ("${!A}", "${!A}"),
        ("$((1 + 2))", "$((1 + 2))"),
        ("$(cat x | tr A-Z a-z)", "$(cat x | tr A-Z a-z)"),
    ],
)
def test_what_only_a_run_knows_is_a_hole(word: str, cause: str) -> None:
    fields = expand(word, {"A": "1"})
    assert [causes(each) for each in fields] == [[cause]]


def test_continuations_comments_and_quotes_are_read_as_a_shell_reads_them() -> None:
    text = "# first\nbuild \\\n  --flag 'a # b' # not this\nnext"
    found = run(text, {}, ".").commands
    assert [each.words for each in found] == [("build", "--flag", "a # b"), ("next",)]
    assert [each.line for each in found] == [1, 3]


def test_a_literal_loop_runs_for_each_value() -> None:
    assert words("for s in a b; do\n  build $s\ndone") == [["build", "a"], ["build", "b"]]


def test_a_loop_over_what_is_unknown_runs_once_with_an_unknown_value() -> None:
    assert words("for d in services/*; do build $d; done") == [["build", "$d"]]


def test_directories_follow_cd_but_not_out_of_a_subshell() -> None:
    text = "cd a && build 1\n(cd b; build 2)\nbuild 3\nif x; then cd c; build 4; fi\nbuild 5"
    found = {
        each.words[1]: each.directory for each in run(text, {}, ".").commands if each.words[0] == "build"
    }
    assert found == {"1": "a", "2": "a/b", "3": "a", "4": "a/c", "5": "a"}


def test_a_variable_that_only_some_runs_set_is_unknown_afterwards() -> None:
    text = "X=1\nif cond; then X=2; build $X; fi\nbuild $X"
    assert words(text) == [["cond"], ["build", "2"], ["build", "$X"]]


def test_a_test_guards_what_follows_it() -> None:
    assert words('X=1\n[[ -n "$Y" ]] && X=2\nbuild $X')[-1] == ["build", "$X"]


def test_a_counter_of_a_loop_is_unknown_within_it() -> None:
    assert words("i=0\nwhile c; do build $i; i=1; done")[1] == ["build", "$i"]


def test_arms_of_case_and_functions_are_read() -> None:
    text = "case $X in\n  a|b) build 1 ;;\n  *) build 2 ;;\nesac\nf() {\n  build $1\n}\nbuild 3"
    assert words(text) == [["build", "1"], ["build", "2"], ["build", "$1"], ["build", "3"]]


def test_both_sides_of_a_pipe_and_of_and_are_commands() -> None:
    assert words("a | b && ! c || d; e & f") == [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]


def test_variables_before_a_command_count_for_it_alone() -> None:
    found = run("A=1 build\nbuild", {}, ".").commands
    assert found[0].variables.get("A") == "1" and "A" not in found[1].variables


def test_a_here_document_is_the_input_of_its_command() -> None:
    found = run("build - <<'EOF' && after\nFROM scratch\nEOF\nlast", {}, ".").commands
    assert [(each.words[0], each.stdin) for each in found] == [
        ("build", "FROM scratch\n"),
        ("after", None),
        ("last", None),
    ]


def test_outputs_and_environment_are_what_the_script_writes_for_the_runner() -> None:
    text = """
name=Api
echo "image=${name,,}" >> "$GITHUB_OUTPUT"
echo "TAG=v1" | tee -a $GITHUB_ENV
{ echo 'list<<END'; echo one; echo two; echo END; } >> $GITHUB_OUTPUT
if x; then echo "maybe=1" >> $GITHUB_OUTPUT; fi
"""
    ran = run(text, {}, ".")
    assert ran.env == {"TAG": "v1"}
    assert {name: show(value) for name, value in ran.outputs.items()} == {
        "image": "api",
        "list": "one\ntwo",
        "maybe": "${{ maybe }}",
    }


def test_a_script_that_runs_without_end_is_cut() -> None:
    numbers = " ".join(map(str, range(100)))
    text = f"for a in {numbers}; do for b in {numbers}; do build $a $b; done; done"
    assert len(run(text, {}, ".").commands) <= MAX_COMMANDS


def test_a_value_that_doubles_again_and_again_becomes_unknown() -> None:
    text = "x=ab\n" + "x=$x$x\n" * 100 + "build $x"
    found = run(text, {}, ".").commands[0].words[1]
    assert causes(found) == ["$x"] and len(found) < 1 << 17


@pytest.mark.parametrize(
    "text", ["(" * 3000, "if " * 3000, "a | " * 3000, "! " * 3000, "{ " * 3000, "$(" * 3000]
)
def test_deep_nesting_does_not_overflow(text: str) -> None:
    run(text, {}, ".")


@pytest.mark.parametrize(
    ("word", "fields"),
    [
        ("a" * 1_000_000, ["a" * 1_000_000]),
        ("x\\ y" * 200_000, ["x y" * 200_000]),
        ('a"b c"$X', ["ab cp", "q"]),
        ("$X$X", ["p", "qp", "q"]),
        ("$EMPTY", []),
        ("$EMPTY''", [""]),
        ("$BLANKS", []),
        ("a$BLANKS", ["a"]),
        ("$BLANKS''a", ["a"]),
    ],
)
def test_fields_of_a_word_are_put_together_once(word: str, fields: list[str]) -> None:
    """Quadratic, the long ones took minutes."""
    assert expand(word, {"X": "p q", "EMPTY": "", "BLANKS": "  "}) == fields
