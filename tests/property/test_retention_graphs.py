"""Whatever hangs on whatever: nothing that a kept tag needs is deleted, and the plan is the naive one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from shipway.oci.referrers import fallback_tag
from shipway.planning.retention.graph import Graph, Node
from shipway.planning.retention.plan import Question, Retention, decide
from shipway.planning.retention.policy import Limits, Pattern, Policy, Uses
from shipway.values import Digest

# 10,000 by hand: SHIPWAY_GRAPHS=10000
EXAMPLES = int(os.environ.get("SHIPWAY_GRAPHS", "300"))
NOW = datetime(2026, 11, 21, tzinfo=UTC)
DIGESTS = [Digest.of(bytes([number])) for number in range(14)]
SUFFIXES = ["", ".sig", ".att", ".sbom"]
MATCH = Pattern.parse(r"^b[a-z]*-(?P<number>[0-9]+)$")


@dataclass(frozen=True)
class Case:
    graph: Graph
    keep: int
    uses: Uses


@st.composite
def cases(draw: st.DrawFn) -> Case:
    count = draw(st.integers(1, 10))
    there, absent = DIGESTS[:count], DIGESTS[count:]
    nodes = {}
    for number, digest in enumerate(there):
        # what a digest covers exists before it, so that neither children nor subjects make circles
        later = there[number + 1 :] + absent
        some = st.lists(st.sampled_from(later), max_size=3, unique=True)
        listed = st.lists(st.sampled_from(DIGESTS), max_size=1) if draw(st.booleans()) else st.just([])
        subject = draw(st.sampled_from(later)) if draw(st.integers(0, 3)) == 0 else None
        nodes[digest] = Node(tuple(draw(some)), subject, tuple(draw(listed)))
    named = st.tuples(st.sampled_from(["b", "bz", "ba"]), st.integers(0, 6))
    plain = draw(st.dictionaries(named, st.sampled_from(there), max_size=8))
    tags = {f"{word}-{number}": digest for (word, number), digest in plain.items()}
    others = draw(st.dictionaries(st.sampled_from(["latest", "prod", "1.0"]), st.sampled_from(there)))
    companions = draw(
        st.dictionaries(
            st.tuples(st.sampled_from(DIGESTS), st.sampled_from(SUFFIXES)), st.sampled_from(there), max_size=4
        )
    )
    tags |= others | {fallback_tag(of) + suffix: to for (of, suffix), to in companions.items()}
    used_tags = draw(st.lists(st.sampled_from(sorted(tags)), max_size=1)) if tags else []
    used = draw(st.lists(st.sampled_from(DIGESTS), max_size=1))
    uses = Uses(dict.fromkeys(used_tags, "a file"), dict.fromkeys(map(str, used), "a file"))
    return Case(Graph(tags, nodes), draw(st.integers(1, 4)), uses)


def planned(case: Case) -> Retention:
    policy = Policy(keep=case.keep, match=MATCH)
    result = decide(Question(case.graph, policy, (), case.uses, Limits(NOW, 1000)))
    assert result is not None
    return result


def naive(case: Case) -> tuple[set[str], set[Digest]]:
    """Tags and manifests that go: all that could, without whatever something that stays needs."""
    tags, nodes = case.graph.tags, case.graph.nodes
    numbers = {tag: int(tag.split("-")[1]) for tag in tags if tag.split("-")[0] in ("b", "ba", "bz")}
    newest = sorted(set(numbers.values()))[-case.keep :]
    used = case.uses.digests
    going = {
        tag
        for tag, number in numbers.items()
        if number not in newest and tag not in case.uses.tags and str(tags[tag]) not in used
    }
    belongs = {
        tag: [digest for digest in nodes if tag.partition(".")[0] == fallback_tag(digest)]
        for tag in tags
        if tag.startswith("sha256-")
    }
    plain = set(tags) - set(belongs)

    def hangs_on(digest: Digest, other: Digest) -> bool:
        node, own = nodes.get(other, Node()), nodes.get(digest, Node())
        listed = digest in node.children or digest in node.referrers or own.subject == other
        return listed or any(other in owners and tags[tag] == digest for tag, owners in belongs.items())

    # a platform that was never copied is mentioned, and things may hang on it all the same
    gone = {tags[tag] for tag in going}
    for _ in DIGESTS:
        gone |= {digest for digest in DIGESTS if any(hangs_on(digest, other) for other in gone)}
    stays = {digest for digest in nodes if digest not in gone}
    stays |= {tags[tag] for tag in plain - going}
    stays |= {tags[tag] for tag, owners in belongs.items() if not owners}
    stays |= {digest for digest in nodes if str(digest) in used}
    for _ in DIGESTS:
        stays |= {digest for digest in DIGESTS if any(hangs_on(digest, other) for other in stays)}
        stays |= {subject for other in stays if (subject := nodes.get(other, Node()).subject)}
    going |= {tag for tag, owners in belongs.items() if owners and not stays & set(owners)}
    return going, (gone - stays) & set(nodes)


@given(cases())
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_plan_is_the_naive_one(case: Case) -> None:
    plan = planned(case)
    tags, gone = naive(case)
    assert set(plan.delete) == tags
    assert set(plan.keep) == set(case.graph.tags) - tags
    assert {removal.digest for removal in plan.removals} == gone
    assert {step.tag for step in plan.untags} == {tag for tag in tags if case.graph.tags[tag] not in gone}


@given(cases())
@settings(max_examples=EXAMPLES, deadline=None)
def test_nothing_that_is_reached_from_what_is_kept_goes(case: Case) -> None:
    plan = planned(case)
    graph = case.graph
    gone = {removal.digest for removal in plan.removals}
    for tag in plan.keep:
        pending, seen = [graph.tags[tag]], set()
        while pending:
            digest = pending.pop()
            if digest in seen or digest not in graph.nodes:
                continue
            seen.add(digest)
            assert digest not in gone, f"{tag} needs {digest}"
            node = graph.nodes[digest]
            pending += [*node.children, *node.referrers, *([node.subject] if node.subject else [])]
            pending += [other for other, each in graph.nodes.items() if each.subject == digest]
            pending += [
                to for name, to in graph.tags.items() if name.partition(".")[0] == fallback_tag(digest)
            ]


@given(cases())
@settings(max_examples=EXAMPLES, deadline=None)
def test_what_names_another_goes_before_it_and_every_manifest_once(case: Case) -> None:
    plan = planned(case)
    order = [removal.digest for removal in plan.removals]
    assert len(order) == len(set(order))
    at = {digest: number for number, digest in enumerate(order)}
    for digest in order:
        for child in case.graph.nodes[digest].children:
            assert child not in at or at[digest] < at[child]
        subject = case.graph.nodes[digest].subject
        assert subject not in at or at[digest] < at[subject]


@given(cases())
@settings(max_examples=EXAMPLES, deadline=None)
def test_every_tag_has_one_fate_and_a_reason(case: Case) -> None:
    plan = planned(case)
    assert plan.keep.keys() | plan.delete.keys() == case.graph.tags.keys()
    assert not plan.keep.keys() & plan.delete.keys()
    assert all(plan.keep.values()) and all(plan.delete.values())
