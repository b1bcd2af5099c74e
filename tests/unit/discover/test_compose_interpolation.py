"""Variables of Compose files, and the env files that give them values."""

from __future__ import annotations

import pytest

from shipway.errors import ConfigError, InvalidValue
from shipway.fleet.discover.dotenv import parse_env
from shipway.fleet.discover.interpolate import Interpolated, Unset, interpolate
from shipway.place import Place

VARIABLES = {"SET": "value", "EMPTY": "", "_x1": "under"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$SET/${SET}", "value/value"),
        ("$SET-1", "value-1"),
        ("${_x1}$_x1", "underunder"),
        ("$$SET $${SET}", "$SET ${SET}"),
        ("${EMPTY}", ""),
        ("${EMPTY:-d} ${EMPTY-d} ${NONE:-d} ${NONE-d}", "d  d d"),
        ("${SET:+r} ${SET+r} ${EMPTY:+r}|${EMPTY+r}|${NONE+r}", "r r |r|"),
        ("${SET:?e} ${EMPTY?e}", "value "),
        ("${NONE:-${ALSO:-$SET}}", "value"),
        ("${NONE:-a-b:?c}", "a-b:?c"),
        ("${NONE:-{x}}", "{x}"),
        ("${NONE:-}", ""),
        ("costs 5$ or $1 or $(x)", "costs 5$ or $1 or $(x)"),
    ],
)
def test_a_variable_becomes_its_value(text: str, expected: str) -> None:
    assert interpolate(text, VARIABLES) == Interpolated(expected)


@pytest.mark.parametrize(
    ("text", "left", "unset"),
    [
        ("a:${NONE}", "a:", (Unset("NONE"),)),
        ("$NONE/$OTHER", "/", (Unset("NONE"), Unset("OTHER"))),
        ("${NONE:?set it to $SET}", "", (Unset("NONE", "set it to value"),)),
        ("${EMPTY:?}", "", (Unset("EMPTY"),)),
        ("${NONE:-${OTHER}}", "", (Unset("OTHER"),)),
    ],
)
def test_a_variable_without_value_is_named(text: str, left: str, unset: tuple[Unset, ...]) -> None:
    assert interpolate(text, VARIABLES) == Interpolated(left, unset)


@pytest.mark.parametrize(
    "text", ["${", "${SET", "${}", "${A B}", "${1}", "${SET:x}", "${A:-${B}", "${A:-" * 80 + "}" * 80]
)
def test_an_expression_that_compose_refuses_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        interpolate(text, VARIABLES)


def test_an_env_file_is_read_as_compose_reads_it() -> None:
    text = (
        "# comment\n\nA=1\r\nexport B = two words \nC='single $A \\' quoted' # note\n"
        'D="double $A \\n \\$A \\"q\\""\nE=${A}-$UP # note\nF: yaml\nG=a#b\nH=\nI="two\nlines"\nJ\n'
        "K=${NONE}\nL=${NONE:-d}\nM='\\n'"
    )
    assert parse_env(text, ".env", {"UP": "above"}) == {
        "A": "1",
        "B": "two words",
        "C": "single $A ' quoted",
        "D": 'double 1 \n $A "q"',
        "E": "1-above",
        "F": "yaml",
        "G": "a#b",
        "H": "",
        "I": "two\nlines",
        "L": "d",
        "M": "\\n",
    }


def test_an_empty_env_file_has_no_variables() -> None:
    assert parse_env(" \n# only a comment", ".env", {}) == {}


@pytest.mark.parametrize(
    ("text", "line"), [("A=1\nnot an assignment\n", 2), ("\n=x", 2), ('A=1\n\nB="open', 3), ("A=${", 1)]
)
def test_a_bad_line_of_an_env_file_is_named(text: str, line: int) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_env(text, "dir/.env", {})
    assert caught.value.place == Place("dir/.env", line)
