"""What Kustomize, and Flux's Kustomization, change of an object's name before it gets into a cluster."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shipway.document import Node, parse
from shipway.errors import ShipwayError

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_REACHES = ("resources", "bases", "components", "generators")
_RENAMES = ("namePrefix", "nameSuffix")
_LABELS = ("labels", "commonLabels")
_PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902")
_KINDS = ("ImagePolicy", "ImageRepository", "ImageUpdateAutomation")


@dataclass(frozen=True, slots=True)
class Transform:
    """``namespaces`` are all that an object is put into, empty where nothing changes its own. ``renames``
    and ``labels`` tell that its name, or its labels, are not what the file says. ``patched`` are the kinds
    of objects that patches change."""

    namespaces: frozenset[str] = frozenset()
    renames: bool = False
    labels: bool = False
    patched: frozenset[str] = frozenset()

    def plus(self, other: Transform) -> Transform:
        return Transform(
            self.namespaces | other.namespaces,
            self.renames or other.renames,
            self.labels or other.labels,
            self.patched | other.patched,
        )


UNCHANGED = Transform()


@dataclass(frozen=True, slots=True)
class Transforms:
    """By the paths of files."""

    _files: Mapping[str, Transform] = field(default_factory=dict)

    @classmethod
    def of(
        cls, objects: Iterable[Node], paths: Iterable[str], read: Callable[[str], bytes] | None
    ) -> Transforms:
        """``objects`` are Flux's Kustomizations; those of Kustomize are found among ``paths``."""
        tree = _Tree(tuple(paths), read)
        found: dict[str, Transform] = {}
        for transform, files in (*tree.kustomize(), *tree.flux(objects)):
            if transform != UNCHANGED:
                for path in files:
                    found[path] = found.get(path, UNCHANGED).plus(transform)
        return cls(found)

    def of_file(self, path: str) -> Transform:
        return self._files.get(path, UNCHANGED)


class _Tree:
    """The kustomizations of a repository, by their directories."""

    def __init__(self, paths: tuple[str, ...], read: Callable[[str], bytes] | None) -> None:
        self._paths = paths
        self._roots: dict[str, Node] = {}
        for path in paths:
            if posixpath.basename(path) in _NAMES and read is not None:
                try:
                    self._roots[posixpath.dirname(path)] = parse(read(path), path)
                except ShipwayError:
                    continue  # Kustomize refuses it too

    def kustomize(self) -> Iterator[tuple[Transform, Iterable[str]]]:
        for directory, root in self._roots.items():
            yield _of_kustomize(root), self._reached(directory, set())

    def flux(self, objects: Iterable[Node]) -> Iterator[tuple[Transform, Iterable[str]]]:
        for each in objects:
            spec = each.get("spec")
            if spec is None:
                continue
            transform = Transform(
                _texts(spec, "targetNamespace"),
                any(spec.get(key) is not None for key in _RENAMES),
                spec.get("commonMetadata", "labels") is not None,
                _patched(spec),
            )
            path = spec.get("path")
            if transform != UNCHANGED:
                directory = posixpath.normpath(path.raw.lstrip("/") or ".") if path is not None else "."
                yield transform, self._below("" if directory == "." else directory)

    def _below(self, directory: str) -> Iterable[str]:
        if directory in self._roots:
            return self._reached(directory, set())
        return [path for path in self._paths if not directory or path.startswith(f"{directory}/")]

    def _reached(self, directory: str, seen: set[str]) -> set[str]:
        """The files that the kustomization of a directory takes up."""
        root = self._roots.get(directory)
        if root is None or directory in seen:
            return set()
        seen.add(directory)
        found: set[str] = set()
        for key in _REACHES:
            listed = root.get(key)
            for item in listed.sequence if listed is not None else ():
                path = posixpath.normpath(posixpath.join(directory, item.raw))
                path = "" if path == "." else path
                found |= self._reached(path, seen) if path in self._roots else {path}
        return found


def _of_kustomize(root: Node) -> Transform:
    return Transform(
        _texts(root, "namespace"),
        any(root.get(key) is not None for key in _RENAMES),
        any(root.get(key) is not None for key in _LABELS),
        _patched(root),
    )


def _patched(node: Node) -> frozenset[str]:
    """The kinds that patches name, in their targets or in their text."""
    texts = [text for key in _PATCHES for text in _raws(node.get(key))]
    return frozenset(kind for kind in _KINDS if any(kind in text for text in texts))


def _raws(node: Node | None) -> Iterator[str]:
    if node is None:
        return
    yield node.raw
    for child in (*node.mapping.values(), *node.sequence):
        yield from _raws(child)


def _texts(node: Node, key: str) -> frozenset[str]:
    found = node.get(key)
    return frozenset({found.raw}) if found is not None and found.raw else frozenset()
