"""Flux's objects of image automation as the files of a repository declare them.

``image.toolkit.fluxcd.io`` of any version: v1, v1beta2 and v1beta1 (and the alphas before) have the same
fields for what is read here. Values that are filled in later (``${VAR}``, ``{{ … }}``) are left open, never
guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from shipway.document import Node, parse_all
from shipway.errors import ConfigError, InvalidValue, ShipwayError
from shipway.gitops.edits.hold import UNTIL
from shipway.gitops.edits.marker import KEY
from shipway.gitops.edits.places import ImagePlace, find_places
from shipway.gitops.markers import Written, written_markers
from shipway.gitops.policy import EXCLUDED_BY_DEFAULT, TagPolicy
from shipway.gitops.transforms import Transform, Transforms
from shipway.place import Place
from shipway.spans import Piece, Text, documents
from shipway.values import Reference

IMAGE_API = "image.toolkit.fluxcd.io"
_KINDS = re.compile(
    rb"kind:[ \t]*[\"']?(?:ImageRepository|ImagePolicy|ImageUpdateAutomation|GitRepository|Kustomization)\b"
)
_OPEN = re.compile(r"\$\{[A-Z_][A-Z0-9_]*(?:[:=-][^}]*)?\}|\{\{")
# of several kinds the first one is used
_POLICY_KINDS = ("semver", "alphabetical", "numerical")


@dataclass(frozen=True, slots=True)
class Title:
    """What every object has. ``namespace`` is ``""`` where its file leaves it open; ``transform`` is what
    Kustomize and Flux change of it before it gets into a cluster. ``place`` is that of its name."""

    namespace: str
    name: str
    place: Place
    labels: Mapping[str, str]
    transform: Transform

    def may_be(self, namespace: str, name: str) -> bool:
        """Whether the object may get into the cluster under this name."""
        if is_open(self.name) or self.transform.renames:
            return True
        return self.name == name and self.may_be_in(namespace)

    def may_be_in(self, namespace: str) -> bool:
        """Whether the object may get into this namespace."""
        if self.transform.namespaces:
            return namespace in self.transform.namespaces or any(map(is_open, self.transform.namespaces))
        return self.namespace in ("", namespace) or is_open(self.namespace)

    def is_in(self, namespace: str) -> bool:
        """Whether the object surely gets into this namespace."""
        return namespace in (self.transform.namespaces or {self.namespace})


@dataclass(frozen=True, slots=True)
class ImageRepository:
    """``spec.image`` and ``spec.exclusionList``, which has a default."""

    title: Title
    image: str
    exclusions: tuple[str, ...] = EXCLUDED_BY_DEFAULT

    @property
    def reference(self) -> Reference | None:
        """The repository; None where it is no reference, or filled in later."""
        try:
            return None if is_open(self.image) else Reference.parse(self.image)
        except InvalidValue:
            return None


@dataclass(frozen=True, slots=True)
class ImagePolicy:
    """``policy`` is None where it is filled in later, or refused: then ``error`` tells why.

    ``repository`` is the namespace and name of the ImageRepository. ``scalars`` are the values as they stand:
    kind (the key), order, range, pattern, extract, interval. ``held`` tells that the policy is pinned to one
    tag for a while, by ``shipway rollback --hold``.
    """

    title: Title
    repository: tuple[str, str]
    policy: TagPolicy | None
    error: ShipwayError | None
    reflection: str
    scalars: Mapping[str, Piece]
    held: bool = False

    @property
    def is_patched(self) -> bool:
        """Whether a kustomization changes what the file says."""
        return "ImagePolicy" in self.title.transform.patched

    def at(self, name: str) -> Place:
        """Where a value stands, the name of the object where there is no such value."""
        return self.scalars[name].place if name in self.scalars else self.title.place


@dataclass(frozen=True, slots=True)
class ImageUpdateAutomation:
    """``path`` is ``spec.update.path`` relative to the repository, ``""`` for all of it. ``selector`` is
    ``spec.policySelector``, None for every policy of the namespace."""

    title: Title
    path: str
    selector: Mapping[str, object] | None = None

    def writes(self, path: str) -> bool:
        """Whether a file lies where markers are looked for, or may: by a path that is filled in later."""
        if is_open(self.path) or "ImageUpdateAutomation" in self.title.transform.patched:
            return True
        return not self.path or path == self.path or path.startswith(f"{self.path}/")


@dataclass(frozen=True)
class Flux:
    """What a repository has of image automation, in the order of its files.

    ``written`` are all markers, also those that nobody reads; ``places`` the values that have one which is
    read. ``unread`` are files that may hold more objects and cannot be parsed.
    """

    repositories: tuple[ImageRepository, ...] = ()
    policies: tuple[ImagePolicy, ...] = ()
    automations: tuple[ImageUpdateAutomation, ...] = ()
    written: tuple[Written, ...] = ()
    places: tuple[ImagePlace, ...] = ()
    unread: tuple[ConfigError, ...] = field(default=())

    def repository_of(self, policy: ImagePolicy) -> ImageRepository | None:
        """The repository whose tags a policy picks from; None where no file, or more than one, has it."""
        found = [each for each in self._named.get(policy.repository[1], ()) if _belongs(each, policy)]
        return found[0] if len(found) == 1 else None

    def complete(self, policy: ImagePolicy) -> TagPolicy | None:
        """The policy with the exclusions of its repository, Flux's default where that is not here."""
        if policy.policy is None:
            return None
        repository = self.repository_of(policy)
        return replace(policy.policy, exclusions=repository.exclusions if repository else EXCLUDED_BY_DEFAULT)

    def policies_called(self, namespace: str, name: str) -> list[ImagePolicy]:
        """The policies that may be meant by a marker."""
        return [each for each in self.policies if each.title.may_be(namespace, name)]

    @cached_property
    def _named(self) -> Mapping[str, list[ImageRepository]]:
        found: dict[str, list[ImageRepository]] = {}
        for each in self.repositories:
            found.setdefault(each.title.name, []).append(each)
        return found


