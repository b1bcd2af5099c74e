"""Whether every later delivery wins: a tag scheme and a policy held against each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from shipway.gitops.constraint import Range
from shipway.gitops.histories import BRANCH, History, beside, drawn_histories, pairs
from shipway.gitops.policy import TagPolicy
from shipway.gitops.select import Selection, select
from shipway.gitops.semver import Version
from shipway.planning.tags import TagScheme

_DRAWN = 200
_LENGTH = 20
_UNSEEN = "both deliveries have the same tag: the policy never sees a new one"


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Tags, oldest first, of which the newest is not picked; ``selected`` is None where nothing is."""

    tags: tuple[str, ...]
    newest: str
    selected: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Odds:
    """How often the newest of ``length`` deliveries was picked in ``drawn`` histories drawn by chance."""

    won: int
    drawn: int
    length: int


@dataclass(frozen=True, slots=True)
class Proof:
    """The verdict. ``checked`` histories were decided; ``assumptions`` are what must hold beyond them."""

    proven: bool
    checked: int
    assumptions: tuple[str, ...]
    counterexample: Counterexample | None = None
    odds: Odds | None = None


def prove(scheme: TagScheme, policy: TagPolicy, branch: str = BRANCH) -> Proof:
    """Decide the histories of ``branch`` at the edges of the scheme, and with tags that others put beside.

    Raises ConfigError for a scheme that makes no tag.
    """
    if scheme.is_stable and "version" not in scheme.fields:
        return _stable(scheme)
    checked = 0
    found: list[Counterexample] = []
    for history in _histories(scheme, policy, branch):
        if not _is_meant(policy, history):
            continue
        checked += 1
        if (failed := _counterexample(policy, history)) is not None:
            found.append(failed)
            if len(failed.tags) == 2:
                break
    assumptions = tuple(_assumptions(scheme, policy))
    if not checked:
        return Proof(
            False,
            0,
            assumptions,
            _counterexample(policy, next(pairs(scheme, branch))),
            _odds(scheme, policy, branch),
        )
    if not found:
        return Proof(True, checked, assumptions)
    return Proof(
        False,
        checked,
        assumptions,
        min(found, key=lambda each: len(each.tags)),
        _odds(scheme, policy, branch),
    )


def _histories(scheme: TagScheme, policy: TagPolicy, branch: str) -> Iterator[History]:
    return chain(
        pairs(scheme, branch),
        beside(scheme, branch, foreign=bool(policy.pattern)),
        drawn_histories(scheme, branch, _DRAWN // 10, _LENGTH),
    )


def _is_meant(policy: TagPolicy, history: History) -> bool:
    """Whether the policy wants all these deliveries: a range leaves some versions out on purpose."""
    if policy.kind != "semver":
        return True
    wanted = Range.parse(policy.range)
    versions = (Version.of_tag(each.version or "") for each in history.deliveries)
    return all(version is None or wanted.admits(version) for version in versions)


def _stable(scheme: TagScheme) -> Proof:
    tag = scheme.text
    return Proof(False, 1, (), Counterexample((tag, tag), tag, tag, _UNSEEN))


def _counterexample(policy: TagPolicy, history: History) -> Counterexample | None:
    tags = history.tags
    if history.newest in tags[:-1]:
        return Counterexample(tags, history.newest, history.newest, _UNSEEN)
    selection = select(policy, tags)
    if selection.selected == history.newest and selection.unique:
        return None
    picked = next((tag for tag in selection.tied if tag != history.newest), selection.selected)
    return Counterexample(tags, history.newest, picked, _why(selection, history.newest))


def _why(selection: Selection, newest: str) -> str:
    if selection.error:
        return selection.error
    if not selection.unique:
        return f"{' and '.join(sorted(selection.tied))} are equal for the policy, and Flux picks either"
    lost = next(each for each in selection.considered if each.tag == newest)
    if lost.state != "candidate":
        return f"the newest is not even compared: {lost.why}"
    return f"by its key {selection.key!r} {selection.selected} comes before {lost.key!r}"


def _odds(scheme: TagScheme, policy: TagPolicy, branch: str) -> Odds:
    histories = list(drawn_histories(scheme, branch, _DRAWN, _LENGTH))
    won = sum(_counterexample(policy, history) is None for history in histories)
    return Odds(won, len(histories), _LENGTH)


def _assumptions(scheme: TagScheme, policy: TagPolicy) -> Iterator[str]:
    fields = frozenset(scheme.fields)
    if fields & {"timestamp", "time"}:
        yield "the clocks of those who deliver do not step back, and no two deliveries fall into one second"
    if "run" in fields:
        yield "run numbers are those of one workflow; a re-run keeps the number and the tag"
    if "version" in fields:
        yield "every delivery has a higher version than the one before"
    if policy.kind == "semver":
        yield f"versions outside {policy.range} are not meant to be picked"
    if not policy.pattern:
        yield "no other tags are in the repository: the policy has no pattern to keep them out"
