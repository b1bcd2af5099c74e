"""The doors between what Shipway decides and the world: small protocols, one per thing outside.

Adapters satisfy them, flows use them, fakes in ``shipway.testing`` stand in for them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from shipway.fleet.model import Attest
from shipway.gitops.kubernetes import Kind, Name, Object
from shipway.oci.locator import Locator
from shipway.oci.manifest import Descriptor, Manifest
from shipway.values import Digest, Platform, Reference

# --- clock, events ----------------------------------------------------------------------------


class Clock(Protocol):
    def now(self) -> datetime:
        """The time in UTC, with its zone."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run.

    ``kind`` is a stable dotted word (``run.started``, ``build.started``, ``push.verified`` …), ``image``
    the image it concerns, ``data`` JSON-like facts: numbers in bytes and seconds, digests as text.
    """

    kind: str
    image: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)


class Events(Protocol):
    def emit(self, event: Event) -> None:
        """Record the event durably, then show it."""

    def output(self, image: str, line: str) -> None:
        """Keep a line of build output in the log of this image, then show it."""


# --- host -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Completed:
    """A process that ended: its argument list, exit code (negative: the signal) and text output."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str


class Host(Protocol):
    """This machine: the only door to processes and the environment."""

    @property
    def environ(self) -> Mapping[str, str]: ...

    def which(self, program: str) -> str | None:
        """The path of a program, or None."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """Run a program to its end, in a process group that is killed on cancellation or time-out.

        ``env`` is added to the environment. ``on_line`` gets every line of standard output and standard
        error as it comes. Raises HostError when it cannot start or ``timeout`` (seconds) has passed.
        A non-zero exit code is not an error here.
        """

    def read_text(self, path: Path) -> str | None:
        """The text of a small file of the system, None when it is not there or may not be read."""

    def free_bytes(self, path: Path) -> int:
        """The space that is free on the disk of ``path``, or of its nearest directory that exists.

        Raises HostError when the system does not tell.
        """

    def run_sync(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """Run a short program that needs no watching, as ``run`` does.

        ``env`` is added to the environment, a value of None takes a variable away. Output that is not
        UTF-8 survives as surrogates, so that file names can be read from it.
        """


# --- engines ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One build of one platform.

    ``dockerfile`` is the exact text to build, its bases already pinned; ``ignore`` the text of the ignore
    file that governs ``context``, None for none. ``context`` is a directory, None for an empty context.
    ``contexts`` are named contexts (directory, or ``docker-image://REF``). ``args`` with their values;
    ``secret_args`` must not show up in output. Paths in ``contexts``, ``secrets`` and ``ssh`` are absolute.
    ``registries_plain`` are hosts reached over plain HTTP, ``registries_insecure`` those whose certificate is
    not checked, ``authorities`` the PEM files trusted for a host. ``bases`` are the images of the fleet that
    the Dockerfile takes, as they are pinned in it. ``epoch`` is SOURCE_DATE_EPOCH in seconds: the time of
    whatever the build makes, None for the time at which it does. ``cache_from`` and ``cache_to`` are caches
    of this image and platform alone, as buildx writes them. ``dockerfile_mode`` is the mode of the Dockerfile
    in its working copy, which tells the umask that the others were checked out with. Without ``cached``
    nothing of an earlier build is used. ``attest`` reaches
    builders that are a BuildKit.
    """

    name: str
    dockerfile: bytes
    context: Path | None
    platform: Platform
    ignore: bytes | None = None
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    secret_args: frozenset[str] = frozenset()
    registries_plain: frozenset[str] = frozenset()
    bases: frozenset[Reference] = frozenset()
    registries_insecure: frozenset[str] = frozenset()
    authorities: Mapping[str, Path] = field(default_factory=dict)
    epoch: int | None = None
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    dockerfile_mode: int = 0o644
    cached: bool = True
    attest: Attest = field(default_factory=Attest)


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """An engine that answers: ``name``, ``version``, and the platform it builds for natively."""

    name: str
    version: str
    native: Platform


@dataclass(frozen=True, slots=True)
class EngineTrust:
    """Which registries an engine pulls from: with TLS it trusts the system's authorities and those in
    ``certificates``, directories with ``<host>/*.crt``; ``plain`` are hosts, ``*.domains`` and networks
    (``127.0.0.0/8``) that it also reaches over plain HTTP and with any certificate; ``authorities`` are the
    PEM files that it trusts for a host beside these."""

    certificates: tuple[Path, ...] = ()
    plain: tuple[str, ...] = ()
    authorities: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EngineSurvey:
    """What an engine can do. ``storage`` is where it keeps images on this machine, None when it does not
    tell. ``takes_plain`` tells whether what a ``BuildRequest`` says about registries reaches it, ``advice``
    how to make it trust ``{registry}``. ``obstacle`` is what keeps RUN steps from starting,
    empty where nothing is known to."""

    info: EngineInfo
    trust: EngineTrust = field(default_factory=EngineTrust)
    storage: Path | None = None
    named_contexts: bool = True
    takes_plain: bool = True
    advice: str = ""
    obstacle: str = ""


