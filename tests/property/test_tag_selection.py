"""The selection of tags against a slow, literal reading of image-reflector-controller's loops.

Go walks a map in random order; the reference walks it in every order and gathers what comes out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipway.errors import UsageError
from shipway.gitops.constraint import Range
from shipway.gitops.policy import TagPolicy
from shipway.gitops.select import select
from shipway.gitops.semver import Version

PATTERNS = ("", "^main-", r"^main-[a-f0-9]+-(?P<ts>[0-9]+)$", r"(?P<ts>[0-9]+)", r"^v?(.*)$", r"(a)|(b)")
EXTRACTS = ("", "$ts", "${ts}", "$1", "$1.$2", "v$1", "$nope", "$$ts", "$", "${ts", "$01")
RANGES = (
    "*",
    "*-0",
    ">=1.0.0",
    "1.x",
    "^0.2",
    "~1.2",
    ">=1.0.0-0 <2.0.0",
    "!=1.2.3",
    "1.0.0 - 2.0",
    "1 || 2",
)

tags = st.one_of(
    st.from_regex(r"main-[a-f0-9]{1,3}-[0-9]{1,3}", fullmatch=True),
    st.from_regex(
        r"v?[0-9]{1,2}\.[0-9]{1,2}(\.0?[0-9])?(-(rc|0|[0-9]{1,2})(\.[0-9]{1,2})?)?", fullmatch=True
    ),
    st.sampled_from(
        ["7", "07", "7.0", "7e0", "0x1p4", "1_0", "inf", "nan", "1e999", "latest", "x.sig", "-3"]
    ),
    st.text("ab01.-", min_size=1, max_size=5),
)

numbers = st.sampled_from(["7", "07", "7.0", "7e0", "0x1p4", "16", "1_0", "10", "inf", "nan", "-3", "9"])
versions = st.sampled_from(
    ["1.2.3", "v1.2.3", "1.02.3", "1.2.4-rc.1", "0.2.0", "0.2.9", "2.0.0-beta", "1.10.0"]
)
lists_of_tags = st.one_of(*(st.lists(kind, max_size=5) for kind in (tags, numbers, versions)))


def go_expand(template: str, match: re.Match[str]) -> str:
    """Regexp.expand, character by character."""
    out, rest = "", template
    while "$" in rest:
        before, rest = rest.split("$", 1)
        out += before
        if rest.startswith("$"):
            out, rest = out + "$", rest[1:]
            continue
        found = re.match(r"\{(\w+)\}|(\w+)", rest)
        if found is None:
            out += "$"
            continue
        name = found.group(1) or found.group(2)
        rest = rest[found.end() :]
        if name.isdigit() and (name == "0" or not name.startswith("0")):
            value = match.group(int(name)) if int(name) <= match.re.groups else ""
        else:
            value = match.group(name) if name in match.re.groupindex else ""
        out += value or ""
    return out + rest


def go_float(text: str) -> float:
    """ParseFloat for what the strategy draws; ValueError for what it refuses."""
    if text == "0x1p4":
        return 16.0
    if not re.fullmatch(r"[+-]?(\d+(_\d+)*\.?\d*|\.\d+)(e[+-]?\d+)?|nan|[+-]?inf", text):
        raise ValueError(text)
    value = float(text.replace("_", ""))
    if math.isinf(value) and "inf" not in text:
        raise ValueError(text)
    return value


def latest_numerical(items: Sequence[str], order: str) -> str:
    latest, best = "", 0.0
    for index, item in enumerate(items):
        value = go_float(item)
        if index and (value < best if order == "asc" else value > best):
            continue
        latest, best = item, value
    return latest


def latest_semver(items: Sequence[str], wanted: str) -> str:
    latest: Version | None = None
    original = ""
    for item in items:
        version = Version.coerced(item) if len(item.split(".", 2)) == 3 else None
        if (
            version
            and Range.parse(wanted).admits(version)
            and (latest is None or version.compare(latest) > 0)
        ):
            latest, original = version, item
    if latest is None:
        raise ValueError("none in range")
    return original


def outcomes(policy: TagPolicy, given_tags: list[str]) -> set[str | None]:
    """All tags that Flux may pick; None for an error."""
    stored = sorted(set(given_tags), key=str.encode, reverse=True)
    filtered = {tag: tag for tag in stored}
    orders: Any = [list(filtered)]
    if policy.filtered:
        matches = ((tag, re.search(policy.pattern, tag)) for tag in stored)
        filtered = {}
        for tag, match in matches:
            if match:
                filtered[go_expand(policy.extract, match) if policy.extract else tag] = tag
        orders = permutations(filtered)
    found: set[str | None] = set()
    for items in orders:
        try:
            found.add(filtered[latest(policy, items)])
        except (ValueError, IndexError):
            found.add(None)
    return found


def latest(policy: TagPolicy, items: Sequence[str]) -> str:
    if not items:
        raise ValueError("empty")
    if policy.kind == "alphabetical":
        return sorted(items, key=str.encode, reverse=policy.order == "asc")[0]
    if policy.kind == "numerical":
        return latest_numerical(items, policy.order)
    return latest_semver(items, policy.range)


@st.composite
def policies(draw: st.DrawFn) -> TagPolicy:
    kind = draw(st.sampled_from(["alphabetical", "numerical", "semver"]))
    options: dict[str, Any] = {"order": draw(st.sampled_from(["asc", "desc"]))}
    if kind == "semver":
        options = {"range": draw(st.sampled_from(RANGES))}
    if draw(st.booleans()):
        options |= {"pattern": draw(st.sampled_from(PATTERNS)), "extract": draw(st.sampled_from(EXTRACTS))}
    return TagPolicy.parse(kind, **options)


@settings(max_examples=400, deadline=None)
@given(policies(), lists_of_tags)
def test_what_is_picked_is_what_the_loops_of_flux_pick(policy: TagPolicy, given_tags: list[str]) -> None:
    expected = outcomes(policy, given_tags)
    selection = select(policy, given_tags)
    if selection.error:
        assert expected == {None}
    else:
        assert expected == set(selection.tied)
        assert selection.selected in expected
        assert selection.unique == (len(expected) == 1)


@settings(max_examples=200, deadline=None)
@given(policies(), st.lists(tags, max_size=8))
def test_every_tag_is_told_of_once(policy: TagPolicy, given_tags: list[str]) -> None:
    selection = select(policy, given_tags)
    assert sorted(each.tag for each in selection.considered) == sorted(set(given_tags))
    if selection.selected is not None and "nan" not in given_tags:
        assert selection.considered[0].rank == 1


@settings(max_examples=300, deadline=None)
@given(st.text("0123456789.xX*<>=~^!|, -abv+", max_size=14))
def test_a_range_is_parsed_or_refused_and_never_more(text: str) -> None:
    try:
        wanted = Range.parse(text)
    except UsageError:
        return
    wanted.admits(Version(1, 2, 3))


def test_many_wildcards_do_not_keep_a_range_busy() -> None:
    with pytest.raises(UsageError):
        Range.parse("1.x " * 2000 + "!")
