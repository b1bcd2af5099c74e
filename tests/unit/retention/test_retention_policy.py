from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shipway.errors import InvalidValue, UsageError
from shipway.fleet.model import RetentionSettings
from shipway.oci.referrers import fallback_tag
from shipway.planning.retention.graph import Graph, Node
from shipway.planning.retention.moments import SchemeReader
from shipway.planning.retention.plan import Question, Retention, decide
from shipway.planning.retention.policy import Limits, Pattern, Policy, Uses
from shipway.planning.tags import TagScheme
from shipway.values import Digest, Duration

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def graph(*tags: str) -> Graph:
    """Every tag with a manifest of its own."""
    named = {tag: Digest.of(tag.encode()) for tag in tags}
    return Graph(named, {digest: Node() for digest in named.values()})


def plan(
    tags: Graph,
    policy: Policy,
    *schemes: str,
    uses: Uses | None = None,
    most: int = 1000,
    created: dict[str, datetime | None] | None = None,
) -> Retention | None:
    readers = [SchemeReader.of(TagScheme.parse(text)) for text in schemes]
    return decide(Question(tags, policy, readers, uses or Uses(), Limits(NOW, most), created))


def kept(result: Retention | None) -> list[str]:
    assert result is not None
    return sorted(result.keep)


def test_the_spelling_of_a_tag_never_counts() -> None:
    tags = graph("main-fffffff-1763683200", "main-0000000-1763683300", "main-8888888-1763683400")
    assert kept(plan(tags, Policy(1))) == ["main-8888888-1763683400"]
    assert kept(plan(graph("b-9", "b-10", "b-100"), Policy(2, by="tag-number"))) == ["b-10", "b-100"]


def test_a_branch_that_is_pushed_often_does_not_push_out_the_others() -> None:
    tags = graph("main-aaaaaaa-1763683200", *(f"dev-aaaaaaa-{1763683300 + n}" for n in range(5)))
    result = plan(tags, Policy(1), "{branch}-{sha7}-{timestamp}")
    assert kept(result) == ["dev-aaaaaaa-1763683304", "main-aaaaaaa-1763683200"]


def test_equal_times_stay_together_and_count_once() -> None:
    match = Pattern.parse(r"-(?P<n>\d+)$")
    assert kept(plan(graph("a-3", "b-3", "c-2", "d-1"), Policy(2, match))) == ["a-3", "b-3", "c-2"]


def test_what_is_younger_than_asked_stays() -> None:
    days = {days: (NOW - timedelta(days=days)).strftime("%Y%m%d") for days in (1, 10, 40, 50)}
    policy = Policy(1, Pattern.parse(r"^r(?P<day>\d+)$"), Duration.parse("30d"))
    assert kept(plan(graph(*(f"r{day}" for day in days.values())), policy)) == [f"r{days[10]}", f"r{days[1]}"]


def test_the_age_of_numbered_tags_is_that_of_their_images() -> None:
    tags = graph("b-1", "b-2", "b-3")
    policy = Policy(1, older_than=Duration.parse("30d"), by="tag-number")
    assert plan(tags, policy) is None, "creation times have to be asked for"
    created = {"b-1": NOW - timedelta(days=31), "b-2": NOW - timedelta(days=29), "b-3": NOW}
    assert kept(plan(tags, policy, created=dict(created))) == ["b-2", "b-3"]


@pytest.mark.parametrize(
    "time", [None, datetime(1970, 1, 1, tzinfo=UTC), datetime(1980, 1, 1, 0, 0, 1, tzinfo=UTC)]
)
def test_unknown_creation_times_are_refused(time: datetime | None) -> None:
    with pytest.raises(UsageError, match="not known which"):
        plan(graph("a", "b"), Policy(1), created={"a": NOW, "b": time})


def test_patterns_keep_and_narrow() -> None:
    policy = Policy(1, Pattern.parse("^b-"), keep_tags=(Pattern.parse("^b-2$"),), by="tag-number")
    assert kept(plan(graph("b-1", "b-2", "b-3", "latest"), policy)) == ["b-2", "b-3", "latest"]


def test_what_is_in_use_stays_with_all_its_tags() -> None:
    tags = graph("b-1", "b-2", "b-3", "b-4")
    uses = Uses({"b-1": "deploy.yaml:3"}, {str(Digest.of(b"b-2")): "run 7"})
    assert kept(plan(tags, Policy(1, by="tag-number"), uses=uses)) == ["b-1", "b-2", "b-4"]


def test_no_more_go_than_a_run_may_take_the_oldest_first() -> None:
    result = plan(graph(*(f"b-{n}" for n in range(10))), Policy(1, by="tag-number"), most=3)
    assert result is not None
    assert sorted(result.delete) == ["b-0", "b-1", "b-2"]


def test_a_shared_digest_loses_the_tag_alone() -> None:
    digest = Digest.of(b"shared")
    tags = Graph({"b-1": digest, "b-2": digest}, {digest: Node()})
    result = plan(tags, Policy(1, by="tag-number"))
    assert result is not None
    assert [step.tag for step in result.untags] == ["b-1"]
    assert not list(result.removals)


def test_signatures_follow_what_they_sign_and_orphans_stay() -> None:
    signed = {name: Digest.of(name.encode()) for name in ("b-1", "b-2")}
    tags = dict(signed)
    for digest in (*signed.values(), Digest.of(b"nowhere")):
        tags[f"{fallback_tag(digest)}.sig"] = Digest.of(f"signature of {digest}".encode())
    result = plan(Graph(tags, {digest: Node() for digest in tags.values()}), Policy(1, by="tag-number"))
    assert result is not None
    assert sorted(result.delete) == sorted(["b-1", f"{fallback_tag(signed['b-1'])}.sig"])


def test_tags_of_another_scheme_stay() -> None:
    result = plan(graph("1763683200", "1763683300", "latest"), Policy(1), "{timestamp}")
    assert result is not None
    assert sorted(result.delete) == ["1763683200"]
    assert "scheme" in result.keep["latest"]


def test_what_a_named_group_does_not_tell_is_refused() -> None:
    with pytest.raises(UsageError):
        plan(graph("b-1", "b-x"), Policy(1, Pattern.parse("^b-(?P<n>.+)$")))


@pytest.mark.parametrize("text", ["(", "(?P<a>x)(?P<b>y)"])
def test_bad_expressions_are_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        policy = Policy.of(RetentionSettings(keep=1, match=text))
        assert policy is not None
        plan(graph("xy"), policy)


def test_settings_without_a_number_or_an_age_are_no_policy() -> None:
    assert Policy.of(RetentionSettings(match="x", keep_tags=("y",))) is None
    only_age = Policy.of(RetentionSettings(older_than=Duration.parse("1d")))
    assert only_age is not None
    assert only_age.keep == 1
