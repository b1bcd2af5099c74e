"""Docker with BuildKit: through buildx where the client has it, else through the client's own BuildKit.

Docker clients up to 22 have BuildKit built in, later ones need the buildx plugin; a machine may have
several clients, so each one on PATH is tried. The legacy builder is never used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from shipway.engines.failures import NO_BRIDGE, build_failure, push_failure
from shipway.engines.mounts import mounts
from shipway.engines.request import (
    Workspace,
    epoch_arg,
    image_name,
    options,
    require_loopback,
    secret_environment,
    workspace,
)
from shipway.engines.transcript import Transcript
from shipway.errors import BuildFailed, EngineMissing, ShipwayError
from shipway.fleet.options import joined, read_cache
from shipway.ports import BuildRequest, Completed, EngineInfo, EngineSurvey, EngineTrust, Host
from shipway.values import Platform, Reference

_PROBE_SECONDS = 30.0
# the image shall be an image manifest, not an index with attestations
_ENVIRONMENT = {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
_CERTIFICATES = Path("/etc/docker/certs.d")
_ADVICE = (
    "put its authority into /etc/docker/certs.d/{registry}/ca.crt; for plain HTTP, add {registry} to"
    " insecure-registries in /etc/docker/daemon.json, then: systemctl restart docker"
)
_LOCAL_SCHEMES = frozenset({"unix", "npipe", "fd"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class _Server(msgspec.Struct, rename="pascal"):
    version: str
    os: str
    arch: str


class _Versions(msgspec.Struct, rename="pascal"):
    """``docker version --format '{{json .}}'``; no server when the daemon does not answer."""

    server: _Server | None = None


class _Index(msgspec.Struct, rename="pascal", frozen=True):
    secure: bool = True


class _RegistryConfig(msgspec.Struct, rename="pascal", frozen=True):
    """The daemon's ``insecure-registries``: networks, and hosts as indexes that are not secure."""

    index_configs: dict[str, _Index] = {}
    networks: tuple[str, ...] = msgspec.field(default=(), name="InsecureRegistryCIDRs")

    @property
    def unchecked(self) -> tuple[str, ...]:
        return (*self.networks, *(name for name, index in self.index_configs.items() if not index.secure))


class _Information(msgspec.Struct, rename="pascal"):
    """``docker info --format '{{json .}}'``."""

    docker_root_dir: str = ""
    operating_system: str = ""
    registry_config: _RegistryConfig = _RegistryConfig()

    @property
    def storage(self) -> Path | None:
        """Where the daemon keeps images; None when that is the disk of a virtual machine."""
        inside = self.operating_system == "Docker Desktop" or not self.docker_root_dir
        return None if inside else Path(self.docker_root_dir)


@dataclass(frozen=True, slots=True)
class _Client:
    """A docker program that can use BuildKit; ``build`` starts every build with it."""

    program: str
    build: tuple[str, ...]
    has_buildx: bool
    info: EngineInfo


