"""Image references in YAML: Compose, Kubernetes, Helm values, Kustomize, Skaffold, and their like.

One walk serves them all, since they agree: ``image`` is a reference, ``repository`` beside a tag is one
without it, and Kustomize's ``images`` have a ``name`` and a ``newName``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from shipway.checks.references.mention import Harvest, Mention, Where
from shipway.document import Node, parse_all
from shipway.errors import ConfigError
from shipway.spans import Piece, Text, documents, part, words

_COMPOSE = re.compile(r"[^/]*compose[^/]*\.ya?ml\Z")
_SKAFFOLD = re.compile(r"[^/]*skaffold[^/]*\.ya?ml\Z")
_KUSTOMIZE = re.compile(r"kustomization\.ya?ml\Z|Kustomization\Z")
_IMAGE_LINE = re.compile(
    r"^[ \t]*(?:-[ \t]+)*image:[ \t]+(['\"]?)(?P<text>[^'\"#\r\n]+?)\1[ \t]*(?:#[^\r\n]*)?$", re.M
)
_BESIDE_REPOSITORY = ("tag", "registry", "digest", "pullPolicy")
_LISTS = ("tags", "cache_from", "cache_to", "cache-from")


def kind_of(path: str) -> Where:
    """What a YAML file is by its name; manifests of Kubernetes and values of Helm look alike."""
    name = posixpath.basename(path)
    if _COMPOSE.match(name):
        return "compose"
    if _SKAFFOLD.match(name):
        return "skaffold"
    if _KUSTOMIZE.match(name):
        return "kustomize"
    return "helm" if name.startswith("values") else "kubernetes"


def read_yaml(data: bytes, path: str, interesting: re.Pattern[bytes] | None = None) -> Harvest:
    """The references in a YAML file, of its documents those that contain something ``interesting``.

    Raises ConfigError when it is neither YAML nor a template.
    """
    found = Harvest.empty()
    for text, chunk in documents(data, path):
        if interesting is None or interesting.search(chunk):
            try:
                walk = Walk(text, kind_of(path), found)
                for root in parse_all(text.text, path):
                    walk.node(root)
            except ConfigError:
                if b"{{" not in data:
                    raise
                read_template(text, kind_of(path), found)
    return found


def read_template(text: Text, where: Where, found: Harvest) -> None:
    """The lines ``image: …`` of a template that is no YAML until it is filled in."""
    for match in _IMAGE_LINE.finditer(text.text):
        found.add("helm" if where == "kubernetes" else where, text.piece(match.start("text"), match["text"]))


class Walk:
    """Goes through the documents of one file; a node that aliases share is looked at once."""

    def __init__(self, text: Text, where: Where, found: Harvest) -> None:
        self.text = text
        self.where = where
        self.found = found
        self._seen: set[int] = set()

    def node(self, node: Node) -> None:
        """Look at a node and at everything below it."""
        pending = [node]
        while pending:
            each = pending.pop()
            if id(each) in self._seen:
                continue
            self._seen.add(id(each))
            if each.is_mapping:
                self.mapping(each)
            pending.extend(reversed([*each.sequence, *each.mapping.values()]))

    def mapping(self, node: Node) -> None:
        """The references that stand directly in a mapping."""
        for key, value in node.mapping.items():
            if key == "image" and isinstance(value.value, str):
                self._add(self.text.scalar(value))
            elif key == "repository" and isinstance(value.value, str):
                self._repository(node, value)
            elif key == "images" and self.where == "kustomize":
                self._kustomize(value)
            elif key == "build" and self.where == "compose":
                self._build(value)

    def _add(self, piece: Piece) -> None:
        self.found.add(self.where, piece)

    def _repository(self, node: Node, value: Node) -> None:
        """Helm's ``repository``, alone or behind a ``registry``."""
        if not any(key in node.mapping for key in _BESIDE_REPOSITORY):
            return
        registry = node.get("registry")
        if registry is None or not isinstance(registry.value, str) or not registry.value:
            self._add(self.text.scalar(value))
            return
        pieces = (self.text.scalar(registry), self.text.scalar(value))
        if all(piece.text and not set("${} ") & set(piece.text) for piece in pieces):
            self.found.mentions.append(Mention("helm", pieces))

    def _kustomize(self, images: Node) -> None:
        for item in images.sequence:
            for key in ("name", "newName"):
                value = item.get(key)
                if value is not None and isinstance(value.value, str):
                    self._add(self.text.scalar(value))

    def _build(self, build: Node) -> None:
        """What Compose's ``build`` names besides files."""
        for name, piece in pairs(self.text, build.get("args")):
            self.found.define(self.where, name, piece)
        for key in _LISTS:
            listed = build.get(key)
            for item in listed.sequence if listed is not None else []:
                for piece in self.text.lines(item):
                    self._words(piece)
        for _, piece in pairs(self.text, build.get("additional_contexts")):
            self.image_url(piece)

    def image_url(self, piece: Piece) -> None:
        """A reference behind ``docker-image://`` or ``docker://``."""
        for scheme in ("docker-image://", "docker://"):
            if piece.text.startswith(scheme):
                self._add(part(piece, len(scheme), len(piece.text) - len(scheme)))

    def _words(self, piece: Piece) -> None:
        for word in words(piece):
            if "/" in word.text:
                self._add(word)


def pairs(text: Text, node: Node | None) -> Iterator[tuple[str, Piece]]:
    """Names and values of a mapping, or of a list or block of ``NAME=value``."""
    if node is None:
        return
    for name, value in node.mapping.items():
        if isinstance(value.value, str):
            yield name, text.scalar(value)
    lines = [line for item in node.sequence if isinstance(item.value, str) for line in text.lines(item)]
    if isinstance(node.value, str):
        lines = list(text.lines(node))
    for line in lines:
        name, equals, rest = line.text.strip().partition("=")
        if equals and rest:
            at = line.text.index("=") + 1
            yield name, part(line, at, len(line.text) - at)
