"""Which image of the fleet a reference of a Dockerfile stands for.

A reference is an image of the fleet when it names a repository that one image is published in; in a
repository of several images its tag decides. A bare word (``base``, ``base:1.0``) may also be the name of an
image. Where no file tells the repositories, the last component of a reference may be an image's name or
directory, if what stands before it does so for more images than any other prefix; that, and a bare word
that only other files than the fleet file know, is an assumption.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from shipway.dockerfile.reach import SCRATCH
from shipway.dockerfile.resolved import BaseInput
from shipway.errors import InvalidValue
from shipway.fleet.discover.merge import repositories
from shipway.fleet.model import Base, Fleet, Image
from shipway.values import Reference

_LIBRARY = "docker.io/library/"
_TARGET = "target:"
_LINKS = (_TARGET, "oci-layout://")


@dataclass(frozen=True, slots=True)
class _Match:
    image: str
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class Matched:
    """A base, and whether it was taken for an image of the fleet without a file that tells so."""

    base: Base
    assumed: bool = False


class Matcher:
    """Tells which image of the fleet a reference stands for.

    ``inputs`` are the references that each image's Dockerfile asks for, by the name of the image.
    """

    def __init__(self, fleet: Fleet, inputs: Mapping[str, Iterable[BaseInput]]) -> None:
        self._publishers: dict[str, list[Image]] = defaultdict(list)
        self._named: dict[str, Image] = {}
        self._targets: dict[tuple[str, str], str] = {}
        self._asked = {name: _repositories_of(found) for name, found in inputs.items()}
        for image in fleet.images:
            self._named[image.name] = image
            for repository in sorted(_published(image)):
                self._publishers[repository].append(image)
            for declaration in image.declarations:
                self._targets.setdefault((declaration.place.path, declaration.name), image.name)
        self._homeless = _Homeless(image for image in fleet.images if _is_homeless(image))
        self._prefix = self._common_prefix(inputs)

    def base(self, image: Image, found: BaseInput) -> Matched:
        """What ``image`` builds on at one place of its Dockerfile."""
        text = found.reference
        if text == SCRATCH:
            return Matched(Base(text, "scratch", found.line, None, found.via))
        reference = parsed_reference(text)
        match = self._match(image, reference) if reference else self._target(image, text)
        shown = str(reference) if reference else text
        if match is None:
            return Matched(Base(shown, "external", found.line, None, found.via))
        return Matched(Base(shown, "fleet", found.line, match.image, found.via), match.assumed)

    def _target(self, image: Image, text: str) -> _Match | None:
        """The image that another declaration of the same file calls by the name after ``target:``."""
        if not text.startswith(_TARGET):
            return None
        paths = (declaration.place.path for declaration in image.declarations)
        found = (self._targets.get((path, text.removeprefix(_TARGET))) for path in paths)
        return next((_Match(name) for name in found if name is not None), None)

    def _match(self, image: Image, reference: Reference) -> _Match | None:
        publishers = self._publishers.get(reference.name, ())
        if publishers:
            return self._by_repository(publishers, image, reference)
        if reference.digest is not None:
            return None
        if reference.name.startswith(_LIBRARY):
            return self._by_name(image, reference)
        return self._by_last_component(image, reference)

    def _by_repository(
        self, publishers: Sequence[Image], image: Image, reference: Reference
    ) -> _Match | None:
        """The only publisher; of several, or when it is derived from that very repository, the tag decides.

        An image that names its own repository builds on what was there before, which is nothing of the fleet.
        """
        found = list(publishers)
        if len(found) > 1 or reference.name in self._asked[found[0].name]:
            found = [other for other in found if reference.tag in _tags_in(other, reference.name)]
        if len(found) != 1 or found[0].name == image.name:
            return None
        return _Match(found[0].name)

    def _by_name(self, image: Image, reference: Reference) -> _Match | None:
        other = self._named.get(reference.name.removeprefix(_LIBRARY))
        if other is None or not self._may_be(other, image, reference):
            return None
        if reference.tag not in (None, "latest", other.tag, *other.tags):
            return None
        return _Match(other.name, assumed=other.declarations[0].kind != "shipway")

    def _by_last_component(self, image: Image, reference: Reference) -> _Match | None:
        prefix, _, last = reference.name.rpartition("/")
        other = self._homeless.find(last)
        if other is None or prefix != self._prefix or not self._may_be(other, image, reference):
            return None
        return _Match(other.name, assumed=True)

    def _may_be(self, other: Image, image: Image, reference: Reference) -> bool:
        """An image that itself builds on the reference is derived from it, so it cannot be it."""
        return other.name != image.name and reference.name not in self._asked[other.name]

    def _common_prefix(self, inputs: Mapping[str, Iterable[BaseInput]]) -> str | None:
        """What stands before the last component of the references that may be images of the fleet."""
        images: dict[str, set[str]] = defaultdict(set)
        for name, found in inputs.items():
            for repository in _repositories_of(found) - self._publishers.keys():
                prefix, _, last = repository.rpartition("/")
                other = self._homeless.find(last)
                if other is None or repository.startswith(_LIBRARY) or other.name == name:
                    continue
                if repository not in self._asked[other.name]:
                    images[prefix].add(other.name)
        most = max(map(len, images.values()), default=0)
        leading = [prefix for prefix, names in images.items() if len(names) == most]
        return leading[0] if len(leading) == 1 else None


class _Homeless:
    """Images that no file tells a repository of, by name, else by directory, where that is unique."""

    def __init__(self, images: Iterable[Image]) -> None:
        self._names: dict[str, Image] = {}
        self._directories: dict[str, list[Image]] = defaultdict(list)
        for image in images:
            self._names[image.name] = image
            directory = posixpath.dirname(image.inputs.dockerfile)
            self._directories[posixpath.basename(directory)].append(image)

    def find(self, word: str) -> Image | None:
        alike = self._directories.get(word, ())
        return self._names.get(word) or (alike[0] if len(alike) == 1 else None)


def _tags_in(image: Image, repository: str) -> frozenset[str | None]:
    """The tags an image is published with in ``repository``."""
    texts = (text for declaration in image.declarations for text in declaration.references)
    tags = {found.tag for text in texts if (found := parsed_reference(text)) and found.name == repository}
    own = (image.tag, *image.tags) if image.repository == repository else ()
    return frozenset((*tags, *own))


def _published(image: Image) -> frozenset[str]:
    """Every repository that the image is published in, by any declaration."""
    own = parsed_reference(image.repository) if image.repository else None
    declared = (name for declaration in image.declarations for name in repositories(declaration))
    return frozenset((*declared, *((own.name,) if own else ())))


def _is_homeless(image: Image) -> bool:
    return all(repository.startswith(_LIBRARY) for repository in _published(image))


def _repositories_of(found: Iterable[BaseInput]) -> frozenset[str]:
    references = (parsed_reference(base.reference) for base in found)
    return frozenset(reference.name for reference in references if reference)


@lru_cache(maxsize=4096)
def parsed_reference(text: str) -> Reference | None:
    """The reference in ``text``; None for ``target:`` and ``oci-layout:`` links, and what is no reference."""
    if text.startswith(_LINKS):
        return None
    try:
        return Reference.parse(text)
    except InvalidValue:
        return None
