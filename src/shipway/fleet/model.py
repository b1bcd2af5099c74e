"""The fleet as values: images, the declarations they come from, and what could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from shipway.place import Place
from shipway.values import Duration, Platform

DeclarationKind = Literal["shipway", "compose", "bake", "workflow", "skaffold", "dockerfile"]
BaseKind = Literal["fleet", "external", "scratch"]

NOTHING: Mapping[str, str] = MappingProxyType({})
NO_PLACES: Mapping[str, Place] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read or resolved: a named fact, never a guess.

    ``kind`` is a stable word in kebab-case (``unresolved-variable``, ``missing-dockerfile`` …).
    """

    kind: str
    message: str
    place: Place


@dataclass(frozen=True, slots=True)
class BuildInputs:
    """What a build is told, whoever declared it.

    All paths are POSIX, relative to the repository root (``.`` is the root), already normalised; a path
    above the root keeps its leading ``..``. ``context`` may also be a Git or HTTP URL, or ``-`` for an
    empty context. ``dockerfile`` is relative to the repository root too, never to the context.
    ``inline`` is the Dockerfile's text where the declaration carries it (then ``dockerfile`` is the
    declaring file).

    ``args``: value None means "taken from the environment at build time".
    ``contexts``: named contexts; a value is a path, a URL, ``docker-image://REF``, ``oci-layout://PATH``,
    or ``target:NAME`` where NAME is another image of the same declaring file.
    ``secrets`` and ``ssh`` are in the form of buildx (``id=npm,src=…``, ``id=npm,env=…``, ``default``).
    ``secret_args`` names the args whose values never reach a log or a label.
    """

    dockerfile: str
    context: str
    target: str | None = None
    args: Mapping[str, str | None] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    platforms: tuple[Platform, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    secrets: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    inline: str | None = None
    secret_args: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Declaration:
    """One image as one file declares it.

    ``name`` is the name used there (Compose service, bake target, Skaffold artifact, job or matrix
    value of a workflow). ``references`` are the image references it is published as, the first one
    first, resolved as far as files tell; what stays unresolved is left out and reported as a Problem.
    ``templates`` are references whose tag is known only when a workflow runs, with its expressions in them.
    ``place`` is where the declaration starts, ``places`` where single values stand (``context``,
    ``dockerfile``, ``target`` …).
    """

    kind: DeclarationKind
    name: str
    place: Place
    inputs: BuildInputs
    references: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=lambda: NO_PLACES)
    templates: tuple[str, ...] = ()

    def place_of(self, field: str) -> Place:
        """Where the value of ``field`` comes from."""
        return self.places.get(field, self.place)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found in its files."""

    declarations: tuple[Declaration, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Base:
    """An image that a Dockerfile builds on or copies from, after expansion.

    ``reference`` is as it stands after expansion of ARGs, in canonical form where it can be parsed.
    ``image`` names the image of the fleet that publishes it, for kind ``fleet``.
    ``line`` is the line of the FROM, COPY or RUN; ``via`` tells which of them.
    """

    reference: str
    kind: BaseKind
    line: int
    image: str | None = None
    via: Literal["from", "copy", "mount", "context"] = "from"


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """Which tags of a repository ``shipway prune`` keeps. ``keep`` is the number of newest ones, ``match``
    and ``keep_tags`` are regular expressions, ``by`` is what the order is from; None for what is not told."""

    keep: int | None = None
    match: str | None = None
    older_than: Duration | None = None
    keep_tags: tuple[str, ...] = ()
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Attest:
    """What BuildKit is to attest about an image: provenance in mode ``min`` or ``max``, and an SBOM."""

    provenance: Literal["min", "max"] | None = None
    sbom: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """One thing to build and deliver.

    ``repository`` is ``registry/name`` without a tag, None where nothing tells it. ``tag`` is the literal
    tag or the tag scheme of the first delivery, ``tags`` are the secondary ones. ``root`` is the
    repository that the paths of ``inputs`` are relative to: ``""`` for the fleet's own, else the name of
    an entry of ``repositories``. The first declaration is the one that counts. ``retention`` is None where
    the fleet file says nothing about it. ``timeout`` is how long each step of a delivery may take,
    ``attest`` what a BuildKit adds to it. ``engine`` is what builds it, ``auto`` where that is left open.
    """

    name: str
    inputs: BuildInputs
    repository: str | None = None
    tag: str | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None
    version: str | None = None
    root: str = ""
    declarations: tuple[Declaration, ...] = ()
    bases: tuple[Base, ...] = ()
    retention: RetentionSettings | None = None
    timeout: Duration | None = None
    attest: Attest = Attest()
    engine: str = "auto"


@dataclass(frozen=True, slots=True)
class PortForward:
    """A service of a cluster, by its namespace; ``context`` is kubectl's, None for its current one."""

    namespace: str
    service: str
    port: int
    context: str | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """How a registry is reached: without TLS, without a look at its certificate, or with the authority in
    the file ``ca`` (relative to the root); and through a port-forward where ``forward`` tells of one."""

    plain_http: bool = False
    insecure: bool = False
    ca: str | None = None
    forward: PortForward | None = None