def is_open(text: str) -> bool:
    """Whether a value is filled in later: by Flux's post-build substitution, or by a template."""
    return _OPEN.search(text) is not None


def concerns_flux(data: bytes) -> bool:
    """Whether a file has to do with image automation: objects, or markers."""
    return IMAGE_API.encode() in data or KEY.encode() in data or _is_kustomization(data)


def _is_kustomization(data: bytes) -> bool:
    return b"kustomize.toolkit.fluxcd.io" in data


def read_flux(
    files: Mapping[str, bytes], paths: Iterable[str] = (), read: Callable[[str], bytes] | None = None
) -> Flux:
    """The objects and markers of ``files``, those that ``concerns_flux``.

    ``paths`` are all files of the repository and ``read`` gives their bytes: by them it is known what
    Kustomize makes of the objects. Nothing more is read when there are neither policies nor markers.
    """
    concerned = {path: data for path, data in files.items() if _has_images(data)}
    if not concerned:
        return Flux()
    reader = _Reader(Transforms.of(_kustomizations(files), paths, read))
    for path in sorted(concerned):
        reader.file(path, concerned[path])
    return reader.flux()


def _has_images(data: bytes) -> bool:
    return IMAGE_API.encode() in data or KEY.encode() in data


def _kustomizations(files: Mapping[str, bytes]) -> Iterator[Node]:
    for path, data in files.items():
        if _is_kustomization(data):
            try:
                yield from (each for each in parse_all(data, path) if _raw(each, "kind") == "Kustomization")
            except ConfigError:
                continue  # a template, or broken: nobody applies it as it stands


class _Reader:
    def __init__(self, transforms: Transforms) -> None:
        self._transforms = transforms
        self._repositories: list[ImageRepository] = []
        self._policies: list[ImagePolicy] = []
        self._automations: list[ImageUpdateAutomation] = []
        self._written: list[Written] = []
        self._places: list[ImagePlace] = []
        self._unread: list[ConfigError] = []

    def flux(self) -> Flux:
        return Flux(
            tuple(self._repositories),
            tuple(self._policies),
            tuple(self._automations),
            tuple(self._written),
            tuple(self._places),
            tuple(self._unread),
        )

    def file(self, path: str, data: bytes) -> None:
        if KEY.encode() in data:
            self._written += written_markers(data, path)
        try:
            if KEY.encode() in data:
                self._places += [each for each in find_places(data, path) if each.marker is not None]
            if _KINDS.search(data):
                for text, _ in documents(data, path):
                    for root in parse_all(text.text, path):
                        self._root(text, root)
        except ConfigError as error:
            self._unread.append(error)

    def _root(self, text: Text, root: Node) -> None:
        if _raw(root, "kind") == "List":
            for item in _items(root, "items"):
                self._root(text, item)
        elif _raw(root, "apiVersion").startswith(f"{IMAGE_API}/"):
            title = self._title(text, root)
            match _raw(root, "kind"):
                case "ImageRepository":
                    self._repositories.append(_repository(title, root))
                case "ImagePolicy":
                    self._policies.append(_policy(title, text, root))
                case "ImageUpdateAutomation":
                    self._automations.append(_automation(title, root))

    def _title(self, text: Text, root: Node) -> Title:
        name = root.get("metadata", "name")
        labels = root.get("metadata", "labels")
        return Title(
            _raw(root, "metadata", "namespace"),
            _raw(root, "metadata", "name"),
            _place(text, name or root),
            {key: value.raw for key, value in labels.mapping.items()} if labels is not None else {},
            self._transforms.of_file(text.path),
        )