class Engine(Protocol):
    """A program that builds images. Build output goes to ``on_line``, line by line, as it comes."""

    name: str

    async def probe(self) -> EngineInfo:
        """Raises EngineMissing with what to install or start when the engine cannot be used."""

    async def survey(self) -> EngineSurvey:
        """What this engine can do and whom it trusts. Raises as ``probe`` does."""

    async def build(self, request: BuildRequest, on_line: Callable[[str], None]) -> str:
        """Build, and return the name by which the engine knows the image, one of this build alone.

        Raises BuildFailed with the cause, DiskFull when the disk is full.
        """

    async def push(self, image_id: str, destination: Reference, on_line: Callable[[str], None]) -> None:
        """Push to a registry on loopback that speaks plain HTTP. Raises EngineError."""

    async def remove(self, image_id: str) -> None:
        """Forget the image; layers shared with other images stay, and so does the layer cache.

        Takes what ``build`` returned, or the reference of a base that a build pulled. Never raises.
        """


class Emulation(Protocol):
    """What runs programs of other processors on the machine of the engine."""

    async def lacks(self, platform: Platform) -> str | None:
        """Why programs of ``platform`` cannot run there; None when they can, or when nobody can tell."""


# --- builders ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Built:
    """One platform of an image that is built: its manifest, and by digest where it is. ``tool`` is what built
    it, with its version, such as ``buildah 1.28.2``. ``attestations`` are entries for an index, of
    manifests beside it that are about it."""

    descriptor: Descriptor
    at: Reference
    tool: str = ""
    attestations: tuple[Descriptor, ...] = ()


class Builder(Protocol):
    """Builds single platforms of images and leaves each one, by digest, in a registry.

    ``name`` is for people. ``bases_from`` tells where it takes the bases of the fleet from: the staging
    registry on this machine's loopback, or the repository that they were delivered to.
    """

    name: str
    bases_from: Literal["staging", "destination"]

    async def platforms(self) -> tuple[Platform, ...]:
        """What it builds, RUN included; its own platform first. Raises EngineMissing when it is of no use."""

    async def build(
        self,
        request: BuildRequest,
        staged: Reference,
        destination: Reference,
        on_line: Callable[[str], None],
    ) -> Built:
        """Build, and leave the manifest in one of two repositories: ``staged``, on loopback, or
        ``destination``, where the image is delivered to. It gets no tag there. A builder that takes its bases
        from the destination is given that twice, so that staging need not run.

        Raises BuildFailed with the cause, DiskFull, and what a registry refuses.
        """

    async def finish(self) -> None:
        """Nothing more will be built: give back what builds left behind. Never raises for want of order."""


# --- registry ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PushProof:
    """What an upload that was opened and cancelled showed.

    ``granted`` are the rights that the token names, None when it does not tell. ``misdirected`` is where
    the registry wrongly sends the upload on to, ``cancelled`` whether it took the cancellation.
    """

    granted: tuple[str, ...] | None = None
    misdirected: str | None = None
    cancelled: bool = True


