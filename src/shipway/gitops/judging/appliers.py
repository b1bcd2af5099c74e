"""Kustomizations and HelmReleases on the way of a commit, what they depend on, and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from shipway.gitops.concerned import checks_health, covers, dependencies, in_order, inventory, source_of
from shipway.gitops.helm_values import images_in
from shipway.gitops.judging.sources import Sources
from shipway.gitops.judging.view import End, Feed, Notebook, Outcome, Target
from shipway.gitops.kubernetes import (
    GIT_REPOSITORY,
    HELM_RELEASE,
    KUSTOMIZATION,
    WORKLOADS,
    Kind,
    Name,
    Object,
    mapping,
    text,
)
from shipway.gitops.rollout import Promoted, images_of
from shipway.gitops.verdict import Standing, judge_kustomization, judge_release

_WORDS = {"failed": "which failed", "suspended": "which is suspended", "blocked": "which is blocked"}


def written_in(kind: Kind, thing: Object) -> tuple[str, ...]:
    """The image references that a workload, or the values of a HelmRelease, name."""
    if kind == HELM_RELEASE:
        return tuple(images_in(mapping(thing, "spec", "values")))
    return images_of(kind, thing) if kind in WORKLOADS else ()


def declares(images: Sequence[Promoted], kind: Kind, thing: Object) -> bool:
    """Whether an object names a promoted image: then it is the new one."""
    return any(image.is_declared_by(each) for each in written_in(kind, thing) for image in images)


def names(images: Sequence[Promoted], kind: Kind, thing: Object) -> bool:
    """Whether an object names some version of a promoted image."""
    return any(image.is_named_by(each) for each in written_in(kind, thing) for image in images)


@dataclass(slots=True)
class Appliers:
    """The Kustomizations and HelmReleases that a target concerns."""

    target: Target
    book: Notebook
    sources: Sources
    kustomizations: dict[Name, Object] = field(default_factory=dict)
    releases: dict[Name, Object] = field(default_factory=dict)

    def inventories(self) -> Iterator[Name]:
        """What they have applied, in order."""
        for thing in (*self.kustomizations.values(), *self.releases.values()):
            yield from inventory(thing)

    # --- Kustomizations -------------------------------------------------------------------------

    def judge_kustomizations(self) -> End | None:
        """See how those concerned stand, and ask those whose turn it is."""
        known = self.book.view.all(KUSTOMIZATION)
        mine = {name: thing for name, thing in known.items() if self._is_mine(thing)}
        if not self.book.require(*self._feeds(mine)):
            return None
        self.kustomizations = dict(sorted(self._concerned(mine).items()))
        if not self.kustomizations:
            return "failed", self.book.see(self._none())
        self.sources.choose(map(source_of, self.kustomizations.values()))
        for name, thing in self.kustomizations.items():
            if not checks_health(thing):
                self.book.notes.append(f"{name} has neither wait nor healthChecks: Ready says only applied")
        for name in in_order(KUSTOMIZATION, tuple(self.kustomizations), known):
            self.book.see(self._kustomization(name, known.get(name)))
        ends = [self._need(name, known) for name in self.kustomizations]
        return next((end for end in ends if end is not None), None)

    def _is_mine(self, thing: Object) -> bool:
        source = source_of(thing)
        return source in self.sources.chosen if self.target.repository else source.kind == GIT_REPOSITORY

    def _feeds(self, known: Mapping[Name, Object]) -> set[Feed]:
        """Where images are named that these have applied."""
        if not self.target.images:
            return set()
        applied = (name for thing in known.values() for name in inventory(thing) if name.kind in WORKLOADS)
        return {self.book.view.feed(name.kind, name.namespace) for name in applied}

    def _concerned(self, mine: Mapping[Name, Object]) -> Mapping[Name, Object]:
        """By the files that changed, or by what they have applied; all where neither tells."""
        found = {name: thing for name, thing in mine.items() if self._concerns(thing)}
        return found if found or not self.target.repository else mine

    def _concerns(self, thing: Object) -> bool:
        if covers(thing, self.target.files):
            return True
        applied = ((name, self.book.view.get(name)) for name in inventory(thing))
        return any(names(self.target.images, name.kind, made) for name, made in applied if made is not None)

    def _none(self) -> Standing:
        sources = ", ".join(map(str, sorted(self.sources.chosen)))
        images = ", ".join(promoted.reference.name for promoted in self.target.images)
        what = f"takes files from {sources}" if sources else f"has applied anything that names {images}"
        return Standing(Name(KUSTOMIZATION, "", "*"), "failed", "NotFound", f"no Kustomization {what}")

    def _kustomization(self, name: Name, thing: Object | None) -> Standing:
        if thing is None:
            return Standing(name, "blocked", "NotFound", f"{name} does not exist")
        has_commit = self.target.commit and source_of(thing) in self.sources.chosen
        reaches = self.sources.reaches if has_commit else bool
        return judge_kustomization(thing, self.book.view.asked.get(name), reaches)

    @property
    def is_attempted(self) -> bool:
        """Whether all Kustomizations concerned have at least tried to apply the commit."""
        return all(
            self.sources.reaches(text(thing, "status", "lastAttemptedRevision"))
            for thing in self.kustomizations.values()
        )

    # --- HelmReleases ---------------------------------------------------------------------------

    def judge_releases(self) -> End | None:
        """The same for the HelmReleases that the Kustomizations applied.

        Where values do not name the images (they may come from elsewhere) the workloads tell later.
        """
        known = self.book.view.all(HELM_RELEASE)
        here = {name: known[name] for name in self.inventories() if name in known}
        images = self.target.images
        named = {name: thing for name, thing in here.items() if names(images, HELM_RELEASE, thing)}
        self.releases = named or here
        if images and not named:
            return None
        for name in in_order(HELM_RELEASE, tuple(self.releases), known):
            self.book.see(self._release(name, known.get(name)))
        ends = [self._need(name, known) for name in self.releases]
        return next((end for end in ends if end is not None), None)

    def _release(self, name: Name, thing: Object | None) -> Standing:
        if thing is None:
            return Standing(name, "blocked", "NotFound", f"{name} does not exist")
        has_new = declares(self.target.images, HELM_RELEASE, thing)
        return judge_release(thing, self.book.view.asked.get(name), has_new=has_new)

    # --- dependencies ---------------------------------------------------------------------------

    def _need(self, name: Name, known: Mapping[Name, Object], above: tuple[Name, ...] = ()) -> End | None:
        """An end when this object, or what it depends on, is stuck; else it is asked when its turn comes."""
        standing, thing = self.book.standings[name], known.get(name, {})
        if standing.phase == "done":
            return None
        if standing.phase != "waiting":
            return self._stuck(standing, above)
        self.book.is_open, is_next = True, True
        for each in dependencies(name.kind, thing):
            if each in (name, *above):
                circle = " -> ".join(map(str, (*above, name, each)))
                return "blocked", self.book.see(
                    Standing(name, "blocked", "Circle", f"dependencies: {circle}")
                )
            if end := self._need(each, known, (*above, name)):
                return end
            is_next = is_next and self.book.standings[each].phase == "done"
        if is_next:
            self.book.ask(name, thing)
        return None

    def _stuck(self, standing: Standing, above: Sequence[Name]) -> End:
        if above:
            message = f"it depends on {standing.name}, {_WORDS[standing.phase]}: {standing.message}"
            self.book.see(Standing(above[0], "blocked", "DependencyNotReady", message))
            return "blocked", standing
        ends: Mapping[str, Outcome] = {"failed": "failed", "suspended": "suspended"}
        return ends.get(standing.phase, "blocked"), standing
