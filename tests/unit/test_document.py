"""Documents keep the place of every value and refuse what nobody could mean."""

from __future__ import annotations

import json
import math

import pytest

from shipway.document import Plain, parse, parse_all
from shipway.errors import ConfigError
from shipway.place import Place


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("010", 10),
        ("0o17", 15),
        ("0xff", 255),
        ("1_000", "1_000"),
        ("1.50", 1.5),
        ("-3", -3),
        (".inf", math.inf),
        ("12:30:45", "12:30:45"),
        ("2026-11-21", "2026-11-21"),
        ("True", True),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("|-\n  12", "12"),
    ],
)
def test_scalars_follow_the_core_schema(written: str, value: Plain) -> None:
    assert parse(f"key: {written}\n", "f").plain() == {"key": value}


def test_a_number_keeps_the_text_of_its_author() -> None:
    node = parse("tag: 1.10\nname: 0x1F\nnone: null\n", "f")
    assert [node.mapping[key].text for key in ("tag", "name", "none")] == ["1.10", "0x1F", None]


def test_an_integer_of_thousands_of_digits_is_read() -> None:
    digits = "9" * 5000
    node = parse(f"a: {digits}\n", "f")
    assert node.mapping["a"].text == digits
    assert node.mapping["a"].value == math.inf


def test_values_and_keys_know_where_they_stand() -> None:
    node = parse("a:\n  - x\n  - key: 1\n    other: [p, q]\n", "dir/f.yaml")
    item = node.mapping["a"].sequence[1]
    assert node.mapping["a"].sequence[0].place == Place("dir/f.yaml", 2, 5)
    assert item.place == Place("dir/f.yaml", 3, 5)
    assert item.key_place("other") == Place("dir/f.yaml", 4, 5)
    assert item.mapping["other"].sequence[1].place == Place("dir/f.yaml", 4, 16)


def test_a_path_of_keys_that_is_not_there_gives_nothing() -> None:
    node = parse("a: {b: {c: 1}}\nlist: [1]\n", "f")
    found = node.get("a", "b", "c")
    assert found is not None
    assert found.value == 1
    assert node.get("a", "x", "c") is None
    assert node.get("list", "0") is None


def test_json_is_read_as_it_is() -> None:
    text = '{"a": [1, 2.5, null, true],\n\t"b": {"c": "\\u00e9\\n"}}'
    assert parse(text, "f.json").plain() == {"a": [1, 2.5, None, True], "b": {"c": "é\n"}}


def test_merge_keys_bring_in_what_is_not_there_yet() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 3\nd: {<<: *a}\n"
    node = parse(text, "f")
    assert node.mapping["c"].plain() == {"x": 3, "y": 1, "z": 2}
    assert node.mapping["d"].plain() == {"x": 1, "y": 1}
    assert node.mapping["c"].key_place("z") == Place("f", 2, 14)
    assert node.mapping["c"].mapping["y"].place.line == 1


def test_a_quoted_merge_key_is_a_key() -> None:
    assert parse("'<<': 1\n", "f").plain() == {"<<": 1}


def test_an_explicit_tag_is_told_and_standard_ones_are_not() -> None:
    node = parse("a: !reset null\nb: !override [1]\nc: !!str 1\nd: !x {e: 1}\nf: ! g\n", "f")
    assert {key: value.tag for key, value in node.mapping.items()} == {
        "a": "!reset",
        "b": "!override",
        "c": "",
        "d": "!x",
        "f": "",
    }
    assert node.plain() == {"a": None, "b": [1], "c": "1", "d": {"e": 1}, "f": "g"}


def test_an_empty_file_is_an_empty_mapping() -> None:
    for text in ("", "# nothing\n", "---\n", "\ufeff"):
        assert parse(text, "f").plain() == {}


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert parse(b"\xef\xbb\xbfa: 1\n", "f").plain() == {"a": 1}


def test_documents_of_a_stream_are_told_apart_and_anchors_end_with_them() -> None:
    nodes = parse_all("a: &x 1\n---\n\n---\nb: 2\n", "f")
    assert [node.plain() for node in nodes] == [{"a": 1}, {"b": 2}]
    assert nodes[1].place == Place("f", 5, 1)
    with pytest.raises(ConfigError, match="no anchor &x"):
        parse_all("a: &x 1\n---\nb: *x\n", "f")


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a: 1\nb: [\n", "not valid YAML", Place("f", 3, 1)),
        ("a: 1\n\tb: 2\n", "not valid YAML", Place("f", 2, 1)),
        ("a: b: c\n", "not valid YAML", Place("f", 1, 5)),
        ("a: 1\nb: 2\na: 3\n", "'a' stands twice, first in line 1", Place("f", 3, 1)),
        ("---\na: 1\n---\nb: 1\n", "holds 2 documents", Place("f", 4, 1)),
        ("? [a]\n: b\n", "cannot be a key", Place("f", 1, 3)),
        ("x: &x [1]\n*x : b\n", "cannot be a key", Place("f", 2, 1)),
        ("a: &a\n  - *a\n", "inside of itself", Place("f", 2, 5)),
        ("a: &a {<<: *a}\n", "inside of itself", Place("f", 1, 12)),
        ("a: *nowhere\n", "no anchor &nowhere", Place("f", 1, 4)),
        ("a:\n  <<: 3\n", "merges a mapping", Place("f", 2, 3)),
        ("a: \x01\n", "control characters", Place("f")),
        (b"a: 1\nb: \xff\n", "not UTF-8", Place("f", 2)),
        ("a: 1\nb: \udcff\n", "not UTF-8", Place("f", 2)),
        (BOMB, "too many values", Place("f", 18, 18)),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str | bytes, message: str, place: Place) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse(text, "f")
    assert caught.value.place == place


@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "? - "])
def test_nesting_without_end_is_refused_and_not_followed(opening: str) -> None:
    with pytest.raises(ConfigError, match=r"nested too deeply|cannot be a key"):
        parse(opening * 200_000, "f")


def test_a_tab_in_the_indentation_gets_a_hint() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("a:\n\tb: 2\n", "f")
    assert caught.value.help == "indent with spaces, not tabs"


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("indent", [None, 2, "\t"])
@pytest.mark.parametrize(
    "value",
    [
        {"smile 😀": "a 😀 b 🚀", "next": 1},
        {"delete": "x\x7fy\x80z", "separators": "a\u2028b\u2029c\x85d", "next": [1.5, "é\ufeff"]},
        {"not a pair": "\\ud83d\\ude00", "slashes": "\\\\", "nothing": ""},
    ],
)
def test_json_is_read_as_json_with_every_key_in_its_place(
    value: dict[str, object], indent: int | str | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    node = parse(text, "x.json")
    assert node.plain() == value
    for key in value:
        place = node.key_place(key)
        line = text.split("\n")[place.line - 1]
        assert json.JSONDecoder().raw_decode(line[place.column - 1 :])[0] == key


def test_half_of_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(ConfigError):
        parse(r'{"a": "\ud83d"}', "x.json")