class Registry(Protocol):
    """A client of OCI registries: the distribution API, whatever the host.

    A Reference names repository and tag or digest. Every method raises a RegistryError with its cause;
    whatever is read by digest is checked against it.
    """

    async def head(self, reference: Reference) -> Descriptor | None:
        """Media type, digest and size of a manifest; None when there is none."""

    async def manifest(self, reference: Reference) -> Manifest:
        """The manifest or index with its exact bytes. Raises NotFound."""

    async def put_manifest(self, reference: Reference, manifest: Manifest) -> Digest:
        """Put the exact bytes at the tag or digest of ``reference``."""

    async def has_blob(self, repository: Reference, digest: Digest) -> bool: ...

    async def blob(self, repository: Reference, descriptor: Descriptor) -> bytes:
        """A small blob (a config, at most 8 MiB), whole and checked."""

    def stream_blob(self, repository: Reference, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """A blob in pieces, checked against size and digest at its end."""

    async def put_blob(self, repository: Reference, data: bytes) -> Descriptor:
        """Upload a small blob unless it is there."""

    async def push_blob(
        self, repository: Reference, descriptor: Descriptor, body: Callable[[], AsyncIterator[bytes]]
    ) -> bool:
        """Make a blob of any size present: nothing, mounted from where this client put it before, or
        uploaded, where ``body`` is asked for its bytes, once for every try. True when bytes moved."""

    async def prove_push(self, repository: Reference) -> PushProof:
        """Open an upload and cancel it: raises what a push would, and leaves nothing behind."""

    async def copy_blob(self, source: Reference, descriptor: Descriptor, destination: Reference) -> bool:
        """Make the blob present at ``destination``: nothing, mounted, or streamed. True when bytes moved."""

    async def copy(self, source: Reference, destination: Reference) -> Descriptor:
        """Copy a manifest or index with all it needs, digest unchanged. A destination without a tag
        gets it by digest only."""

    async def tags(self, repository: Reference) -> list[str]:
        """All tags of a repository, sorted; empty when there is no such repository."""

    async def delete(self, reference: Reference) -> None:
        """Delete a manifest by digest, or a tag where the registry can."""

    async def delete_blob(self, repository: Reference, digest: Digest) -> None:
        """Take a blob that no manifest needs out of a repository; one that is not there is no error."""

    async def ping(self, registry: str) -> None:
        """Raises when ``registry`` does not answer as a registry."""

    async def close(self) -> None: ...


class Catalogued(Registry, Protocol):
    """A registry that may tell which repositories it has."""

    async def catalog(self, registry: str) -> list[str]:
        """The repositories of ``registry``, sorted. Raises NotFound, Denied or Unauthorized where it shows
        none: GHCR, Docker Hub and Quay.io have no catalog."""


# --- copies -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Copied:
    """One image that is where it should be. ``digest`` is what its new place holds; ``source_digest`` differs
    from it where only some platforms were chosen. ``manifests`` were put; of the blobs, so many were
    ``there``, ``mounted`` or ``moved`` (``bytes``); ``referrers`` are the signatures and other manifests
    about it that came along."""

    digest: Digest
    source_digest: Digest
    manifests: int = 0
    there: int = 0
    mounted: int = 0
    moved: int = 0
    bytes: int = 0
    referrers: int = 0


class Carrier(Protocol):
    """Copies images between registries, image layouts and docker archives."""

    async def names(self, place: Locator) -> list[str]:
        """The images of a place, without signatures and lists of referrers, sorted."""

    async def copy(
        self,
        source: Locator,
        destination: Locator,
        platforms: Sequence[Platform],
        on_line: Callable[[str], None],
    ) -> Copied:
        """Copy one image, all of it or ``platforms``, with what refers to it, and read it back.

        ``on_line`` hears of every blob. Raises NotFound, Mismatch, and what the two places refuse.
        """

    async def finish(self) -> None:
        """Write what is written at the end: the indexes of archives. Raises HostError."""


# --- retention --------------------------------------------------------------------------------


class Shelves(Registry, Protocol):
    """A registry whose repositories can be looked through."""

    async def listed_referrers(self, reference: Reference) -> list[Descriptor] | None:
        """What the referrers API lists for a digest; None where the registry has no such API."""


class Referring(Registry, Protocol):
    """A registry that tells what refers to a manifest, whether or not it has the API for that."""

    async def referrers(self, reference: Reference, artifact_type: str | None = None) -> list[Descriptor]:
        """What refers to the digest of ``reference``: from the API, else from the fallback tag."""


class Deleter(Protocol):
    """Takes tags and manifests out of one registry, through the interface that it has for that."""

    async def untag(self, reference: Reference, digest: Digest) -> None:
        """Take a tag away; the manifest that it names, and the other tags on it, stay.

        Raises Denied where the registry cannot do that, NotFound when there is no such tag.
        """

    async def remove(self, reference: Reference, tags: Sequence[str]) -> None:
        """Delete the manifest at the digest of ``reference``, which has these tags, and them with it.

        Raises NotFound when it is gone.
        """


# --- live preflight -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reached:
    """How a registry answers. ``base`` is scheme and host; ``time`` its clock; ``expires`` and ``issuer`` are
    those of its certificate, None and empty without TLS or behind a proxy. ``is_harbor`` tells whose API it
    has beside the distribution API."""

    base: str
    time: datetime | None = None
    expires: datetime | None = None
    issuer: str = ""
    is_harbor: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """The credentials that would be used. ``source`` is where they were found, empty when there are none;
    ``searched`` the places that had none, ``similar`` the hosts there whose name is close. ``expires`` is
    known for tokens that tell it."""

    source: str = ""
    username: str = ""
    searched: tuple[str, ...] = ()
    similar: tuple[str, ...] = ()
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """Storage of a project in bytes; ``limit`` is None when there is none."""

    used: int
    limit: int | None


class Inspector(Protocol):
    """Looks at registries and writes nothing. Every method raises a RegistryError with its ``reason``."""

    async def reach(self, registry: str, trust: EngineTrust | None = None) -> Reached:
        """See that ``registry`` answers as one and takes the credentials; as an engine with ``trust``
        sees it where that is given, without credentials."""

    async def account(self, reference: Reference) -> Account:
        """The credentials for a repository. Raises ConfigError for a broken credentials file."""

    async def prove_push(self, repository: Reference) -> PushProof:
        """See ``Registry.prove_push``."""

    async def platforms(self, reference: Reference) -> tuple[Platform, ...]:
        """The platforms that an image has. Raises NotFound."""

    async def quota(self, repository: Reference) -> Quota | None:
        """The quota of the Harbor project of ``repository``; None when Harbor does not tell."""

    async def is_immutable(self, reference: Reference) -> bool:
        """Whether the tag of ``reference`` exists in Harbor and may not be moved."""


# --- cluster ----------------------------------------------------------------------------------


class Cluster(Protocol):
    """The API of one Kubernetes cluster. Every method raises a ClusterError with its cause.

    ``name`` is what people call it: the kubeconfig context.
    """

    name: str

    async def version(self, kind: Kind) -> str | None:
        """The version of the API in which this kind is served, the preferred one; None where it is not."""

    async def get(self, name: Name) -> Object | None:
        """An object as it stands; None when there is none."""

    async def list(
        self, kind: Kind, namespace: str | None = None, *, fields: Mapping[str, str] | None = None
    ) -> Sequence[Object]:
        """The objects of a namespace, of all without one, that have these values in fields of the selectable
        ones (``metadata.name``, ``involvedObject.name`` …)."""

    async def merge_patch(self, name: Name, patch: Object) -> Object:
        """Change an object (RFC 7386), and what it then is. Conflicts are tried again, a few times."""

    def watch(self, kind: Kind, namespace: str | None = None) -> AsyncIterator[Mapping[Name, Object]]:
        """All objects as they stand now, and again after every change. What breaks on the way is taken up
        where it was, or listed anew; ClusterUnreachable when the cluster stays away."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ServedCertificate:
    """What a server presents over TLS, trusted or not. ``names`` are the DNS names and addresses that it is
    valid for, times are in UTC, ``fingerprint`` is the SHA-256 of its DER form in hex."""

    names: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime
    fingerprint: str


class Presented(Protocol):
    async def certificate(self, registry: str) -> ServedCertificate | None:
        """What ``registry`` (host and port) presents right now; None when nothing answers over TLS."""

    def read(self, pem: bytes) -> ServedCertificate:
        """The first certificate of a PEM file. Raises ValueError when there is none."""


# --- git --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Revision:
    """What a working copy holds. ``branch`` is None on a detached head; ``commit`` is full-length hex;
    ``time`` is the committer's time in UTC; ``dirty`` tells whether tracked files differ from it."""

    commit: str
    branch: str | None
    time: datetime
    dirty: bool
    remote: str | None = None


class WorkingCopy(Protocol):
    def revision(self, directory: Path) -> Revision | None:
        """The revision checked out at ``directory``; None outside git or before the first commit."""

    def tracked(self, directory: Path) -> frozenset[str] | None:
        """The files below ``directory`` that git tracks, relative to it (a submodule is one entry); None
        outside git. Raises GitError."""

    def ignore_rules(self, directory: Path, paths: Sequence[str]) -> Mapping[str, str]:
        """Of ``paths``, relative to ``directory``, those that git ignores, each with the line that says so
        (``.gitignore:3: dist/``). Raises GitError."""


class History(WorkingCopy, Protocol):
    """A working copy whose past can be asked."""

    def has_commit(self, directory: Path, commit: str) -> bool | None:
        """Whether the repository at ``directory`` has a commit; None outside git, and where the history is
        cut short, so that nobody can tell."""

    def content(self, directory: Path, commit: str, path: str) -> bytes | None:
        """The bytes of the file ``path``, relative to ``directory``, in a commit; None when it has none."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch that promotions go to. ``title`` is how people call its repository, ``directory`` where git
    works on it: in a working copy, or in a bare repository made for the purpose. ``name`` is its name here,
    ``remote`` the remote that it is pushed to, ``there`` its name there; without a remote it stays here.
    ``url`` is that of the remote, without credentials. ``bare`` tells that no file of it is checked out.
    """

    title: str
    directory: Path
    name: str
    there: str
    remote: str | None = None
    url: str = ""
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit is made of: ``files`` by their paths from the top of the repository."""

    parent: str
    files: Mapping[str, bytes]
    subject: str
    body: str = ""


class Branches(Protocol):
    """Commits on branches of git repositories, made without touching a working copy before they are in."""

    def at(self, directory: Path, name: str | None) -> Branch:
        """The branch ``name`` of the working copy at ``directory``, the one that is checked out by default.

        Raises UsageError where there is no repository or no branch.
        """

    def elsewhere(self, url: str, name: str | None, scratch: Path) -> Branch:
        """The branch of a repository that is nowhere here; what is fetched of it goes to ``scratch``."""

    def tip(self, branch: Branch, of: str | None = None) -> str | None:
        """The commit that the branch, or that called ``of``, is at: asked of the remote where there is one.
        None when there is no such branch."""

    def search(self, branch: Branch, commit: str, texts: Sequence[str], below: str = "") -> tuple[str, ...]:
        """The text files of a commit, below a directory, that hold one of ``texts``."""

    def read(self, branch: Branch, commit: str, path: str) -> bytes:
        """A file of a commit, as git keeps it."""

    def changed(self, branch: Branch, paths: Sequence[str]) -> tuple[str, ...]:
        """Those of ``paths`` that are not in the working copy as HEAD has them."""

    def commit(self, branch: Branch, commit: Commit) -> str:
        """Make a commit that no branch knows yet. Raises GitError where git does not know the author."""

    def push(self, branch: Branch, commit: str, to: str) -> bool:
        """Let the branch ``to`` of the remote go on to ``commit``; False when somebody else was faster.

        Never forces. Raises GitError with the reason for any other refusal.
        """

    def advance(self, branch: Branch, commit: str) -> str:
        """Let the branch here, and its files where it is checked out, go on to ``commit``. What keeps it from
        that is returned, and then nothing was changed; ``""`` when it is done or there is nothing to do."""

    def descends(self, directory: Path, commit: str, ancestor: str) -> bool | None:
        """Whether ``commit`` is ``ancestor`` or comes after it; None where the history here cannot tell."""


# --- ledger -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """Evidence that an image was delivered: what was asked for, what the registry then showed.

    ``size`` is the sum of config and layers in bytes over all platforms, ``seconds`` the time from the start
    of the build to the moved tag, ``verified`` the time of the read-back. ``stand_in`` tells that the image
    marks itself as running in place of a service without code.
    """

    image: str
    fingerprint: str
    reference: str
    digest: str
    platforms: tuple[str, ...]
    size: int
    seconds: float
    verified: datetime
    run: int
    tags: tuple[str, ...] = ()
    stand_in: bool = False


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as the ledger knows it. ``state`` is running, done, partly, failed or interrupted; ``kind`` is
    what it did: ship, prune, undo (of a prune), promote or rollback."""

    id: int
    command: str
    started: datetime
    finished: datetime | None
    state: str
    plan: Mapping[str, object]
    kind: str = "ship"


class Ledger(Protocol):
    """The append-only record of runs, events and evidence of one fleet."""

    def begin(self, command: str, plan: Mapping[str, object], at: datetime, kind: str = "ship") -> int:
        """Open a run and return its number. Raises Locked when another process holds this fleet."""

    def finish(self, run: int, state: str, at: datetime) -> None: ...

    def append(self, run: int, event: Event, at: datetime) -> None: ...

    def deliver(self, delivery: Delivery, inputs: bytes) -> None:
        """Record a delivery; ``inputs`` is what its fingerprint covers, kept to explain later changes."""

    def delivered(self, image: str, fingerprint: str) -> Delivery | None:
        """The last delivery of an image with exactly these inputs."""

    def inputs(self, fingerprint: str) -> bytes | None:
        """What ``deliver`` was given for this fingerprint."""

    def runs(self, limit: int = 20, kind: str | None = None) -> list[RunRecord]:
        """Runs, newest first; those of one kind where it is given."""

    def events(self, run: int) -> list[tuple[datetime, Event]]:
        """Events of a run in order."""

    def last(self, kind: str, image: str, fingerprint: str) -> tuple[int, Event] | None:
        """The last event of a kind about an image whose data name this fingerprint, and its run."""

    def deliveries(self, run: int | None = None) -> list[Delivery]:
        """Deliveries of a run, or the last delivery of every image."""

    def close(self) -> None: ...
