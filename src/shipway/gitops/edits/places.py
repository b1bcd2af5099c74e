"""Where image references stand in manifests: workloads, Helm values, Kustomize, Compose, and marked values.

Flux reads none of the shapes below, it only writes at markers; the shapes are those that Kubernetes,
Kustomize, Compose and the common Helm charts read (flux.md: where image values live).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from shipway.document import Node, parse_all
from shipway.errors import InvalidValue
from shipway.gitops.edits.marker import KEY, Marker, marker_above, marker_behind
from shipway.spans import Piece, Text, documents
from shipway.values import Reference

_TAGS = ("tag", "version")
_NAMES = ("repository", "name")
# objects that tell Flux what to scan: their images are no deployment
_SCANNERS = frozenset({"ImageRepository", "ImagePolicy", "ImageUpdateAutomation", "OCIRepository"})


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """One reference of a file, whole or in parts.

    ``name`` is the repository as written, ``""`` where only a marker tells it. ``whole`` is a reference in
    one scalar, ``tag`` and ``digest`` are scalars of their own, and so are ``repository`` and ``registry``
    before it where they are known. ``object`` is kind, namespace and name of the object around it, ``field``
    the path in it. ``marker`` is the policy that owns it.
    """

    path: str
    line: int
    field: str
    object: str = ""
    name: str = ""
    whole: Piece | None = None
    tag: Piece | None = None
    digest: Piece | None = None
    marker: Marker | None = None
    repository: Piece | None = None
    registry: Piece | None = None

    @property
    def reference(self) -> Reference | None:
        """What stands there now; None where it is no reference (a template, an empty value)."""
        text = self.whole.text if self.whole else self.name
        if self.tag is not None and self.tag.text:
            text += f":{self.tag.text}"
        if self.digest is not None and self.digest.text:
            text = f"{text}@{self.digest.text}"
        try:
            return Reference.parse(text)
        except InvalidValue:
            return None

    def names(self, repository: Reference) -> bool:
        """Whether it is a reference into this repository."""
        try:
            return Reference.parse(self.name).name == repository.name
        except InvalidValue:
            return False


def find_places(data: bytes, path: str) -> tuple[ImagePlace, ...]:
    """Every reference in a YAML file, in the order of the file.

    Raises ConfigError when the file cannot be parsed (a Helm template, say).
    """
    found: dict[int, ImagePlace] = {}
    for text, _ in documents(data, path):
        for root in parse_all(text.text, path):
            for place in _Walk(text, _title(root)).places(root):
                piece = place.whole or place.tag or place.digest
                if piece is not None:
                    found.setdefault(piece.start, place)
    return tuple(found[start] for start in sorted(found))


def _title(root: Node) -> str:
    kind, name = root.get("kind"), root.get("metadata", "name")
    namespace = root.get("metadata", "namespace")
    if kind is None or name is None:
        return ""
    return f"{kind.raw} {namespace.raw + '/' if namespace else ''}{name.raw}"


class _Walk:
    """Goes through one document; what aliases share is looked at once, where it is written."""

    def __init__(self, text: Text, title: str) -> None:
        self._text = text
        self._title = title
        self._seen: set[int] = set()

    def places(self, root: Node) -> Iterator[ImagePlace]:
        if self._title.partition(" ")[0] in _SCANNERS:
            return
        for found in self._below(root, ""):
            yield replace(found, object=self._title)

    def _below(self, node: Node, field: str) -> Iterator[ImagePlace]:
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        if node.is_mapping:
            yield from self._mapping(node, field)
            for key, value in node.mapping.items():
                yield from self._below(value, f"{field}.{key}" if field else key)
        for index, item in enumerate(node.sequence):
            yield from self._below(item, f"{field}[{index}]")
        if node.text is not None and (marker := self._marker(node)) is not None:
            yield self._marked(node, field, marker)

    # --- shapes -----------------------------------------------------------------------------------

    def _mapping(self, node: Node, field: str) -> Iterator[ImagePlace]:
        yield from self._in_parts(node, field)
        for key, value in node.mapping.items():
            below = f"{field}.{key}" if field else key
            if key == "images" and value.is_sequence:
                for index, item in enumerate(value.sequence):
                    yield from self._kustomize(item, f"{below}[{index}]")
            elif _is_image_key(key, field) and isinstance(value.value, str):
                yield from self._whole(value, below)

    def _whole(self, value: Node, field: str) -> Iterator[ImagePlace]:
        piece = self._piece(value)
        name = name_of(piece.text)
        if name:
            yield ImagePlace(
                piece.place.path, piece.place.line, field, name=name, whole=piece, marker=self._marker(value)
            )

    def _in_parts(self, node: Node, field: str) -> Iterator[ImagePlace]:
        """``repository`` (or ``name``), with ``registry`` before it, ``tag`` (or ``version``), ``digest``."""
        tag, digest = _first(node, _TAGS), _scalar(node, "digest")
        name = _first(node, _NAMES if field.rpartition(".")[2].lower().endswith("image") else _NAMES[:1])
        if name is None or not name.raw or (tag is None and digest is None):
            return
        if "://" in name.raw:
            return  # where a chart comes from
        registry = _scalar(node, "registry")
        full = f"{registry.raw}/{name.raw}" if registry is not None and registry.raw else name.raw
        for place in self._parts(field, full, tag, digest):
            host = self._piece(registry) if registry is not None and registry.raw else None
            yield replace(place, repository=self._piece(name), registry=host)

    def _kustomize(self, item: Node, field: str) -> Iterator[ImagePlace]:
        """An entry of ``images``: ``newName`` or ``name``, ``newTag``, ``digest`` (kustomize ImageTag)."""
        name = _scalar(item, "newName") or _scalar(item, "name")
        tag, digest = _scalar(item, "newTag"), _scalar(item, "digest")
        if name is not None and name.raw and (tag is not None or digest is not None):
            yield from self._parts(field, name.raw, tag, digest)

    def _parts(self, field: str, name: str, tag: Node | None, digest: Node | None) -> Iterator[ImagePlace]:
        pieces = [self._piece(each) if each is not None else None for each in (tag, digest)]
        first = pieces[0] or pieces[1]
        if first is not None:
            marker = next((found for each in (tag, digest) if each and (found := self._marker(each))), None)
            where = first.place
            yield ImagePlace(
                where.path, where.line, field, name=name, tag=pieces[0], digest=pieces[1], marker=marker
            )

    # --- markers ----------------------------------------------------------------------------------

    def _marked(self, node: Node, field: str, marker: Marker) -> ImagePlace:
        """A value of whatever shape: its marker tells what it is."""
        piece = self._piece(node)
        place = ImagePlace(piece.place.path, piece.place.line, field, marker=marker)
        if marker.part == "tag":
            return replace(place, tag=piece)
        if marker.part == "digest":
            return replace(place, digest=piece)
        return replace(place, name=name_of(piece.text), whole=piece)

    def _marker(self, node: Node) -> Marker | None:
        if KEY not in self._text.text:
            return None
        start, end = self._text.extent(node)
        return marker_behind(self._text.text, end) or marker_above(self._text.text, start)

    def _piece(self, node: Node) -> Piece:
        """The only line of a scalar, also of a block; not exact where there are several."""
        lines = list(self._text.lines(node))
        return lines[0] if len(lines) == 1 else replace(self._text.scalar(node), exact=False)


def _is_image_key(key: str, field: str) -> bool:
    return key.lower().endswith("image") or (key == "reference" and field.endswith(".image"))


def _first(node: Node, keys: tuple[str, ...]) -> Node | None:
    return next((found for key in keys if (found := _scalar(node, key)) is not None), None)


def _scalar(node: Node, key: str) -> Node | None:
    """The scalar under ``key``, also an empty one; None for a mapping, a list, or no key."""
    found = node.get(key)
    return None if found is None or found.is_mapping or found.is_sequence else found


def name_of(text: str) -> str:
    """The repository part of a reference as written, ``""`` for what is no reference."""
    try:
        Reference.parse(text)
    except InvalidValue:
        return ""
    name = text.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name
