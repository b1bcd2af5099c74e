"""Bake's language: any text is read or refused, and what is written in it comes back."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shipway.errors import ConfigError
from shipway.fleet.discover.bake.definitions import Definitions
from shipway.fleet.discover.bake.hcljson import parse_json_body
from shipway.fleet.discover.bake.parser import parse_body
from shipway.fleet.discover.bake.targets import Targets
from shipway.fleet.discover.bake.values import Unknown, Value

SAMPLE = (Path(__file__).parents[1] / "unit/discover/bake_files/syntax.hcl").read_text(encoding="utf-8")
PIECES = [
    'target "a" {', "}", "{", "[", "]", "(", ")", '"', "${", "%{ if ", "%{ endif }", "~", "<<E\n", "E\n",
    "x", "=", "==", "\n", ",", "1", "1.5", "-", "...", "for k, v in ", " : ", "=>", "? ", "[*]", ".*", ".",
    "matrix", "name", "tags", "inherits", "upper(", "format(", "\\n", "é", "#", "/*", "*/", "null", "!",
]  # fmt: skip
# Line separators and control characters cannot stand in the YAML that JSON files are read as.
printable_texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf", "Cn", "Co", "Zl", "Zp"]), max_size=30
)
plain_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def evaluated(source: str) -> Value:
    return Definitions([parse_body(source, "docker-bake.hcl")]).variable("value")


def escaped(text: str) -> str:
    return text.replace("${", "$${").replace("%{", "%%{")


def resolve_everything(source: str) -> None:
    try:
        targets = Targets([parse_body(source, "docker-bake.hcl")])
    except ConfigError as error:
        assert error.place is not None
        assert error.place.path == "docker-bake.hcl"
        return
    for name in targets.images():
        targets.resolved(name)


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
@example('value = "%{ if ')
@example("<<E\nE")
def test_any_text_is_read_or_refused_with_its_place(source: str) -> None:
    resolve_everything(source)


@given(st.data())
@settings(max_examples=150)
def test_a_damaged_file_is_read_or_refused_with_its_place(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SAMPLE)))
    end = data.draw(st.integers(start, min(start + 40, len(SAMPLE))))
    resolve_everything(SAMPLE[:start] + data.draw(st.sampled_from(["", *PIECES])) + SAMPLE[end:])


@given(printable_texts)
@example("$${a} %%{")
def test_a_text_in_json_comes_back(text: str) -> None:
    document = json.dumps({"value": escaped(text)}, ensure_ascii=False)
    body = parse_json_body(document, "docker-bake.json")
    assert Definitions([body]).variable("value") == text


@given(plain_texts)
@example("$${a} %%{")
def test_a_quoted_text_comes_back(text: str) -> None:
    quoted = "".join(f"\\u{ord(c):04x}" if ord(c) < 32 else c for c in text.replace("\\", "\\\\"))
    quoted = escaped(quoted.replace('"', '\\"'))
    assert evaluated(f'value = "{quoted}"\n') == text


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=6), st.data())
def test_arithmetic_is_exact_and_binds_as_written(numbers: list[int], data: st.DataObject) -> None:
    operators = data.draw(
        st.lists(st.sampled_from("+-*"), min_size=len(numbers) - 1, max_size=len(numbers) - 1)
    )
    terms = [f"({number})" for number in numbers]
    source = terms[0] + "".join(f" {o} {t}" for o, t in zip(operators, terms[1:], strict=True))
    expected = eval(source, {"__builtins__": {}})  # digits, brackets and + - * only
    assert evaluated(f"value = {source}\n") == expected


@given(st.decimals(-10_000, 10_000, places=3))
def test_a_number_in_a_text_reads_back_as_itself(number: object) -> None:
    text = evaluated(f'value = "n${{{number}}}"\n')
    assert isinstance(text, str)
    assert Fraction(text.removeprefix("n")) == Fraction(str(number))
    assert not text.endswith(".0")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | plain_texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain_texts, inner, max_size=3),
        max_leaves=8,
    )
)
def test_json_goes_through_encode_and_decode(value: object) -> None:
    literal = json.dumps(json.dumps(value, ensure_ascii=False), ensure_ascii=False)
    found = evaluated(f"value = jsondecode(jsonencode(jsondecode({escaped(literal)})))\n")
    assert not isinstance(found, Unknown), found
    assert found == value
