"""What the text of a tag pattern tells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipway.errors import InvalidValue
from shipway.gitops import patterns
from shipway.gitops.policy import TagPolicy
from shipway.gitops.select import Tags, select
from shipway.regex import compile_re2

ANCHORS = [
    ("^main-[0-9]+$", (True, True)),
    ("main-[0-9]+", (False, False)),
    ("^main-", (True, False)),
    (r"^x\$", (True, False)),
    (r"\Ax\z", (True, True)),
    ("^(a|b)$", (True, True)),
    ("(^a$|^b$)", (True, True)),
    ("^a|b$", (False, False)),
    ("(?i)^x$", (True, True)),
    ("^main-(?P<ts>.*)", (True, True)),
    (".*-x$", (True, True)),
    ("^[|)]$", (True, True)),
]


@pytest.mark.parametrize(("pattern", "anchored"), ANCHORS)
def test_where_a_pattern_says_that_tags_begin_and_end(pattern: str, anchored: tuple[bool, bool]) -> None:
    assert patterns.is_anchored(pattern) == anchored


def test_groups_have_names_and_numbers() -> None:
    assert patterns.groups(r"^(?:x)(?P<a>[)(]+)-((?<b>\d)\))(?i)$") == {
        "1": "[)(]+",
        "a": "[)(]+",
        "2": r"(?<b>\d)\)",
        "3": r"\d",
        "b": r"\d",
    }


@pytest.mark.parametrize(
    ("pattern", "beginning"),
    [
        ("^main-[a-f]", "main-"),
        (r"^v1\.2-x", "v1.2-x"),
        ("^main*", "mai"),
        ("^main?x", "mai"),
        ("^main{2}", "mai"),
        ("^main+", "main"),
        ("^a|b", ""),
        ("main", ""),
        ("(?i)^main", ""),
        ("^ma.n", "ma"),
        (r"^\d", ""),
    ],
)
def test_how_every_tag_begins(pattern: str, beginning: str) -> None:
    assert patterns.literal_beginning(pattern) == beginning


@given(st.text("ab-.", max_size=8), st.text(r"ab-.*?|()\[", max_size=8))
def test_no_tag_that_matches_begins_otherwise(tag: str, rest: str) -> None:
    pattern = f"^{rest}"
    try:
        matches = compile_re2(pattern).search(tag) is not None
    except InvalidValue:
        return
    assert not matches or tag.startswith(patterns.literal_beginning(pattern))


def test_many_policies_over_one_list_are_decided_as_each_alone() -> None:
    tags = [f"{name}-{at}{suffix}" for name in "ab" for at in range(12) for suffix in ("", ".sig", "-x")]
    chosen = [
        TagPolicy.parse(
            "numerical", pattern=f"^{name}-(?P<n>[0-9]+){end}$", extract="$n", exclusions=exclusions
        )
        for name in "abc"
        for end in ("", "-x")
        for exclusions in ((), (r"^.*\.sig$",), ("x",))
    ]
    together = Tags(tags)
    assert [together.select(each) for each in chosen] == [select(each, tags) for each in chosen]
    assert all(len(together.select(each).considered) == len(tags) for each in chosen)


@pytest.mark.parametrize(
    ("part", "words", "hashes"),
    [(".*", True, False), ("[0-9]+", False, False), ("[a-f0-9]+", False, True), ("[^-]+", True, False)],
)
def test_what_a_part_takes(part: str, words: bool, hashes: bool) -> None:
    assert (patterns.takes_words(part), patterns.takes_hashes(part)) == (words, hashes)


def test_how_many_digits_there_are_at_least() -> None:
    assert patterns.fewest_digits((r"\d{8}", "20[0-9]{4}", "[0-9]+")) == 15
