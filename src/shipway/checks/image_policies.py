"""Flux's policies as rules see them: those whose text counts, and edits of their values."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Applicability, Edit, Finding, Fix
from shipway.checks.rule import Rule
from shipway.errors import ShipwayError
from shipway.gitops.edits.change import scalar_change
from shipway.gitops.flux import ImagePolicy
from shipway.gitops.policy import TagPolicy


def policies(facts: Facts) -> Iterator[tuple[ImagePolicy, TagPolicy]]:
    """Every policy that is written out here, with the exclusions of its repository. One that a patch changes
    is not; nor is one that ``shipway rollback`` holds: it says on purpose what is wrong elsewhere."""
    for each in facts.flux.policies:
        policy = facts.flux.complete(each)
        if policy is not None and not each.held and not each.is_patched:
            yield each, policy


def reflects(policy: ImagePolicy) -> bool:
    """Whether a policy knows digests, or may."""
    return policy.reflection != "Never" or policy.is_patched


def tell(rule: Rule, policy: ImagePolicy, value: str, message: str, **more: object) -> Finding:
    """A finding at one value of a policy, with the value as its subject."""
    piece = policy.scalars.get(value)
    more.setdefault("subject", piece.text if piece is not None else policy.title.name)
    return rule.finding(policy.at(value), message, **more)


def value_fix(
    facts: Facts,
    policy: ImagePolicy,
    value: str,
    text: str,
    title: str,
    applicability: Applicability = "unsafe",
) -> Fix | None:
    """The edit that lets a value say ``text``; None where it is not there, or not written in one piece."""
    piece = policy.scalars.get(value)
    if piece is None:
        return None
    try:
        data = facts.data(piece.place.path)
        change = scalar_change(data, piece, text)
    except ShipwayError:
        return None
    quote = data[piece.start - 1 : piece.start]
    # what a quote would read as something else needs an escape, which the author should choose
    if (quote == b'"' and ("\\" in text or '"' in text)) or (quote == b"'" and "'" in text):
        return None
    if change.text != text and ("\\" in text or '"' in text):
        return None
    return Fix(applicability, title, (Edit(piece.place.path, change.start, change.end, change.text),))
