"""Ask Flux, watch, and judge anew after every change, until the verdict is known or time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from shipway.errors import ClusterDenied, ClusterError
from shipway.flows.wait.mirror import Mirror
from shipway.flows.wait.result import Occurrence, Row, Verdict, Waited, row_of
from shipway.gitops.judging.judge import judge
from shipway.gitops.judging.view import Judgement, Outcome, Relation, Target, View
from shipway.gitops.kubernetes import EVENT, Name, Object, text
from shipway.gitops.verdict import REQUESTED, Asked, Standing, token_of
from shipway.ports import Clock, Cluster

Relate = Callable[[Target, str], Relation]
OnStanding = Callable[[Standing], None]

_MOST_EVENTS = 5
_SLOWEST = 60.0
# which of several verdicts is told: the one that is worst
_WORST: tuple[Verdict, ...] = ("failed", "blocked", "suspended", "superseded", "timed-out", "live")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How to wait: at most ``seconds``, with objects of Flux looked for in one ``namespace`` or all. Without
    ``asks`` Flux comes by itself. An object that has to be asked again is so after ``pace`` seconds, then
    ever more slowly."""

    seconds: float
    namespace: str | None = None
    asks: bool = True
    pace: float = 5.0


async def wait(
    targets: Sequence[Target],
    cluster: Cluster,
    clock: Clock,
    relate: Relate,
    waiting: Waiting,
    on_standing: OnStanding,
) -> Waited:
    """The verdict about all targets, as soon as it is known: live when all are, else that of the first one
    that is not. ``on_standing`` hears of every change on the way. Raises a ClusterError."""
    async with Mirror(cluster) as mirror:
        return await _Wait(tuple(targets), cluster, clock, relate, waiting, on_standing, mirror).run()


@dataclass
class _Wait:
    targets: tuple[Target, ...]
    cluster: Cluster
    clock: Clock
    relate: Relate
    waiting: Waiting
    on_standing: OnStanding
    mirror: Mirror
    asked: dict[Name, Asked] = field(default_factory=dict)
    again: dict[Name, float] = field(default_factory=dict)
    shown: dict[Name, Standing] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    async def run(self) -> Waited:
        started = asyncio.get_running_loop().time()
        judgements = await self._judgements(started + self.waiting.seconds)
        verdict, cause = _worst(judgements)
        occurrences = () if verdict in ("live", "superseded") else await self._occurrences(cause)
        notes = dict.fromkeys((*self.notes, *(note for each in judgements for note in each.notes)))
        return Waited(
            verdict=verdict,
            context=self.cluster.name,
            commits=tuple(target.commit for target in self.targets if target.commit),
            images=tuple(str(image.reference) for target in self.targets for image in target.images),
            cause=row_of(cause) if cause else None,
            objects=_rows(judgements),
            events=occurrences,
            notes=tuple(notes),
            seconds=round(asyncio.get_running_loop().time() - started, 3),
        )

    async def _judgements(self, deadline: float) -> Sequence[Judgement]:
        """The last look: the one at which all is known, or that at the end of time."""
        while True:
            judgements = [judge(target, self._view(target)) for target in self.targets]
            self._show(judgements)
            ended = [each.outcome for each in judgements]
            if all(ended) or any(outcome not in (None, "live") for outcome in ended):
                return judgements
            for each in judgements:
                self.mirror.follow(each.needs)
            due = await self._ask(dict.fromkeys(name for each in judgements for name in each.asks))
            try:
                async with asyncio.timeout_at(min(deadline, due)):
                    await self.mirror.changed()
            except TimeoutError:
                if asyncio.get_running_loop().time() >= deadline:
                    return judgements

    def _view(self, target: Target) -> View:
        return View(
            self.mirror.feeds,
            self.asked,
            lambda revision: self.relate(target, revision),
            self.waiting.namespace,
        )

    def _show(self, judgements: Sequence[Judgement]) -> None:
        for standing in (each for judgement in judgements for each in judgement.standings):
            if self.shown.get(standing.name) != standing:
                self.shown[standing.name] = standing
                self.on_standing(standing)

    # --- asking ---------------------------------------------------------------------------------

    async def _ask(self, names: Sequence[Name] | dict[Name, None]) -> float:
        """Ask those whose time has come; the time at which the next one's comes."""
        now, due = asyncio.get_running_loop().time(), float("inf")
        for name in names:
            at = self.again.get(name, now)
            if at > now:
                due = min(due, at)
                continue
            times = self.asked[name].times + 1 if name in self.asked else 1
            await self._request(name, times)
            self.again[name] = now + min(self.waiting.pace * 2.0 ** (times - 1), _SLOWEST)
            due = now
        return due

    async def _request(self, name: Name, times: int) -> None:
        thing = next((feed[name] for feed in self.mirror.feeds.values() if name in feed), {})
        if not self.waiting.asks:
            self.asked[name] = Asked(None, times=times)
            return
        # two requests are never the same, not even by a clock that stands
        token = (self.clock.now() + timedelta(microseconds=times)).isoformat()
        try:
            await self.cluster.merge_patch(name, {"metadata": {"annotations": {REQUESTED: token}}})
        except ClusterDenied:
            self.asked[name] = Asked(None, times=times)
            self.notes.append(
                f"{name} may not be asked to reconcile (no right to patch): Flux comes by itself"
            )
            return
        self.asked[name] = Asked(token, token_of(thing), times)

    # --- telling --------------------------------------------------------------------------------

    async def _occurrences(self, cause: Standing | None) -> tuple[Occurrence, ...]:
        """The last Events about the object that decided."""
        if cause is None or not cause.name.namespace:
            return ()
        fields = {"involvedObject.kind": cause.name.kind.name, "involvedObject.name": cause.name.name}
        found: Sequence[Object] = ()
        with suppress(ClusterError):
            found = await self.cluster.list(EVENT, cause.name.namespace, fields=fields)
        told = sorted(map(_occurrence, found), key=lambda each: each.time)
        return tuple(told[-_MOST_EVENTS:])


def _worst(judgements: Sequence[Judgement]) -> tuple[Verdict, Standing | None]:
    """The verdict about all, and the object that decided it; of an open one the first that is waited for."""
    told: list[tuple[Verdict, Standing | None]] = []
    for each in judgements:
        outcome: Outcome | None = each.outcome
        waited_for = (standing for standing in each.standings if standing.phase == "waiting")
        told.append((outcome, each.cause) if outcome else ("timed-out", next(waited_for, None)))
    return min(told, key=lambda each: _WORST.index(each[0]))


def _rows(judgements: Sequence[Judgement]) -> tuple[Row, ...]:
    seen = {standing.name: standing for each in judgements for standing in each.standings}
    return tuple(map(row_of, seen.values()))


def _occurrence(event: Object) -> Occurrence:
    time = text(event, "lastTimestamp") or text(event, "eventTime") or text(event, "firstTimestamp")
    return Occurrence(time, text(event, "type"), text(event, "reason"), text(event, "message"))
