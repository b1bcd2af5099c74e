"""Rollback: places name an earlier image again, and the policy that would undo it is held, in one commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from shipway.errors import InvalidValue, NotMet, UsageError
from shipway.flows.promote.promotion import Promotion, owners_of
from shipway.flows.promote.publish import Snapshot
from shipway.flows.promote.run import COMMITTED_EVENT
from shipway.gitops.edits.files import Edits, FileEdit, PlaceEdit, is_manifest
from shipway.gitops.edits.hold import hold, holds, release
from shipway.gitops.edits.marker import KEY
from shipway.gitops.edits.retarget import Target, places_of_target
from shipway.ports import Event, Ledger
from shipway.values import Reference

_EVERY = 100_000
_KINDS = ("promote", "rollback")


@dataclass(frozen=True, slots=True)
class Rollback:
    """The places of one image as ``back`` makes them; with ``until`` its policies are held. See
    ``publish.Plan``."""

    back: Promotion
    until: datetime | None
    strict: bool = True

    async def edits(self, snapshot: Snapshot) -> Edits:
        """The edits of one commit. Raises ConfigError for a policy that cannot be held."""
        reverted = await self.back.edits(snapshot)
        (wanted,) = self.back.wanted
        target = Target(wanted.image, wanted.reference)
        if self.until is None or not _is_marked(snapshot, target):
            return reverted
        if wanted.reference.tag is None:
            raise UsageError(
                f"{wanted.reference} has no tag that a policy could be held at", help="name one: --tag TAG"
            )
        files = _policies(snapshot)
        names = owners_of(snapshot).policies_of(target.reference)
        if not names:
            note = f"no policy of {wanted.image} is in this repository: Flux may undo this, hold it there"
            return replace(reverted, notes=(*reverted.notes, note))
        tag, until = wanted.reference.tag, self.until
        after = {path: hold(data, path, names, tag, until) for path, data in files.items()}
        return reverted.then(
            _edits(wanted.image, files, after, f"held at {tag} until {until:%Y-%m-%dT%H:%MZ}")
        )

    def message(self, edits: Edits) -> tuple[str, str]:
        """A conventional commit with the evidence, and how long the hold is."""
        (wanted,) = self.back.wanted
        subject, body = self.back.message(edits)
        held = [place for place in edits.places if place.field == _HELD]
        if not held:
            return subject, body
        end = f"shipway rollback --release {wanted.image} ends it"
        return subject, "\n\n".join((*filter(None, [body]), f"hold: {held[0].after}; {end}"))


@dataclass(frozen=True, slots=True)
class Release:
    """The policies of an image as they were before they were held. See ``publish.Plan``."""

    target: Target
    strict: bool = False

    async def edits(self, snapshot: Snapshot) -> Edits:
        """The edits of one commit."""
        files = _policies(snapshot)
        names = owners_of(snapshot).policies_of(self.target.reference)
        after = {path: release(data, path, names) for path, data in files.items()}
        return _edits(self.target.image, files, after, "as it was before")

    def message(self, edits: Edits) -> tuple[str, str]:
        """A conventional commit."""
        files = "\n".join(file.path for file in edits.files)
        return f"chore(images): release the hold on {self.target.image}", files


_HELD = "spec.filterTags"


def _policies(snapshot: Snapshot) -> Mapping[str, bytes]:
    """Every file that declares policies, wherever it is."""
    return snapshot.everywhere().holding(["ImagePolicy"], is_manifest)


def _is_marked(snapshot: Snapshot, target: Target) -> bool:
    """Whether a policy of Flux writes one of the places."""
    files = snapshot.holding([KEY], is_manifest)
    found = places_of_target(files, target, owners_of(snapshot))
    return any(place.marker is not None for _, place in found)


def _edits(image: str, files: Mapping[str, bytes], after: Mapping[str, bytes], what: str) -> Edits:
    changed = [FileEdit(path, data, after[path]) for path, data in files.items() if after[path] != data]
    return Edits(tuple(changed), tuple(place for file in changed for place in _told(image, file, what)))


def _told(image: str, file: FileEdit, what: str) -> Iterator[PlaceEdit]:
    held = {each.policy: each for each in holds(file.after, file.path)}
    for each in {**{each.policy: each for each in holds(file.before, file.path)}, **held}.values():
        title = f"ImagePolicy {each.policy}"
        yield PlaceEdit(file.path, each.place.line, _HELD, title, image, "its own rule", what)


# --- what to go back to -----------------------------------------------------------------------------


def earlier(ledger: Ledger, image: str, run: int | None = None) -> Reference:
    """What ``image`` goes back to: what a promotion named, the one before the last by default.

    Raises NotMet where the ledger does not know, UsageError for a run that promoted something else.
    """
    known = list(_history(ledger, image))
    if run is not None:
        named = next((_reference(event.data.get("reference")) for at, event in known if at == run), None)
        if named is None:
            runs = ", ".join(str(at) for at, _ in known) or "none"
            raise UsageError(f"run {run} did not promote {image}", help=f"runs that did: {runs}")
        return named
    before = _before(known)
    if before is None:
        raise NotMet(
            f"what {image} was before is not known here",
            cause="the ledger of this machine has no earlier promotion of it",
            help="name it: --tag TAG, or --to-promotion N",
        )
    return before


def _history(ledger: Ledger, image: str) -> Iterator[tuple[int, Event]]:
    """The promotions of an image, newest first, one a run."""
    for record in ledger.runs(_EVERY):
        if record.kind in _KINDS:
            events = (event for _, event in ledger.events(record.id))
            found = [event for event in events if event.kind == COMMITTED_EVENT and event.image == image]
            if found:
                yield record.id, found[-1]


def _before(known: list[tuple[int, Event]]) -> Reference | None:
    """What the promotion before that of the present one named, else what its places said before."""
    if not known:
        return None
    present = known[0][1].data.get("digest")
    digests = [event.data.get("digest") for _, event in known]
    # after a rollback the present one was promoted some time ago, and what is before counts from there
    last = len(digests) - 1 - digests[::-1].index(present)
    for _, event in known[last + 1 :]:
        return _reference(event.data.get("reference"))
    said = known[last][1].data.get("before")
    texts = said if isinstance(said, list) else []
    found = [_reference(text, known[last][1].data.get("reference")) for text in texts]
    return next((each for each in found if each is not None), None)


def _reference(text: object, sibling: object = None) -> Reference | None:
    """A reference that the ledger kept; a tag alone is one of the repository of ``sibling``."""
    try:
        if isinstance(text, str) and text.startswith((":", "@")):
            return Reference.parse(f"{Reference.parse(str(sibling)).name}{text}")
        return Reference.parse(text) if isinstance(text, str) else None
    except InvalidValue:
        return None
