"""Tag schemes: ``{branch}-{sha7}-{timestamp}`` and the like."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from string import Formatter

from shipway.errors import ConfigError, InvalidValue
from shipway.place import Place
from shipway.values import Reference

SCHEME_OUTSIDE_GIT = "{timestamp}"
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")
_MAX_BRANCH = 60


@dataclass(frozen=True, slots=True)
class TagFacts:
    """What a scheme can draw on. ``time`` is in UTC; None stands for what is not known here."""

    time: datetime
    commit: str | None = None
    branch: str | None = None
    run: str | None = None


_Field = Callable[[TagFacts, str | None], str | None]

# name -> (value, does it stay the same from one delivery to the next?)
FIELDS: dict[str, tuple[_Field, bool]] = {
    "branch": (lambda facts, _: branch_in_tag(facts.branch), True),
    "sha": (lambda facts, _: facts.commit, False),
    "sha7": (lambda facts, _: facts.commit[:7] if facts.commit else None, False),
    "timestamp": (lambda facts, _: str(int(facts.time.timestamp())), False),
    "date": (lambda facts, _: facts.time.strftime("%Y%m%d"), False),
    "time": (lambda facts, _: facts.time.strftime("%H%M%S"), False),
    "version": (lambda _, version: version, True),
    "run": (lambda facts, _: facts.run, False),
}


@dataclass(frozen=True, slots=True)
class TagScheme:
    """A tag with fields in braces. ``parse`` checks the fields, ``render`` the tag that comes out."""

    text: str
    place: Place | None = None

    @classmethod
    def parse(cls, text: str, place: Place | None = None) -> TagScheme:
        """Raise ConfigError for unbalanced braces or an unknown field."""
        scheme = cls(text, place)
        for field in scheme.fields:
            if field not in FIELDS:
                raise ConfigError(
                    f"the tag scheme {text!r} has an unknown field {{{field}}}",
                    place=place,
                    help="known fields are " + ", ".join(f"{{{name}}}" for name in FIELDS),
                )
        return scheme

    @property
    def fields(self) -> tuple[str, ...]:
        try:
            return tuple(name for _, name, _, _ in Formatter().parse(self.text) if name is not None)
        except ValueError as error:
            raise ConfigError(
                f"the tag scheme {self.text!r} cannot be read: {error}", place=self.place
            ) from None

    @property
    def is_stable(self) -> bool:
        """Whether every delivery gets the same tag (a version, a literal, a branch)."""
        return all(FIELDS[field][1] for field in self.fields)

    def render(self, facts: TagFacts, version: str | None = None) -> str:
        """The tag. Raise ConfigError when a field has no value here or the result is no tag."""
        values = {field: FIELDS[field][0](facts, version) for field in self.fields}
        for field, value in values.items():
            if not value:
                raise ConfigError(
                    f"the tag scheme {self.text!r} needs {{{field}}}, which is not known here",
                    place=self.place,
                    cause=_WHY_UNKNOWN.get(field),
                    help="give the images a tag of their own in shipway.yaml, or --tag TAG",
                )
        tag = self.text.format(**values)
        try:
            Reference("registry.invalid", "image").with_tag(tag)
        except InvalidValue:
            raise ConfigError(
                f"the tag scheme {self.text!r} gives {tag!r}, which is not a tag", place=self.place
            ) from None
        return tag


_WHY_UNKNOWN = {
    "branch": "this is no git working copy, or its head is detached",
    "sha": "this is no git working copy with a commit",
    "sha7": "this is no git working copy with a commit",
    "version": "no version is set",
}


def branch_in_tag(branch: str | None) -> str | None:
    """A branch name as part of a tag: other characters become one dash."""
    return _UNFIT.sub("-", branch).strip("-.")[:_MAX_BRANCH] if branch else None
