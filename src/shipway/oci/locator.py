"""Where images are: a repository of a registry, an OCI layout, or a docker archive, in one notation.

``REGISTRY/REPOSITORY[:TAG][@DIGEST]`` (``docker://`` before it is ignored), ``oci:DIRECTORY[:NAME]`` and
``docker-archive:FILE[:REFERENCE]``, as skopeo writes them (containers-transports(5)).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

from shipway.errors import InvalidValue
from shipway.values import Digest, Reference

LocatorKind = Literal["registry", "oci", "docker-archive"]
_FILES: tuple[tuple[str, LocatorKind], ...] = (("oci:", "oci"), ("docker-archive:", "docker-archive"))


@dataclass(frozen=True, slots=True)
class Locator:
    """One image, or all of a place where ``name`` and ``digest`` are None.

    ``place`` is ``REGISTRY/REPOSITORY`` or a path; ``name`` a tag of a repository, or what a layout or an
    archive calls the image.
    """

    kind: LocatorKind
    place: str
    name: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise InvalidValue unless ``text`` is one of the three."""
        for prefix, kind in _FILES:
            if text.startswith(prefix):
                return cls._of_file(kind, text.removeprefix(prefix), text)
        return cls.of(Reference.parse(text.removeprefix("docker://")))

    @classmethod
    def _of_file(cls, kind: LocatorKind, rest: str, text: str) -> Self:
        place, at, digest = rest.rpartition("@sha256:")
        if at:
            return cls(kind, place, digest=Digest.parse(f"sha256:{digest}"))
        place, _, name = rest.partition(":")
        if not place:
            raise InvalidValue(f"{text!r} names no file", help=f"write {kind}:PATH or {kind}:PATH:NAME")
        return cls(kind, place, name or None)

    @classmethod
    def of(cls, reference: Reference) -> Self:
        """The locator of an image in a registry."""
        return cls("registry", reference.name, reference.tag, reference.digest)

    @property
    def reference(self) -> Reference:
        """The reference, for a registry. Raises InvalidValue where the place or the name is none."""
        repository = Reference.parse(self.place)
        tagged = repository.with_tag(self.name) if self.name else repository
        return replace(tagged, digest=self.digest)

    @property
    def tag(self) -> str | None:
        """The tag of the image, also where its name is a whole reference."""
        if self.name is None or not {"/", ":"} & set(self.name):
            return self.name
        return Reference.parse(self.name).tag

    @property
    def title(self) -> str:
        """The image without where it is: the last part of its repository, or of the path."""
        if self.kind != "registry" and self.name and {"/", ":"} & set(self.name):
            return Reference.parse(self.name).repository.rpartition("/")[2]
        stem = self.place.rstrip("/").rpartition("/")[2]
        return stem.removesuffix(".tar") if self.kind == "docker-archive" else stem

    def at(self, name: str | None, digest: Digest | None = None) -> Self:
        """Another image of the same place."""
        return replace(self, name=name, digest=digest)

    def __str__(self) -> str:
        prefix = "" if self.kind == "registry" else f"{self.kind}:"
        name = f":{self.name}" if self.name else ""
        return f"{prefix}{self.place}{name}{f'@{self.digest}' if self.digest else ''}"
