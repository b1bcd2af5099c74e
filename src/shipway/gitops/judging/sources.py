"""The GitRepositories that a commit comes through, and which revisions count as having it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from shipway.gitops.concerned import follows, same_repository, shown
from shipway.gitops.judging.view import End, Notebook, Target
from shipway.gitops.kubernetes import GIT_REPOSITORY, Name, Object, mapping, text
from shipway.gitops.verdict import Standing, judge_source

# a source that cannot be fetched is asked again: servers and networks hiccup
MOST_FETCHES = 3


@dataclass(slots=True)
class Sources:
    """The sources of a target. ``accepted`` are revisions at which they are done; ``is_certain`` tells
    whether git says so of all of them, or digests have to."""

    target: Target
    book: Notebook
    chosen: dict[Name, Object] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    is_certain: bool = True

    def judge(self) -> End | None:
        """Find them, and see whether they have the commit."""
        same = {
            name: thing
            for name, thing in self.book.view.all(GIT_REPOSITORY).items()
            if same_repository(text(thing, "spec", "url"), self.target.repository)
        }
        self.chosen = {name: thing for name, thing in same.items() if follows(thing, self.target.branch)}
        if not self.chosen:
            return "failed", self.book.see(self._none(same))
        ends = [self._one(name, thing) for name, thing in sorted(self.chosen.items())]
        return next((end for end in ends if end is not None), None)

    def choose(self, names: Iterable[Name]) -> None:
        """Without a repository: the sources of what runs the images."""
        if not self.target.repository:
            known = self.book.view.all(GIT_REPOSITORY)
            self.chosen = {name: known[name] for name in sorted(set(names)) if name in known}

    def reaches(self, revision: str) -> bool:
        """Whether a revision that something was applied at has the commit."""
        if not self.target.commit or revision in self.accepted:
            return True
        return self.book.view.relate(revision) == "contains"

    def _none(self, same: Mapping[Name, Object]) -> Standing:
        name = Name(GIT_REPOSITORY, "", self.target.repository)
        if not same:
            confined = self.book.view.namespace
            where = f" in the namespace {confined}" if confined else ""
            return Standing(name, "failed", "NotFound", f"no GitRepository{where} has this URL")
        others = ", ".join(
            f"{each} ({', '.join(f'{key} {ref}' for key, ref in mapping(thing, 'spec', 'ref').items())})"
            for each, thing in sorted(same.items())
        )
        return Standing(name, "failed", "OtherRef", f"none follows {self.target.branch}: {others}")

    def _one(self, name: Name, thing: Object) -> End | None:
        if not self.target.commit:
            return None
        book, asked = self.book, self.book.view.asked.get(name)
        settled = book.view.is_settled(name, thing)
        standing = book.see(judge_source(thing, asked, self._reaching(settled)))
        if standing.phase == "suspended":
            return "suspended", standing
        if standing.phase == "done":
            self.accepted.add(standing.revision)
            return None
        if standing.phase == "failed":
            if asked is None or asked.token is None or asked.times >= MOST_FETCHES:
                return "failed", standing
        elif settled and standing.revision:
            relation = book.view.relate(standing.revision)
            self._tell_revision(
                standing, "nobody here can tell whether it has" if relation == "unknown" else ""
            )
            if relation == "diverged":
                return "superseded", book.standings[name]
        book.is_open = True
        book.ask(name, thing)
        return None

    def _tell_revision(self, standing: Standing, word: str) -> None:
        message = (
            f"it is at {shown(standing.revision)}; {word or 'that does not have'} {self.target.commit[:12]}"
        )
        self.book.see(Standing(standing.name, standing.phase, "Revision", message, standing.revision))

    def _reaching(self, settled: bool) -> Callable[[str], bool]:
        """Whether an artifact has the commit. Where git cannot tell, the digests that run have to."""

        def reaches(revision: str) -> bool:
            relation = self.book.view.relate(revision)
            vague = relation in ("unknown", "diverged") and settled and bool(self.target.images)
            if vague:
                self.is_certain = self.is_certain and relation != "unknown"
                verb = "cannot be told here" if relation == "unknown" else "is not so"
                self.book.notes.append(
                    f"that {shown(revision)} has {self.target.commit[:12]} {verb}:"
                    " the digests that run decide"
                )
            return relation == "contains" or vague

        return reaches