@dataclass(frozen=True, slots=True)
class BasePolicy:
    """What the fleet asks of base images. ``prefix`` is the registry and path of its own, None where the
    fleet file names none; ``aliases`` are other prefixes of the same images; ``allow`` are patterns of
    external images, empty for all. ``latest`` and ``unpinned`` are a severity or ``off``."""

    prefix: str | None = None
    aliases: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    latest: str = "warning"
    unpinned: str = "off"


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """What the fleet file says about rules, each named by its id or the beginning of one: those to ignore,
    and a severity (error, warning or info) for others. ``pattern`` are the files it is about, in the
    syntax of ignore files; empty for all. Names come with the places where they are written."""

    ignore: tuple[tuple[str, Place], ...] = ()
    severity: tuple[tuple[str, str, Place], ...] = ()
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """What the fleet file says about ``shipway check``: about all files, about some, and where known
    findings are listed (relative to the root)."""

    all: RuleSettings = RuleSettings()
    paths: tuple[RuleSettings, ...] = ()
    baseline: str | None = None


@dataclass(frozen=True, slots=True)
class BuilderSettings:
    """A builder as the fleet file declares it, and the platforms that it alone builds.

    ``engine`` is one of this machine, or ``buildkit``: at ``address``, or the builder of buildx of that
    name, or one that is made with ``driver``.
    The paths of TLS files are relative to the root; ``server_name`` is the name in BuildKit's certificate.
    """

    name: str
    engine: str
    platforms: tuple[Platform, ...]
    address: str | None = None
    buildx: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None
    driver: str | None = None

    @property
    def sees_loopback(self) -> bool:
        """Whether it reaches what listens on this machine's loopback."""
        return self.engine != "buildkit" or (self.address or "").startswith("unix://")


@dataclass(frozen=True, slots=True)
class Signing:
    """What the fleet file says about signatures: PEM files of keys, relative to the root, None where it names
    none. ``tags`` is whether signatures also go to the tags where cosign before version 3 looks."""

    key: str | None = None
    private_key: str | None = None
    tags: bool = True


@dataclass(frozen=True, slots=True)
class GitOpsRepository:
    """A repository that a cluster follows: a working copy (``path``, from the root) or a URL (``git``).
    ``branch`` is None for the usual one, ``directory`` ``""`` for all of it."""

    path: str | None = None
    git: str | None = None
    branch: str | None = None
    directory: str = ""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Every image of the fleet in the order of declaration, and every problem met on the way.

    ``roots`` maps the ``root`` of an image to the directory on this machine. ``registries`` tells how the
    registries that the fleet file names are reached, by host and port. ``engine`` is the one that the fleet
    file names, None where it leaves that open. ``atomic`` are the groups whose tags move together.
    ``builders`` are those that the fleet file declares, in its order; ``gitops`` is where to promote to.
    """

    images: tuple[Image, ...]
    problems: tuple[Problem, ...] = ()
    roots: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    registry: str | None = None
    source: str | None = None
    registries: Mapping[str, Access] = field(default_factory=dict)
    bases: BasePolicy = field(default_factory=BasePolicy)
    checks: CheckSettings = field(default_factory=CheckSettings)
    engine: str | None = None
    atomic: frozenset[str] = frozenset()
    builders: tuple[BuilderSettings, ...] = ()
    signing: Signing = Signing()
    gitops: tuple[GitOpsRepository, ...] = ()

    @property
    def authorities(self) -> Mapping[str, Path]:
        """For registries with an authority of their own, its file on this machine."""
        root = Path(self.roots.get("", "."))
        return {host: root / access.ca for host, access in self.registries.items() if access.ca is not None}

    def image(self, name: str) -> Image | None:
        """The image called ``name``."""
        return next((image for image in self.images if image.name == name), None)
