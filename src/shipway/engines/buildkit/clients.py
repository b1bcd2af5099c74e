"""The two clients of BuildKit: ``buildctl`` speaks to one address, ``buildx`` to a builder by its name."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from shipway.engines.buildkit.config import Registries
from shipway.engines.buildkit.output import provenance_of
from shipway.engines.mounts import Mounts
from shipway.engines.request import Workspace, epoch_arg, options
from shipway.errors import BuildFailed, EngineMissing
from shipway.fleet.options import joined, read_cache
from shipway.oci.files import reported
from shipway.oci.manifest import WirePlatform
from shipway.ports import BuildRequest, Completed, Host
from shipway.values import Platform

_PROBE_SECONDS = 60.0
_BOOT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Daemon:
    """A BuildKit that answers: its version, and what it builds for, its own platform first."""

    version: str
    platforms: tuple[Platform, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """One build: the request as files and mounts, where the image goes, and where that is told."""

    request: BuildRequest
    place: Workspace
    mounts: Mounts
    output: str
    metadata: Path


class Client(Protocol):
    """A program that has a BuildKit build."""

    async def daemon(self) -> Daemon:
        """Raises EngineMissing when the program is not there, or nobody answers."""

    async def argv(self, task: Task) -> tuple[str, ...]:
        """The command line of one build. Raises BuildFailed for what this client cannot do."""


# --- buildctl -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tls:
    """How a daemon behind TLS is reached: its authority, who we are, and its name where the address has
    another one."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    server_name: str | None = None


class _Version(msgspec.Struct, frozen=True):
    version: str = ""


class _Worker(msgspec.Struct, frozen=True, rename="camel"):
    """One line of ``buildctl debug workers``."""

    platforms: tuple[WirePlatform, ...] = ()
    buildkit_version: _Version = _Version()


@dataclass(frozen=True, slots=True)
class Buildctl:
    """The BuildKit at ``address``: ``tcp://``, ``unix://``, or what else buildctl knows."""

    host: Host
    address: str
    tls: Tls = Tls()

    async def daemon(self) -> Daemon:
        """See ``Client``."""
        _require(self.host, "buildctl", "install BuildKit's client: buildctl of github.com/moby/buildkit")
        argv = (*self._base(), "debug", "workers", "--format", "{{json .}}")
        completed = await self.host.run(argv, timeout=_PROBE_SECONDS)
        try:
            workers = msgspec.json.decode(completed.stdout or "[]", type=tuple[_Worker, ...])
        except msgspec.MsgspecError:
            workers = ()
        if completed.code != 0 or not workers:
            raise _silent(f"the BuildKit at {self.address}", completed)
        platforms = (Platform.normalised(p.os, p.architecture, p.variant or "") for p in workers[0].platforms)
        return Daemon(workers[0].buildkit_version.version, tuple(dict.fromkeys(platforms)))

    async def argv(self, task: Task) -> tuple[str, ...]:
        """See ``Client``: secret build args would be on the command line, for everybody to read."""
        request = task.request
        if given := sorted(request.args.keys() & request.secret_args):
            raise BuildFailed(
                f"cannot build {request.name}: buildctl shows build args to everybody on this machine",
                cause=f"{', '.join(given)} is a secret build arg",
                help="give it as a build secret (secrets:), or name a buildx builder instead of an address",
            )
        directories = (
            "--local",
            f"context={task.place.context}",
            "--local",
            f"dockerfile={task.place.private}",
        )
        return (
            *(*self._base(), "build", "--progress", "plain", "--frontend", "dockerfile.v0", *directories),
            *(part for key, value in _opts(task).items() for part in ("--opt", f"{key}={value}")),
            *_named_directories(request),
            *_caches(request, "--import-cache", "--export-cache"),
            *_tls_contexts(request),
            *task.mounts.options,
            *(() if request.cached else ("--no-cache",)),
            *("--output", task.output, "--metadata-file", str(task.metadata)),
        )

    def _base(self) -> tuple[str, ...]:
        options = {
            "--tlscacert": self.tls.ca,
            "--tlscert": self.tls.cert,
            "--tlskey": self.tls.key,
            "--tlsservername": self.tls.server_name,
        }
        given = (part for option, value in options.items() if value for part in (option, str(value)))
        return ("buildctl", "--addr", self.address, *given)


def _opts(task: Task) -> dict[str, str]:
    """The options of the Dockerfile frontend."""
    request = task.request
    found = {"filename": task.place.dockerfile.name, "platform": str(request.platform)}
    if request.target is not None:
        found["target"] = request.target
    if request.epoch is not None:
        found["build-arg:SOURCE_DATE_EPOCH"] = str(request.epoch)
    found |= {f"build-arg:{name}": value for name, value in request.args.items()}
    found |= {f"label:{name}": value for name, value in request.labels.items()}
    for number, (name, value) in enumerate(request.contexts.items()):
        found[f"context:{name}"] = value if "://" in value else f"local:named-{number}"
    if mode := provenance_of(request):
        found["attest:provenance"] = f"mode={mode}"
    if request.attest.sbom:
        found["attest:sbom"] = ""
    return found


def _named_directories(request: BuildRequest) -> Iterator[str]:
    for number, value in enumerate(request.contexts.values()):
        if "://" not in value:
            yield from ("--local", f"named-{number}={value}")


