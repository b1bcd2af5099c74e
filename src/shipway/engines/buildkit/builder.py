"""A BuildKit as a builder: what it builds it pushes by digest, straight to where the image belongs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from shipway.dockerfile.parser import parse
from shipway.dockerfile.resolve import resolve
from shipway.engines.buildkit.clients import Client, Daemon, Task
from shipway.engines.buildkit.output import is_index, output_of, pushed
from shipway.engines.failures import build_failure
from shipway.engines.mounts import mounts
from shipway.engines.request import secret_environment, workspace
from shipway.engines.transcript import Transcript
from shipway.errors import BuildFailed, Mismatch
from shipway.oci.manifest import Descriptor
from shipway.ports import BuildRequest, Built, Host, Registry
from shipway.values import Platform, Reference

# the image shall be an image manifest unless attestations are asked for
_ENVIRONMENT = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


class BuildKitBuilder:
    """Satisfies ``ports.Builder``. ``platforms`` of the fleet file go before what the daemon says it can do.

    ``sees_staging`` says that the daemon runs on this machine, on its network: then it pulls from staging and
    pushes there. Otherwise it gets bases from, and pushes to, the registry that the image is delivered to.
    """

    def __init__(
        self,
        name: str,
        host: Host,
        client: Client,
        registry: Registry,
        *,
        platforms: tuple[Platform, ...] = (),
        sees_staging: bool = False,
    ) -> None:
        self.name = name
        self.bases_from: Literal["staging", "destination"] = "staging" if sees_staging else "destination"
        self._host = host
        self._client = client
        self._registry = registry
        self._platforms = platforms
        self._daemon: Daemon | None = None

    async def platforms(self) -> tuple[Platform, ...]:
        """See ``ports.Builder``, like every method here."""
        daemon = await self._answering()
        return self._platforms or daemon.platforms

    async def build(
        self,
        request: BuildRequest,
        staged: Reference,
        destination: Reference,
        on_line: Callable[[str], None],
    ) -> Built:
        repository = (staged if self.bases_from == "staging" else destination).without_version()
        _require_no_trace(request)
        daemon = await self._answering()
        found = await self._push(request, repository, on_line)
        tool = f"buildkit {daemon.version}".strip()
        if not is_index(found):
            return Built(found, repository.with_digest(found.parsed_digest), tool)
        image, attestations = await self._parts(repository, found)
        return Built(image, repository.with_digest(image.parsed_digest), tool, attestations)

    async def finish(self) -> None:
        """BuildKit collects its own garbage."""

    async def _answering(self) -> Daemon:
        if self._daemon is None:
            self._daemon = await self._client.daemon()
        return self._daemon

    async def _push(
        self, request: BuildRequest, repository: Reference, on_line: Callable[[str], None]
    ) -> Descriptor:
        plain = self.bases_from == "staging" or repository.registry in (
            request.registries_plain | request.registries_insecure
        )
        with workspace(request) as place:
            mounted = mounts(request, place, self._host.environ)
            transcript = Transcript(on_line, mounted.masked)
            metadata = place.private / "metadata.json"
            task = Task(request, place, mounted, output_of(request, repository, plain=plain), metadata)
            argv = await self._client.argv(task)
            environment = {**_ENVIRONMENT, **secret_environment(request)}
            completed = await self._host.run(argv, env=environment, on_line=transcript)
            if completed.code != 0:
                raise build_failure("buildkit", request, transcript)
            return pushed(metadata)

    async def _parts(
        self, repository: Reference, index: Descriptor
    ) -> tuple[Descriptor, tuple[Descriptor, ...]]:
        """The image of the one platform, and the attestations about it (attestation-storage.md)."""
        manifest = await self._registry.manifest(repository.with_digest(index.parsed_digest))
        images = [child for child in manifest.children if child.parsed_platform is not None]
        if len(images) != 1:
            raise Mismatch(
                f"{self.name} pushed {len(images)} images to {repository.name} where one was asked for"
            )
        image = images[0]
        return (
            Descriptor(image.media_type, image.digest, image.size),
            tuple(child for child in manifest.children if child.parsed_platform is None),
        )


def _require_no_trace(request: BuildRequest) -> None:
    """Raise BuildFailed when a secret build arg would stay in the history of what is pushed."""
    if not request.secret_args & request.args.keys():
        return
    dockerfile = parse(request.dockerfile, "Dockerfile")
    build = resolve(
        dockerfile,
        target=request.target,
        args=request.args,
        platform=request.platform,
        contexts=request.contexts,
    )
    declared = {
        name.partition("=")[0]
        for each in build.image_stages
        for instruction in each.stage.instructions
        if instruction.keyword == "ARG"
        for name in instruction.args
    }
    if shown := sorted(declared & request.secret_args & request.args.keys()):
        raise BuildFailed(
            f"cannot build {request.name}: {', '.join(shown)} would stay in the history of the image",
            cause="this builder pushes straight to a registry, and BuildKit keeps build args of that stage",
            help="give it as a build secret (secrets:), or use it in an earlier stage only",
        )
