"""What buildah and podman share: one code base (containers/storage, containers/image) and its options."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from shipway.engines.failures import build_failure, push_failure
from shipway.engines.mounts import mounts
from shipway.engines.request import (
    Workspace,
    image_name,
    kept_name,
    options,
    require_loopback,
    secret_environment,
    workspace,
)
from shipway.engines.transcript import Transcript
from shipway.engines.trust import carried, trust_of
from shipway.errors import EngineMissing, ShipwayError
from shipway.fleet.options import read_cache
from shipway.ports import BuildRequest, Completed, EngineInfo, EngineSurvey, Host
from shipway.values import Reference

_PROBE_SECONDS = 60.0
# the runtime failed before the first program of a RUN step started
_NO_CONTAINER = re.compile(r"error running container: .*creating container|error configuring network")
_NO_PROGRAM = re.compile(
    r"creating container for .*(?:no such file|not found in|executable file|exec format)"
)
_CHROOT = ("--isolation", "chroot")
_ADVICE = (
    "put its authority into /etc/containers/certs.d/{registry}/ca.crt; for plain HTTP, add to"
    ' /etc/containers/registries.conf: [[registry]] location = "{registry}" insecure = true'
)


class StorageEngine:
    """Builds with ``program``; how it tells about itself is up to the subclass.

    RUN steps run in containers of the OCI runtime where it can start some; where it cannot (in a container
    without the right to start others), the build is repeated with ``--isolation chroot``, which needs
    no namespaces of its own. BUILDAH_ISOLATION and STORAGE_DRIVER in the environment are obeyed.
    """

    name: str
    epoch_since: tuple[int, int]
    """The version that has ``--source-date-epoch`` first."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._info: EngineInfo | None = None
        self._storage: Path | None = None
        self._environment: dict[str, str] = {}
        self._chroot = False

    async def _ask(self) -> tuple[EngineInfo, Path | None]:
        """What the program tells about itself, and where it keeps images. Raises EngineMissing."""
        raise NotImplementedError

    async def probe(self) -> EngineInfo:
        """See ``ports.Engine.probe``; the answer is remembered."""
        if self._info is None:
            if self._host.which(self.name) is None:
                raise EngineMissing(
                    f"{self.name} is not installed",
                    help=f"apt-get install {self.name} (Debian, Ubuntu), dnf install {self.name} (Fedora)",
                )
            self._info, self._storage = await self._ask()
        return self._info

    async def survey(self) -> EngineSurvey:
        """See ``ports.Engine.survey``: its storage, and what containers/image reads."""
        info = await self.probe()
        return EngineSurvey(info, trust_of(self._host.environ), storage=self._storage, advice=_ADVICE)

    async def build(self, request: BuildRequest, on_line: Callable[[str], None]) -> str:
        """See ``ports.Engine.build``."""
        await self.probe()
        name = image_name(request)
        with workspace(request) as place:
            mounted = mounts(request, place, self._host.environ)
            registries, trusted = carried(request, place, self._host.environ)
            own = (*trusted, *mounted.options, *self._times(request), *_caches(request, on_line))
            env = {**self._environment, **registries, **secret_environment(request)}
            for isolation in self._isolations():
                transcript = Transcript(on_line, mounted.masked)
                argv = self._build_argv(request, place, name, (*isolation, *own))
                completed = await self._host.run(argv, env=env, on_line=transcript)
                if completed.code == 0:
                    self._chroot = isolation == _CHROOT
                    return name
                if not cannot_start_containers(transcript.text):
                    break
                on_line(f"{self.name} cannot start containers on this machine: {transcript.error}")
        raise build_failure(self.name, request, transcript)

    async def push(self, image_id: str, destination: Reference, on_line: Callable[[str], None]) -> None:
        """See ``ports.Engine.push``."""
        require_loopback(destination)
        transcript = Transcript(on_line, ())
        argv = (self.name, "push", "--tls-verify=false", image_id, f"docker://{destination}")
        completed = await self._host.run(argv, env=self._environment, on_line=transcript)
        if completed.code != 0:
            raise push_failure(self.name, destination, transcript)

    async def remove(self, image_id: str) -> None:
        """See ``ports.Engine.remove``.

        The layer cache of these engines lives in their images: removing one removes the cached steps
        below it. So the latest image of each kind stays, and the one before it goes; always by name,
        since an image that another build has a name for must not go.
        """
        kept = kept_name(image_id)
        with suppress(ShipwayError):
            if kept is not None:
                await self._run("tag", kept, f"{image_id}.before")
                await self._run("tag", image_id, kept)
                await self._run("rmi", f"{image_id}.before")
            await self._run("rmi", image_id)

    async def _run(self, *arguments: str) -> Completed:
        return await self._host.run((self.name, *arguments), env=self._environment, timeout=_PROBE_SECONDS)

    def _isolations(self) -> Sequence[tuple[str, ...]]:
        if "BUILDAH_ISOLATION" in self._host.environ:
            return ((),)
        return (_CHROOT,) if self._chroot else ((), _CHROOT)

    def _build_argv(
        self, request: BuildRequest, place: Workspace, name: str, own: tuple[str, ...]
    ) -> tuple[str, ...]:
        always = ("--format", "oci", "--layers", "--force-rm", "--ignorefile", str(place.ignore))
        return (self.name, "build", *always, *own, *options(request, place, name), str(place.context))

    def _times(self, request: BuildRequest) -> tuple[str, ...]:
        """The options for a reproducible image.

        ``--source-date-epoch`` does what BuildKit does: it is the time of the image, and no file is younger.
        Older versions only know ``--timestamp``, which is the time of every file too.
        """
        if request.epoch is None:
            return ()
        if _numbers(self._info.version if self._info else "") < self.epoch_since:
            return ("--timestamp", str(request.epoch))
        return ("--source-date-epoch", str(request.epoch), "--rewrite-timestamp")


def cannot_start_containers(text: str) -> bool:
    """Whether a build failed because the OCI runtime could not start a container at all."""
    return bool(_NO_CONTAINER.search(text)) and not _NO_PROGRAM.search(text)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def _caches(request: BuildRequest, on_line: Callable[[str], None]) -> Iterator[str]:
    """The caches that are repositories of a registry. Steps are found there by their own tags, so a tag that
    makes the scope is taken for the end of the repository's name."""
    for option, texts in (("--cache-from", request.cache_from), ("--cache-to", request.cache_to)):
        for text in texts:
            cache = read_cache(text)
            if cache["type"] != "registry" or "ref" not in cache:
                on_line(f"{option} {text} is left out: this engine caches in registries only")
                continue
            reference = Reference.parse(cache["ref"])
            scope = f"/{reference.tag.lower()}" if reference.tag else ""
            yield from (option, f"{reference.name}{scope}")
