"""A BuildRequest as files and command-line options, in the spelling that all engines share."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shipway.errors import BuildFailed, EngineError
from shipway.oci.files import reported
from shipway.ports import BuildRequest
from shipway.values import Reference

_PREFIX = "localhost/shipway/"
_KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The files of one build, in a ``private`` directory that nobody else can read."""

    private: Path
    context: Path

    @property
    def dockerfile(self) -> Path:
        return self.private / "Dockerfile"

    @property
    def ignore(self) -> Path:
        """The ignore file, by the name under which BuildKit looks for it beside the Dockerfile."""
        return self.private / "Dockerfile.dockerignore"

    def add(self, name: str, data: str | bytes) -> Path:
        """Write a file. Raises DiskFull or HostError."""
        path = self.private / name
        with reported(f"write {path}"):
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def directory(self, name: str) -> Path:
        """Make a directory. Raises DiskFull or HostError."""
        path = self.private / name
        with reported(f"make {path}"):
            path.mkdir(mode=0o700)
        return path


@contextmanager
def workspace(request: BuildRequest) -> Iterator[Workspace]:
    """The Dockerfile and its ignore file, written for one build and deleted after it.

    The ignore file is written even when there is none, so that no engine takes another one that lies in
    the context. Raises BuildFailed without a context directory, HostError or DiskFull without space.
    """
    if request.context is not None and not request.context.is_dir():
        raise BuildFailed(
            f"cannot build {request.name}: there is no directory {request.context}",
            cause="the build context is missing",
            help="check context in the declaration of the image",
        )
    with ExitStack() as stack:
        private = _temporary_directory(stack)
        context = request.context or _temporary_directory(stack)
        place = Workspace(private, context.absolute())
        place.add(place.dockerfile.name, request.dockerfile)
        place.add(place.ignore.name, request.ignore or b"# nothing is left out\n")
        yield place


def _temporary_directory(stack: ExitStack) -> Path:
    with reported("make a temporary directory"):
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shipway-build-")))


def options(request: BuildRequest, place: Workspace, name: str | None) -> list[str]:
    """The options of ``build`` that buildah, docker and podman spell alike; the image is called ``name``, if
    anything.

    A secret arg goes without its value, which the engine then takes from its environment: command lines
    can be read by everybody on the machine. Secrets and SSH agents are those of ``mounts``.
    """
    argv = ["--file", str(place.dockerfile), "--platform", str(request.platform)]
    if name is not None:
        argv += ["--tag", name]
    if request.target is not None:
        argv += ["--target", request.target]
    for key, value in request.args.items():
        argv += ["--build-arg", key if key in request.secret_args else f"{key}={value}"]
    for key, value in request.labels.items():
        argv += ["--label", f"{key}={value}"]
    if not request.cached:
        argv.append("--no-cache")
    for key, value in request.contexts.items():
        argv += ["--build-context", f"{key}={value}"]
    return argv


def epoch_arg(request: BuildRequest) -> tuple[str, ...]:
    """The build arg that BuildKit takes the time of an image from (docs/build-repro.md)."""
    if request.epoch is None or "SOURCE_DATE_EPOCH" in request.args:
        return ()
    return ("--build-arg", f"SOURCE_DATE_EPOCH={request.epoch}")


def secret_environment(request: BuildRequest) -> dict[str, str]:
    """The values of the secret args, for the environment of the engine."""
    return {key: value for key, value in request.args.items() if key in request.secret_args}


def image_name(request: BuildRequest) -> str:
    """A name for the image of this build alone.

    Two builds with equal inputs give one image in the engine's store; with a name each, removing the one
    does not take the image away from the other.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", request.name.lower()).strip("-") or "image"
    identity = hashlib.sha256(f"{request.name}\0{request.context}\0{request.target}".encode()).hexdigest()
    platform = str(request.platform).replace("/", "-")
    return f"{_PREFIX}{slug}-{identity[:8]}:{secrets.token_hex(8)}.{platform}"


def kept_name(image: str) -> str | None:
    """The name under which the latest image of this kind stays; None when ``image`` is none of ours."""
    repository, colon, tag = image.rpartition(":")
    if not colon or not repository.startswith(_PREFIX):
        return None
    return f"{repository}:{_KEPT}.{tag.partition('.')[2]}"


def require_loopback(destination: Reference) -> None:
    """Raise EngineError unless the registry is on this machine: engines push over plain HTTP."""
    host = destination.registry.rpartition(":")[0] or destination.registry
    try:
        on_loopback = host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        on_loopback = False
    if not on_loopback:
        raise EngineError(f"an engine pushes to staging on this machine only, not to {destination}")
