"""What is waited for, what is seen of the cluster at one moment, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from shipway.gitops.kubernetes import Kind, Name, Object
from shipway.gitops.rollout import Promoted
from shipway.gitops.verdict import Asked, Standing, is_settled

Outcome: TypeAlias = Literal["live", "failed", "superseded", "suspended", "blocked"]
Relation: TypeAlias = Literal["contains", "older", "diverged", "unknown"]
"""How a revision stands to the commit: it has it, it is an ancestor of it, neither, or nobody can tell."""

Feed: TypeAlias = tuple[Kind, str | None]
"""What can be watched: the objects of a kind, in one namespace or in all."""

End: TypeAlias = tuple[Outcome, Standing | None]
"""A verdict, and the object that decided it."""


@dataclass(frozen=True, slots=True)
class Target:
    """What should come to be: a ``commit`` of ``repository`` (a URL) that changed ``files`` on ``branch``,
    and the ``images`` that should run after it.

    What is not known is empty. Without a commit the images are waited for, whatever commit brings them.
    """

    repository: str = ""
    commit: str = ""
    branch: str | None = None
    files: tuple[str, ...] = ()
    images: tuple[Promoted, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """What is seen. ``feeds`` are the objects of what is watched, ``asked`` the requests made, ``relate``
    tells how a revision stands to the commit. ``namespace`` is the only one in which objects of Flux are
    looked for, None for all."""

    feeds: Mapping[Feed, Mapping[Name, Object]]
    asked: Mapping[Name, Asked]
    relate: Callable[[str], Relation]
    namespace: str | None = None

    def feed(self, kind: Kind, namespace: str | None = None) -> Feed:
        """Where objects of a kind are looked for: everywhere at once, or, where the look is confined to a
        namespace, in the one that they are in."""
        return kind, None if self.namespace is None else namespace or self.namespace

    def all(self, kind: Kind) -> Mapping[Name, Object]:
        """The objects of Flux of this kind."""
        return self.feeds.get(self.feed(kind), {})

    def get(self, name: Name) -> Object | None:
        """An object, None when it is not there or not watched."""
        return self.feeds.get(self.feed(name.kind, name.namespace), {}).get(name)

    def is_settled(self, name: Name, thing: Object) -> bool:
        """Whether the request to reconcile was handled, or none may be made."""
        return is_settled(thing, self.asked.get(name))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known. ``outcome`` is None as long as it is open, ``cause`` the object that decided it.

    ``standings`` are all objects on the way, ``asks`` those to be asked to reconcile (again), ``needs`` what
    has to be watched to go on, ``notes`` what people should know.
    """

    standings: tuple[Standing, ...] = ()
    outcome: Outcome | None = None
    cause: Standing | None = None
    asks: tuple[Name, ...] = ()
    needs: frozenset[Feed] = frozenset()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Notebook:
    """What one look has found so far; ``is_open`` when something on the way is not done yet."""

    view: View
    standings: dict[Name, Standing] = field(default_factory=dict)
    asks: list[Name] = field(default_factory=list)
    needs: set[Feed] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    is_open: bool = False

    def see(self, standing: Standing) -> Standing:
        """Write down how an object stands."""
        self.standings[standing.name] = standing
        return standing

    def ask(self, name: Name, thing: Object) -> None:
        """Have an object asked to reconcile, unless a request is under way or may not be made."""
        asked = self.view.asked.get(name)
        if asked is None or (asked.token is not None and is_settled(thing, asked)):
            self.asks.append(name)

    def require(self, *feeds: Feed) -> bool:
        """Have these watched; whether all of them are already."""
        missing = [feed for feed in feeds if feed not in self.view.feeds]
        self.needs.update(missing)
        return not missing

    def judgement(self, end: End | None) -> Judgement:
        """All of it."""
        outcome, cause = end or (None, None)
        return Judgement(
            tuple(self.standings.values()),
            outcome,
            cause,
            tuple(dict.fromkeys(self.asks)),
            frozenset(self.needs),
            tuple(dict.fromkeys(self.notes)),
        )