def _tls_contexts(request: BuildRequest) -> Iterator[str]:
    """Tokens are asked for by the client, which has to trust their service too."""
    for host in sorted(request.authorities.keys() | request.registries_insecure):
        trusted = (
            {"ca": str(request.authorities[host])} if host in request.authorities else {"insecure": "true"}
        )
        yield from ("--registry-auth-tlscontext", joined({"host": f"https://{host}", **trusted}))


# --- buildx ---------------------------------------------------------------------------------------


class _Node(msgspec.Struct, frozen=True, rename="pascal"):
    platforms: tuple[str, ...] | None = None
    version: str = ""
    status: str = ""


class _Listed(msgspec.Struct, frozen=True, rename="pascal"):
    """One line of ``buildx ls --format json``."""

    name: str
    driver: str = ""
    nodes: tuple[_Node, ...] | None = None


@dataclass(frozen=True, slots=True)
class Creation:
    """How a builder of buildx is made: by a driver, for these registries."""

    driver: str
    registries: Registries


@dataclass(frozen=True, slots=True)
class Buildx:
    """The builder called ``name`` of buildx, whatever its driver. With ``creation`` it is made when it is not
    there, and its name gets an ending that tells for which registries."""

    host: Host
    builder: str
    creation: Creation | None = None

    @property
    def name(self) -> str:
        """The name that buildx knows."""
        return f"{self.builder}-{self.creation.registries.identity()}" if self.creation else self.builder

    async def daemon(self) -> Daemon:
        """See ``Client``; a builder that does not run yet is started."""
        program = await self.program()
        if self.creation is not None:
            await self._create(program, self.creation)
        started = await self.host.run(
            (*program, "inspect", "--bootstrap", self.name), timeout=_BOOT_SECONDS, env=_ENVIRONMENT
        )
        if started.code != 0:
            raise _silent(f"the buildx builder {self.name}", started)
        listed = await self.host.run((*program, "ls", "--format", "json"), timeout=_PROBE_SECONDS)
        nodes = _nodes(listed.stdout, self.name)
        if not nodes:
            raise _silent(f"the buildx builder {self.name}", listed)
        texts = (text.rstrip("*") for node in nodes for text in node.platforms or ())
        return Daemon(nodes[0].version, tuple(dict.fromkeys(Platform.parse(text) for text in texts)))

    async def _create(self, program: tuple[str, ...], creation: Creation) -> None:
        if (await self.host.run((*program, "inspect", self.name), timeout=_PROBE_SECONDS)).code == 0:
            return
        argv = (*program, "create", "--name", self.name, "--driver", creation.driver)
        with tempfile.TemporaryDirectory(prefix="shipway-builder-") as directory:
            if toml := creation.registries.toml():
                file = Path(directory) / "buildkitd.toml"
                with reported(f"write {file}"):
                    file.write_text(toml)
                argv += ("--buildkitd-config", str(file))
            created = await self.host.run(argv, timeout=_BOOT_SECONDS)
        if created.code != 0:
            raise _silent(f"the buildx builder {self.name}", created)

    async def argv(self, task: Task) -> tuple[str, ...]:
        """See ``Client``."""
        request, place = task.request, task.place
        mode = provenance_of(request)
        return (
            *(*await self.program(), "build", "--builder", self.name, "--progress", "plain"),
            *("--provenance", f"mode={mode}" if mode else "false"),
            *("--sbom", str(request.attest.sbom).lower()),
            *epoch_arg(request),
            *_caches(request, "--cache-from", "--cache-to"),
            *task.mounts.options,
            *options(request, place, None),
            *("--output", task.output, "--metadata-file", str(task.metadata), str(place.context)),
        )

    async def program(self) -> tuple[str, ...]:
        """``docker buildx`` where the plugin is there, else buildx on its own. Raises EngineMissing."""
        for program in (("docker", "buildx"), ("docker-buildx",), ("buildx",)):
            if self.host.which(program[0]) is None:
                continue
            if (await self.host.run((*program, "version"), timeout=_PROBE_SECONDS)).code == 0:
                return program
        raise EngineMissing("buildx is not installed", help="install docker-buildx (docker-buildx-plugin)")


_ENVIRONMENT: Mapping[str, str] = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


def _nodes(text: str, name: str) -> tuple[_Node, ...]:
    for line in text.splitlines():
        try:
            found = msgspec.json.decode(line, type=_Listed)
        except msgspec.MsgspecError:
            continue
        if found.name == name:
            return found.nodes or ()
    return ()


# --- both -----------------------------------------------------------------------------------------


def _caches(request: BuildRequest, source: str, destination: str) -> Iterator[str]:
    for option, texts in ((source, request.cache_from), (destination, request.cache_to)):
        for text in texts:
            yield from (option, joined(read_cache(text)))


def _require(host: Host, program: str, help: str) -> None:
    if host.which(program) is None:
        raise EngineMissing(f"{program} is not installed", help=help)


def _silent(who: str, completed: Completed) -> EngineMissing:
    said = (completed.stderr or completed.stdout).strip().splitlines()
    return EngineMissing(
        f"{who} does not answer",
        cause=said[-1] if said else None,
        help="see that it runs, and that its address and certificates are right",
    )
