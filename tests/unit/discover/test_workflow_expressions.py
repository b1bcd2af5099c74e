"""The expression language: what is known comes out, what is not stays a hole with its cause."""

from __future__ import annotations

import pytest

from shipway.errors import ConfigError
from shipway.fleet.discover.workflows.evaluate import Contexts, Open, Value, evaluate, fill, to_text, truth
from shipway.fleet.discover.workflows.expression import parse
from shipway.fleet.discover.workflows.holes import causes, has_hole, hole, is_hole, show

CONTEXTS: Contexts = {
    "github": Open({"repository": "Acme/Shop", "event": Open()}),
    "matrix": {"os": "linux", "image": {"name": "api", "setup-qemu": True}, "version": 3.1},
    "env": Open({"TAG": "v" + hole("${{ github.sha }}")}),
    "list": ["a", "b", {"name": "c"}],
    "objects": [{"name": "x"}, {"name": "y"}, {"other": 1}],
    "zero": 0,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'it''s'", "it's"),
        ("1.50", 1.5),
        ("0x1f", 31),
        ("null", None),
        ("matrix.image.name", "api"),
        ("MATRIX.Image['NAME']", "api"),
        ("matrix.image.setup-qemu", True),
        ("matrix.missing", None),
        ("list[1]", "b"),
        ("list[7]", None),
        ("join(objects.*.name, '+')", "x+y"),
        ("github.repository == 'acme/shop'", True),
        ("matrix.os != 'windows' && 'yes' || 'no'", "yes"),
        ("matrix.missing && 'yes' || 'no'", "no"),
        ("!matrix.missing", True),
        ("1 == '1'", True),
        ("null == 0", True),
        ("'b' > 'A'", True),
        ("2 >= 10", False),
        ("true && (false || 'x')", "x"),
        ("contains('Hello', 'ell')", True),
        ("contains(list, 'B')", True),
        ("contains(fromJSON('[\"p\", 2]'), 'q')", False),
        ("startsWith('linux/arm64', 'LINUX/')", True),
        ("endsWith('a.yml', '.YML')", True),
        ("format('{0}-{1}{{}}', 'a', 2)", "a-2{}"),
        ("fromJSON('{\"a\": [1]}').a[0]", 1),
        ("toJSON('a')", '"a"'),
        ("case(false, 1, matrix.os == 'linux', 2, 3)", 2),
    ],
)
def test_known_values_follow_githubs_rules(text: str, value: Value) -> None:
    assert evaluate(text, CONTEXTS) == value


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("github.sha", "${{ github.sha }}"),
        ("github.event.repository.name", "${{ github.event.repository.name }}"),
        ("env.NOT_SET", "${{ env.NOT_SET }}"),
        ("nowhere.at.all", "${{ nowhere.at.all }}"),
        ("github.sha == 'a'", "${{ github.sha }}"),
        ("github.sha || 'x'", "${{ github.sha }}"),
        ("github.sha && 'x'", "${{ github.sha }}"),
        ("!github.sha", "${{ github.sha }}"),
        ("startsWith(github.ref, 'refs/tags/')", "${{ github.ref }}"),
        ("hashFiles('**/lock')", "${{ hashfiles() }}"),
        ("fromJSON(github.x)[0]", "${{ github.x }}"),
        ("case(github.x, 1, 2)", "${{ github.x }}"),
        ("env.TAG == 'v1'", "${{ github.sha }}"),
        ("this is no expression", "${{ this is no expression }}"),
    ],
)
def test_what_depends_on_the_unknown_is_unknown_and_says_why(text: str, cause: str) -> None:
    value = evaluate(text, CONTEXTS)
    assert isinstance(value, str)
    assert causes(value) == [cause]


def test_a_text_keeps_what_is_known_around_an_unknown_part() -> None:
    value = to_text(fill("ghcr.io/acme/api:${{ env.TAG }}-${{ matrix.version }}", CONTEXTS))
    assert show(value) == "ghcr.io/acme/api:v${{ github.sha }}-3.1"
    assert has_hole(value) and not is_hole(value)


def test_format_keeps_what_is_known_around_an_unknown_part() -> None:
    assert show(to_text(evaluate("format('a-{0}-b', github.sha)", CONTEXTS))) == "a-${{ github.sha }}-b"


def test_a_text_that_is_one_expression_keeps_its_type() -> None:
    assert fill("${{ list }}", CONTEXTS) == ["a", "b", {"name": "c"}]


def test_braces_within_a_string_do_not_end_an_expression() -> None:
    assert fill("<${{ format('{{0}}') }}>", CONTEXTS) == "<{0}>"


def test_an_expression_that_is_never_closed_is_text() -> None:
    assert fill("a ${{ github.sha", CONTEXTS) == "a ${{ github.sha"


def test_a_text_of_holes_alone_may_be_empty_so_its_truth_is_unknown() -> None:
    assert truth(hole("x")) is None
    assert truth("v" + hole("x")) is True


@pytest.mark.parametrize("text", ["", "1 +", "(", "a.", "a[1", "f(1", "'open", "a b", "1..2", "&& a"])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)


@pytest.mark.parametrize(
    "text", ["(" * 500 + "1" + ")" * 500, "!" * 500 + "1", "a" + ".b" * 500, "1" + "||1" * 500]
)
def test_deep_nesting_is_refused_and_does_not_overflow(text: str) -> None:
    with pytest.raises(ConfigError, match="nested too deeply"):
        parse(text)


def test_long_causes_are_shortened() -> None:
    assert causes(hole("x" * 500)) == ["x" * 80 + " …"]
