"""Which repository the markers of a policy stand for: ImagePolicy -> ImageRepository -> ``spec.image``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from shipway.document import Node, parse_all
from shipway.errors import ConfigError, InvalidValue
from shipway.gitops.edits.marker import Marker
from shipway.values import Reference

_Key = tuple[str, str]
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Owners:
    """The repositories that policies choose tags of, by namespace and name. An object whose file leaves its
    namespace open, for Kustomize to set, has the namespace ``""`` here."""

    _images: Mapping[_Key, str] = field(default_factory=dict)
    _policies: Mapping[_Key, _Key] = field(default_factory=dict)

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> Owners:
        """From every file that declares some of them; files that cannot be parsed tell nothing."""
        images: dict[_Key, str] = {}
        policies: dict[_Key, _Key] = {}
        for path, data in files.items():
            for root in _objects(data, path):
                key = _text(root, "metadata", "namespace"), _text(root, "metadata", "name")
                kind = _text(root, "kind")
                if kind == "ImageRepository":
                    images[key] = _text(root, "spec", "image")
                elif kind == "ImagePolicy":
                    at = ("spec", "imageRepositoryRef")
                    policies[key] = _text(root, *at, "namespace") or key[0], _text(root, *at, "name")
        return cls(images, policies)

    def owns(self, marker: Marker, repository: Reference) -> bool:
        """Whether a marker's policy is about ``repository``."""
        policy = _open(self._policies, marker.policy)
        image = _open(self._images, policy) if policy is not None else None
        return image is not None and _is(image, repository)

    def policies_of(self, repository: Reference) -> frozenset[_Key]:
        """The policies about ``repository``."""
        return frozenset(
            key
            for key, at in self._policies.items()
            if (image := _open(self._images, at)) is not None and _is(image, repository)
        )


def _objects(data: bytes, path: str) -> Iterator[Node]:
    try:
        for root in parse_all(data, path):
            items = root.get("items")
            yield from items.sequence if items is not None and _text(root, "kind") == "List" else [root]
    except ConfigError:
        return


def _text(node: Node, *path: str) -> str:
    found = node.get(*path)
    return (found.text or "") if found is not None else ""


def _open(known: Mapping[_Key, _V], key: _Key) -> _V | None:
    """What is known by a key, else by its name in a namespace that was left open."""
    return known.get(key) or known.get(("", key[1]))


def _is(image: str, repository: Reference) -> bool:
    try:
        return Reference.parse(image).name == repository.name
    except InvalidValue:
        return False