class Docker:
    """The engine of the Docker daemon on this machine."""

    name = "docker"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._found: _Client | None = None

    async def probe(self) -> EngineInfo:
        """See ``ports.Engine.probe``; the answer is remembered."""
        return (await self._client()).info

    async def survey(self) -> EngineSurvey:
        """See ``ports.Engine.survey``: what the daemon says of itself (``docker info``)."""
        client = await self._client()
        completed = await self._run(client.program, "info", "--format", "{{json .}}")
        try:
            told = msgspec.json.decode(completed.stdout, type=_Information)
        except msgspec.MsgspecError:
            told = _Information()
        return EngineSurvey(
            client.info,
            EngineTrust((_CERTIFICATES,), told.registry_config.unchecked),
            storage=told.storage,
            named_contexts=client.has_buildx,
            takes_plain=False,
            advice=_ADVICE,
            obstacle=await self._obstacle(client),
        )

    async def _obstacle(self, client: _Client) -> str:
        """BuildKit in the daemon gives RUN steps the network ``bridge``, and fails where there is none."""
        completed = await self._run(client.program, "network", "inspect", "bridge", "--format", "{{.Id}}")
        said = completed.stderr.lower()
        gone = completed.code != 0 and ("not found" in said or "no such network" in said)
        return NO_BRIDGE if gone else ""

    async def build(self, request: BuildRequest, on_line: Callable[[str], None]) -> str:
        """See ``ports.Engine.build``. Named contexts need buildx: BuildFailed without it."""
        client = await self._client()
        if request.contexts and not client.has_buildx:
            raise BuildFailed(
                f"docker cannot build {request.name}: it has named contexts, and this docker has no buildx",
                help="install the docker-buildx plugin, or use --engine buildah",
            )
        environment = {**_ENVIRONMENT, **secret_environment(request)}
        name = image_name(request)
        with workspace(request) as place:
            mounted = mounts(request, place, self._host.environ)
            transcript = Transcript(on_line, mounted.masked)
            exports = bool(request.cache_to) and await self._in_containerd(client)
            own = (*mounted.options, *_caches(client, request, exports, on_line))
            argv = _build_argv(client, request, place, name, own)
            completed = await self._host.run(argv, env=environment, on_line=transcript)
        if completed.code != 0:
            raise build_failure(self.name, request, transcript)
        return name

    async def push(self, image_id: str, destination: Reference, on_line: Callable[[str], None]) -> None:
        """See ``ports.Engine.push``. Docker reaches registries on loopback over plain HTTP by itself."""
        require_loopback(destination)
        program = (await self._client()).program
        transcript = Transcript(on_line, ())
        try:
            for arguments in (("tag", image_id, str(destination)), ("push", str(destination))):
                completed = await self._host.run((program, *arguments), on_line=transcript)
                if completed.code != 0:
                    raise push_failure(self.name, destination, transcript)
        finally:
            await self.remove(str(destination))

    async def remove(self, image_id: str) -> None:
        """See ``ports.Engine.remove``. BuildKit keeps its cache apart from the images."""
        try:
            await self._run((await self._client()).program, "rmi", image_id)
        except ShipwayError:
            return

    async def _in_containerd(self, client: _Client) -> bool:
        """Whether the daemon keeps images in containerd, as its own BuildKit then does with caches."""
        if not client.has_buildx:
            return False
        completed = await self._run(client.program, "info", "--format", "{{json .DriverStatus}}")
        return "io.containerd.snapshotter" in completed.stdout

    async def _run(self, *argv: str) -> Completed:
        return await self._host.run(argv, env=_ENVIRONMENT, timeout=_PROBE_SECONDS)

    async def _client(self) -> _Client:
        """The first client with buildx, else the first with BuildKit built in."""
        if self._found is not None:
            return self._found
        programs = self._programs()
        if not programs:
            raise EngineMissing(
                "docker is not installed", help="https://docs.docker.com/engine/install, or use buildah"
            )
        clients, refused = [], []
        for program in programs:
            try:
                clients.append(await self._examine(program))
            except EngineMissing as error:
                refused.append(error)
        if not clients:
            raise refused[0]
        self._found = max(clients, key=lambda client: client.has_buildx)
        return self._found

    def _programs(self) -> list[str]:
        directories = self._host.environ.get("PATH", "").split(":")
        found = (self._host.which(f"{directory}/docker") for directory in directories if directory)
        return list(dict.fromkeys(program for program in found if program is not None))

    async def _examine(self, program: str) -> _Client:
        """Raises EngineMissing when the client cannot use BuildKit, or no daemon on this machine answers."""
        server = await self._server(program)
        context = await self._context(program)
        info = EngineInfo(self.name, server.version, Platform.normalised(server.os, server.arch))
        if (await self._run(program, "buildx", "version")).code == 0:
            # the builder of the context is the daemon itself: it sees the images and the loopback registry,
            # which a builder in a container of its own does not
            return _Client(program, (program, "buildx", "build", "--builder", context, "--load"), True, info)
        if (await self._run(program, "build", "--help")).code == 0:
            return _Client(program, (program, "build"), False, info)
        raise EngineMissing(
            f"{program} cannot use BuildKit",
            cause="docker clients since 23 need the buildx plugin for it",
            help="install the plugin docker-buildx (docker-buildx-plugin in Docker's own packages)",
        )

    async def _server(self, program: str) -> _Server:
        completed = await self._run(program, "version", "--format", "{{json .}}")
        try:
            server = msgspec.json.decode(completed.stdout, type=_Versions).server
        except msgspec.MsgspecError:
            server = None
        if server is not None:
            return server
        said = completed.stderr.strip().splitlines()
        denied = "permission denied" in completed.stderr.lower()
        raise EngineMissing(
            "the Docker daemon does not answer",
            cause=said[-1] if said else f"{program} is a client without a daemon",
            help="usermod -aG docker $USER, then log in again" if denied else "systemctl start docker",
        )

    async def _context(self, program: str) -> str:
        """The name of the context in use. Raises EngineMissing when its daemon is on another machine."""
        completed = await self._run(
            program, "context", "inspect", "--format", "{{.Name}} {{.Endpoints.docker.Host}}"
        )
        name, _, endpoint = completed.stdout.strip().rpartition(" ")
        url = urlsplit(endpoint)
        if url.scheme not in _LOCAL_SCHEMES and url.hostname not in _LOOPBACK:
            raise EngineMissing(
                f"the Docker daemon at {endpoint or 'an unknown place'} is on another machine",
                cause="it cannot reach the staging registry on this one",
                help="unset DOCKER_HOST, or docker context use default",
            )
        return name


def _build_argv(
    client: _Client, request: BuildRequest, place: Workspace, name: str, own: tuple[str, ...]
) -> tuple[str, ...]:
    always = ("--progress", "plain", *epoch_arg(request), *own)
    return (*client.build, *always, *options(request, place, name), str(place.context))


def _caches(
    client: _Client, request: BuildRequest, exports: bool, on_line: Callable[[str], None]
) -> Iterator[str]:
    """The caches that this docker can use: without buildx it reads images that carry their cache inside;
    unless it ``exports`` caches of every kind, it writes no other ones either."""
    for text in request.cache_from:
        cache = read_cache(text)
        if client.has_buildx:
            yield from ("--cache-from", joined(cache))
        elif cache["type"] == "registry" and "ref" in cache:
            yield from ("--cache-from", cache["ref"])
        else:
            on_line(f"--cache-from {text} is left out: it needs the docker-buildx plugin")
    for text in request.cache_to:
        cache = read_cache(text)
        if client.has_buildx and (exports or cache["type"] == "inline"):
            yield from ("--cache-to", joined(cache))
        elif cache["type"] == "inline":
            yield from ("--build-arg", "BUILDKIT_INLINE_CACHE=1")
        else:
            on_line(f"--cache-to {text} is left out: this docker exports no cache, BuildKit on its own does")
