"""The edits of a promotion, and the message of its commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shipway.errors import InvalidValue
from shipway.flows.promote.guard import Guard
from shipway.flows.promote.publish import Snapshot
from shipway.flows.promote.wanted import Wanted
from shipway.gitops.edits.files import Edits, is_env_file, is_manifest
from shipway.gitops.edits.marker import KEY
from shipway.gitops.edits.owners import Owners
from shipway.gitops.edits.retarget import Target, retarget
from shipway.values import Reference

_MOST_NAMED = 3
_POLICIES = ("ImageRepository", "ImagePolicy")


@dataclass(frozen=True, slots=True)
class Promotion:
    """Every place of ``wanted`` names it; see ``publish.Plan``."""

    wanted: Sequence[Wanted]
    guard: Guard
    kind: str = "chore(images)"
    strict: bool = True

    async def edits(self, snapshot: Snapshot) -> Edits:
        """The edits of one commit. Raises NotMet for a way back, and what ``retarget`` raises."""
        files = snapshot.holding(self._texts(), lambda path: is_manifest(path) or is_env_file(path))
        owners = owners_of(snapshot)
        found = retarget(files, [Target(each.image, each.reference) for each in self.wanted], owners)
        notes = dict.fromkeys(found.notes)
        by_name = {each.image: each for each in self.wanted}
        for place in found.changed:
            deployed = _deployed(place.before, by_name[place.image].reference)
            if deployed is not None and (note := await self.guard.check(by_name[place.image], deployed)):
                notes[note] = None
        missing = set(by_name) - {place.image for place in found.places}
        for name in sorted(missing):
            notes[f"{name} is named nowhere: no place has {by_name[name].reference.name}"] = None
        return replace(found, notes=tuple(notes))

    def _texts(self) -> list[str]:
        names = {each.reference.repository.rpartition("/")[2] for each in self.wanted}
        return [*sorted(names), KEY]

    def message(self, edits: Edits) -> tuple[str, str]:
        """A conventional commit; the body has the evidence."""
        touched = {place.image for place in edits.changed}
        moved = [each for each in self.wanted if each.image in touched]
        return self._subject(moved), "\n\n".join(_evidence(each, edits) for each in moved)

    def _subject(self, moved: Sequence[Wanted]) -> str:
        if len(moved) > _MOST_NAMED:
            return f"{self.kind}: {len(moved)} images"
        named = (f"{each.image} {_version(each)}" for each in moved)
        return f"{self.kind}: {', '.join(named)}"


def owners_of(snapshot: Snapshot) -> Owners:
    """Whose markers are whose, by the policies anywhere in the repository."""
    return Owners.read(snapshot.everywhere().holding(_POLICIES, is_manifest))


def _version(wanted: Wanted) -> str:
    digest = f"{wanted.digest.algorithm}:{wanted.digest.short}"
    return f"{wanted.reference.tag} ({digest})" if wanted.reference.tag else digest


def _evidence(wanted: Wanted, edits: Edits) -> str:
    before = dict.fromkeys(place.before for place in edits.changed if place.image == wanted.image)
    facts = [
        ("image", str(wanted.reference.without_version())),
        ("tag", wanted.reference.tag or ""),
        ("digest", str(wanted.digest)),
        ("platforms", ", ".join(map(str, wanted.platforms))),
        ("source-commit", wanted.commit),
        ("statement", wanted.statement),
        ("before", ", ".join(before)),
        ("stand-in", "it has no code of its own yet" if wanted.stand_in else ""),
    ]
    return "\n".join([f"{wanted.image}:", *(f"  {name}: {value}" for name, value in facts if value)])


def _deployed(before: str, wanted: Reference) -> Reference | None:
    """The reference that a place has; a tag alone is one of the same repository."""
    text = f"{wanted.name}{before}" if before.startswith((":", "@")) else before
    try:
        return Reference.parse(text)
    except InvalidValue:
        return None
