"""Holds on policies: only the lines they need change, and a release gives the very bytes back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shipway.document import parse_all
from shipway.errors import ConfigError
from shipway.gitops.edits.hold import hold, holds, release
from shipway.gitops.policy import TagPolicy
from shipway.gitops.select import select

WHEN = datetime(2026, 11, 28, 12, tzinfo=UTC)
API = frozenset({("flux-system", "api")})
TAGS = ("main-1c3a5e7-1710000300", "main-f00dbad-1710000000", "main-8b2d4f6-1720000000")
HEAD = """\
# é
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata:
  name: api   # ours
  namespace: flux-system
"""
NUMERICAL = (
    HEAD
    + """\
spec:
  imageRepositoryRef:
    name: api
  filterTags:
    pattern: "^main-[a-f0-9]+-(?P<ts>[0-9]+)$"  # stamps
    extract: $ts

  policy:
    numerical: {order: asc}
"""
)
ALPHABETICAL = HEAD + "spec:\n    policy:\n        alphabetical:\n            order: asc\n"
ANNOTATED = NUMERICAL.replace("  name: api ", "  annotations:\n    a/b: c\n  name: api ")
OTHER = "---\n" + NUMERICAL.replace("name: api", "name: web")


def selected(data: bytes, tags: tuple[str, ...] = TAGS) -> str | None:
    root = parse_all(data, "x")[0]
    at = root.get("spec", "policy")
    assert at is not None
    (kind,) = at.mapping
    said = {key: root.get("spec", "filterTags", key) for key in ("pattern", "extract")}
    texts = {key: node.text if node else None for key, node in said.items()}
    return select(TagPolicy.parse(kind, order="asc", **texts), tags).selected


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize(
    "text", [NUMERICAL, ALPHABETICAL, ANNOTATED, NUMERICAL + OTHER], ids=["filter", "bare", "notes", "two"]
)
def test_a_held_policy_picks_the_tag_and_a_release_gives_the_bytes_back(
    text: str, bom: bytes, newline: str
) -> None:
    data = bom + text.replace("\n", newline).encode()
    for tag in TAGS:
        held = hold(data, "p.yaml", API, tag, WHEN)
        assert selected(held) == tag
        assert [(each.policy, each.until) for each in holds(held, "p.yaml")] == [("flux-system/api", WHEN)]
        changed = set(held.splitlines(keepends=True)) ^ set(data.splitlines(keepends=True))
        assert len(changed) <= 5
        assert all(line.endswith(newline.encode()) for line in changed)
        assert release(held, "p.yaml", API) == data


def test_a_hold_over_a_hold_is_released_to_what_was_before_both() -> None:
    data = NUMERICAL.encode()
    twice = hold(hold(data, "p.yaml", API, TAGS[0], WHEN), "p.yaml", API, TAGS[1], WHEN)
    assert selected(twice) == TAGS[1]
    assert release(twice, "p.yaml", API) == data


def test_annotations_that_came_meanwhile_stay() -> None:
    held = hold(NUMERICAL.encode(), "p.yaml", API, TAGS[0], WHEN)
    more = held.replace(b"  annotations:\n", b"  annotations:\n    mine: x\n")
    assert b"  annotations:\n    mine: x\n  name:" in release(more, "p.yaml", API)


def test_what_is_not_held_or_not_asked_for_is_left_alone() -> None:
    data = NUMERICAL.encode()
    assert release(data, "p.yaml", API) == data
    assert hold(data, "p.yaml", frozenset({("other", "api")}), TAGS[0], WHEN) == data
    assert list(holds(data, "p.yaml")) == []


@pytest.mark.parametrize(
    ("text", "tag", "what"),
    [
        (NUMERICAL, "v1", "does not match"),
        (NUMERICAL.replace('    pattern: "', '    pattern: |\n      "'), TAGS[0], "cannot be held"),
        (HEAD.partition("metadata:")[0] + "metadata: {name: api, namespace: flux-system}\n"
         + NUMERICAL.partition(HEAD)[2], TAGS[0], "own"),
    ],
    ids=["other-tag", "block", "flow"],
)  # fmt: skip
def test_a_policy_that_cannot_be_held_is_told(text: str, tag: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        hold(text.encode(), "p.yaml", API, tag, WHEN)