# --- the single kinds -----------------------------------------------------------------------------


def _repository(title: Title, root: Node) -> ImageRepository:
    listed = root.get("spec", "exclusionList")
    exclusions = EXCLUDED_BY_DEFAULT if listed is None else tuple(each.raw for each in listed.sequence)
    return ImageRepository(title, _raw(root, "spec", "image"), exclusions)


def _policy(title: Title, text: Text, root: Node) -> ImagePolicy:
    namespace = _raw(root, "spec", "imageRepositoryRef", "namespace") or title.namespace
    scalars = dict(_scalars(text, root))
    policy, error = None, None
    if not any(is_open(piece.text) for piece in scalars.values()) and not _is_patch(root):
        try:
            policy = _tag_policy(root)
        except ShipwayError as caught:
            error = caught
    return ImagePolicy(
        title,
        (namespace, _raw(root, "spec", "imageRepositoryRef", "name")),
        policy,
        error,
        _raw(root, "spec", "digestReflectionPolicy") or "Never",
        scalars,
        root.get("metadata", "annotations", UNTIL) is not None,
    )


def _is_patch(root: Node) -> bool:
    """Whether the object is a patch of another one, or waits for one: by itself the API refuses it."""
    return root.get("spec", "policy") is None


def _tag_policy(root: Node) -> TagPolicy:
    kind, options = _choice(root)
    if kind is None or options is None:
        raise ConfigError(
            "the policy has no kind",
            help=f"spec.policy is one of {', '.join(_POLICY_KINDS)}, with its fields",
        )
    filters = root.get("spec", "filterTags")
    return TagPolicy.parse(
        kind,
        order=_optional(options, "order") if kind != "semver" else None,
        range=_optional(options, "range") if kind == "semver" else None,
        pattern=_optional(filters, "pattern"),
        extract=_optional(filters, "extract"),
    )


def _choice(root: Node) -> tuple[str | None, Node | None]:
    policy = root.get("spec", "policy")
    for kind in _POLICY_KINDS:
        options = policy.get(kind) if policy is not None else None
        if options is not None and options.is_mapping:
            return kind, options
    return None, None


def _scalars(text: Text, root: Node) -> Iterator[tuple[str, Piece]]:
    kind, options = _choice(root)
    policy = root.get("spec", "policy")
    if kind is not None and policy is not None and policy.keys is not None:
        yield "kind", text.piece(text.offset(policy.keys[kind]), kind)
    for name, holder in (
        ("order", options),
        ("range", options),
        ("pattern", root.get("spec", "filterTags")),
        ("extract", root.get("spec", "filterTags")),
        ("interval", root.get("spec")),
        ("digestReflectionPolicy", root.get("spec")),
    ):
        value = holder.get(name) if holder is not None else None
        if value is not None and not value.is_mapping and not value.is_sequence and value.value is not None:
            yield name, text.scalar(value)


def _automation(title: Title, root: Node) -> ImageUpdateAutomation:
    selector = root.get("spec", "policySelector")
    plain = selector.plain() if selector is not None else None
    path = _raw(root, "spec", "update", "path").removeprefix("./").strip("/")
    return ImageUpdateAutomation(
        title, "" if path == "." else path, plain if isinstance(plain, dict) and plain else None
    )


def _belongs(repository: ImageRepository, policy: ImagePolicy) -> bool:
    namespace = policy.repository[0]
    return not namespace or repository.title.may_be_in(namespace)


def _raw(node: Node, *path: str) -> str:
    found = node.get(*path)
    return found.raw if found is not None else ""


def _items(node: Node, key: str) -> list[Node]:
    found = node.get(key)
    return found.sequence if found is not None else []


def _optional(node: Node | None, key: str) -> str | None:
    found = node.get(key) if node is not None else None
    return found.raw if found is not None and found.value is not None else None


def _place(text: Text, node: Node) -> Place:
    return text.piece(text.offset(node.place), "").place
