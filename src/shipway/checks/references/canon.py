"""What references to the fleet's own images should say, and which of them say something else."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from shipway.checks.references.mention import Mention
from shipway.errors import InvalidValue
from shipway.fleet.discover.merge import repositories
from shipway.fleet.implied import default_repository
from shipway.fleet.model import Fleet, Image
from shipway.values import Reference

_HUB = "docker.io"
_LIBRARY = "docker.io/library"
# Registries that hold everybody's images: there a name alone does not tell whose image it is.
_PUBLIC = frozenset(
    {
        "docker.io",
        "gcr.io",
        "ghcr.io",
        "k8s.gcr.io",
        "lscr.io",
        "mcr.microsoft.com",
        "nvcr.io",
        "public.ecr.aws",
        "quay.io",
        "registry.access.redhat.com",
        "registry.gitlab.com",
        "registry.k8s.io",
        "registry.redhat.io",
        "docker.elastic.co",
    }
)


def normal(name: str) -> str | None:
    """``registry/repository`` in canonical form; None for what is no repository."""
    try:
        return Reference.parse(name).name
    except InvalidValue:
        return None


def normal_prefix(prefix: str) -> str:
    """A registry and path in canonical form: ``acme`` is ``docker.io/acme``, a host stays a host."""
    return Reference.parse(f"{prefix}/image").name.removesuffix("/image")


@dataclass(frozen=True, slots=True)
class Drift:
    """What a repository should be called. ``declared``: the fleet file tells that both are the same."""

    name: str
    target: str
    declared: bool


@dataclass(frozen=True)
class Canon:
    """The canonical prefix and the names of the fleet's images below it.

    ``prefix`` is None where nothing tells it; ``origin`` is where it comes from: ``policies`` or
    ``registry`` of the fleet file, or the ``majority`` of the references. ``targets`` maps the last
    components of a reference to the repository that they stand for, ``own`` are all repositories that
    images of the fleet are published in. ``upstream`` are the bases of the image with those last
    components: they are not the image itself. ``together`` are prefixes that stand before two or more
    of the fleet's names.
    """

    prefix: str | None
    origin: Literal["policies", "registry", "majority"]
    targets: Mapping[str, str]
    own: frozenset[str]
    aliases: tuple[str, ...] = ()
    upstream: Mapping[str, frozenset[str]] = field(default_factory=dict)
    together: frozenset[str] = frozenset()

    def drift(self, written: str) -> Drift | None:
        """The right name for ``written``, None when it is right or no image of the fleet."""
        name = normal(written)
        if self.prefix is None or name is None or name in self.own:
            return None
        longest = max(
            (each for each in (self.prefix, *self.aliases) if under(name, each)), key=len, default=None
        )
        if longest == self.prefix:
            return None
        if longest is not None:
            rest = name[len(longest) + 1 :]
            return Drift(name, self.targets.get(rest, f"{self.prefix}/{rest}"), True)
        tail = tail_in(name, self.targets)
        if tail is None or not self._is_ours(name, tail):
            return None
        return Drift(name, self.targets[tail], False)

    def is_internal(self, name: str) -> bool:
        """Whether a repository in canonical form stands below the canonical prefix."""
        return self.prefix is not None and self.prefix not in (_HUB, _LIBRARY) and under(name, self.prefix)

    def is_reserved(self, name: str) -> bool:
        """Whether what stands below the canonical prefix can only come from the fleet: a prefix that was
        guessed may be that of a whole organisation."""
        if not self.is_internal(name) or self.prefix is None:
            return False
        return self.origin != "majority" or not _is_public(self.prefix) or self.prefix.count("/") > 1

    def publishes(self, name: str) -> bool:
        """Whether an image of the fleet is published, or expected, as ``name``."""
        return name in self.own or name in self.targets.values()

    def _is_ours(self, name: str, tail: str) -> bool:
        """Whether a repository elsewhere with the name of one of our images is likely meant to be it."""
        before = name.removesuffix(f"/{tail}")
        if before == _LIBRARY or name in self.upstream.get(tail, ()) or self.prefix is None:
            return False
        if self.origin == "majority" and _is_loopback(before):
            return False  # a registry that tests start
        if before in self.together or set(before.split("/")[1:]) & set(self.prefix.split("/")[1:]):
            return True
        return self.origin != "majority" and not _is_public(before)


def _is_public(prefix: str) -> bool:
    return prefix.partition("/")[0] in _PUBLIC


def _is_loopback(prefix: str) -> bool:
    return prefix.partition("/")[0].partition(":")[0] in ("localhost", "127.0.0.1")


def under(name: str, prefix: str) -> bool:
    """Whether ``name`` is below the registry or path ``prefix``."""
    return name.startswith(f"{prefix}/")


def tail_in(name: str, tails: Mapping[str, str]) -> str | None:
    """The longest of ``tails`` that ``name`` ends with, behind a registry at least."""
    components = name.split("/")[1:]
    candidates = ("/".join(components[start:]) for start in range(len(components)))
    return next((tail for tail in candidates if tail in tails), None)


def names_of(fleet: Fleet) -> frozenset[str]:
    """The last component of every reference to an image of the fleet."""
    return frozenset(_tail(image, ()).rpartition("/")[2] for image in fleet.images)


def canon_of(fleet: Fleet, mentions: Sequence[Mention]) -> Canon:
    """The canonical prefix of the fleet: as configured, else that of most references to its images."""
    own = frozenset(name for image in fleet.images for name in _published(image))
    policy = fleet.bases
    if policy.prefix is None:
        return _by_majority(fleet, mentions, own)
    prefix = normal_prefix(policy.prefix)
    registry = normal_prefix(fleet.registry) if fleet.registry else prefix
    tails = {image.name: _tail(image, (prefix, registry)) for image in fleet.images}
    targets = {
        tails[image.name]: _target(image, tails[image.name], prefix, registry) for image in fleet.images
    }
    delivered = frozenset(
        name for image in fleet.images if image.repository and (name := normal(image.repository))
    )
    return Canon(
        prefix,
        "registry" if fleet.registry == policy.prefix else "policies",
        targets,
        delivered | frozenset(targets.values()),
        tuple(map(normal_prefix, policy.aliases)),
        _upstream(fleet, tails),
        _together(mentions, targets),
    )


def _tail(image: Image, prefixes: Iterable[str]) -> str:
    """The last components by which an image is known: below its prefix all, else the last one."""
    name = normal(image.repository) if image.repository else None
    if name is None:
        return default_repository("example.com", image.name).removeprefix("example.com/")
    prefix = next((each for each in prefixes if under(name, each)), None)
    return name[len(prefix) + 1 :] if prefix else name.rpartition("/")[2]


def _target(image: Image, tail: str, prefix: str, registry: str) -> str:
    """An image with a repository outside of the registry stays there."""
    name = normal(image.repository) if image.repository else None
    if name is None or under(name, prefix) or under(name, registry):
        return f"{prefix}/{tail}"
    return name


def _published(image: Image) -> Iterator[str]:
    if image.repository and (name := normal(image.repository)):
        yield name
    for declaration in image.declarations:
        yield from repositories(declaration)


def _upstream(fleet: Fleet, tails: Mapping[str, str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for image in fleet.images:
        names = (normal(base.reference) for base in image.bases if base.image is None)
        found[tails[image.name]] = frozenset(name for name in names if name)
    return found


def _together(mentions: Iterable[Mention], targets: Mapping[str, str]) -> frozenset[str]:
    """Prefixes, other than Docker's own, that stand before two or more of the fleet's names."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, tail in _named(mentions, targets):
        found[name.removesuffix(f"/{tail}")].add(tail)
    return frozenset(prefix for prefix, tails in found.items() if len(tails) > 1 and prefix != _LIBRARY)


def _named(mentions: Iterable[Mention], targets: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for mention in mentions:
        for written in mention.names:
            name = normal(written)
            tail = tail_in(name, targets) if name else None
            if name and tail:
                yield name, tail


def _by_majority(fleet: Fleet, mentions: Sequence[Mention], own: frozenset[str]) -> Canon:
    """More than half of the references to the fleet's images, and at least two, agree on a prefix."""
    tails = {image.name: _tail(image, ()) for image in fleet.images}
    upstream = _upstream(fleet, tails)
    words = {tail: tail for tail in tails.values()}
    found = [
        name.removesuffix(f"/{tail}")
        for name, tail in _named(mentions, words)
        if not under(name, _LIBRARY) and name not in upstream.get(tail, ())
    ]
    counted = Counter(found).most_common(1)
    prefix, count = counted[0] if counted else (None, 0)
    if prefix is None or count < 2 or count * 2 <= len(found):
        return Canon(None, "majority", {}, own)
    targets = {tail: f"{prefix}/{tail}" for tail in words}
    return Canon(prefix, "majority", targets, own, (), upstream, _together(mentions, words))
