"""The builder: reads files, makes layers in threads, and pushes everything to the destination by digest."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shipway import __version__
from shipway.assemble.applies import bases_of, stages_on_files, why_not
from shipway.assemble.base import BaseImage
from shipway.assemble.image import Image, MadeLayer, make_image
from shipway.assemble.layer import Blob, Compression, Entries, make_layer
from shipway.assemble.listing import pack
from shipway.assemble.nodes import Local, Modes
from shipway.assemble.sources import ContextSource, context_source
from shipway.assemble.stages import StageState, Task, assemble
from shipway.dockerfile.context import Context
from shipway.dockerfile.ignore import load_ignore, parse_ignore
from shipway.dockerfile.parser import parse
from shipway.dockerfile.resolve import resolve
from shipway.dockerfile.resolved import ResolvedBuild
from shipway.dockerfile.tree import ContextTree
from shipway.engines.assemble.bases import Bases
from shipway.errors import BuildFailed, CannotAssemble
from shipway.oci.files import reported
from shipway.ports import BuildRequest, Built, Registry
from shipway.values import Platform, Reference

NAME = "assemble"
# layers of at least this many bytes are made once for all images that have the same
_SHARED_BYTES = 1 << 20


@dataclass(slots=True)
class _Part:
    """A layer of one image, on its way: ``blob`` is None where it was made for another image."""

    entries: Entries
    made: MadeLayer
    blob: Blob | None


class Assembler:
    """Satisfies ``ports.Builder``. ``state`` is a directory of its own: lists of layers, and layers that are
    too large to be held until they are uploaded."""

    name = NAME
    bases_from: Literal["staging", "destination"] = "destination"

    def __init__(
        self, registry: Registry, native: Platform, state: Path, compression: Compression = "gzip"
    ) -> None:
        self._registry = registry
        self._native = native
        self._state = state
        self._compression = compression
        self._bases = Bases(registry, state / "layers")
        self._known: dict[bytes, MadeLayer] = {}
        self._locks: dict[bytes, asyncio.Lock] = {}

    async def platforms(self) -> tuple[Platform, ...]:
        """See ``ports.Builder``, like every method here. Without RUN any platform is as good as another."""
        return (self._native,)

    async def build(
        self,
        request: BuildRequest,
        staged: Reference,  # noqa: ARG002 - nothing passes through staging
        destination: Reference,
        on_line: Callable[[str], None],
    ) -> Built:
        """Raises CannotAssemble before anything is pushed; no value of a secret arg shows in it."""
        try:
            return await self._build(request, destination, on_line)
        except CannotAssemble as refusal:
            raise CannotAssemble(_masked(refusal.message, request)) from None

    async def _build(
        self, request: BuildRequest, destination: Reference, on_line: Callable[[str], None]
    ) -> Built:
        build = self._resolved(request)
        bases = await self._load_bases(build)
        state = await asyncio.to_thread(self._assembled, request, build, bases)
        for commit in state.commits:
            on_line(commit.text)
        parts: list[_Part] = []
        try:
            for entries in state.layers:
                parts.append(await self._part(entries))  # noqa: PERF401 - those that are made are closed
            image = make_image(state, [part.made for part in parts], request.platform, request.epoch)
            await self._push(destination, state.base, parts, image)
        finally:
            for part in parts:
                if part.blob is not None:
                    part.blob.close()
        on_line(f"manifest {image.manifest.digest}")
        at = destination.with_digest(image.manifest.digest)
        return Built(image.manifest.descriptor, at, f"shipway {__version__}")

    async def finish(self) -> None:
        self._known.clear()
        self._locks.clear()

    # --- what is to be made -------------------------------------------------------------------

    def _resolved(self, request: BuildRequest) -> ResolvedBuild:
        build = resolve(
            parse(request.dockerfile, request.name),
            target=request.target,
            args=request.args,
            platform=request.platform,
            contexts=request.contexts,
            build_platform=self._native,
        ).require_valid()
        reason = why_not(build)
        if reason is not None:
            raise CannotAssemble(reason)
        return build

    async def _load_bases(self, build: ResolvedBuild) -> dict[int, BaseImage]:
        wanted, on_files = bases_of(build), stages_on_files(build)

        async def load(index: int, text: str, platform: str | None) -> BaseImage:
            chosen = Platform.parse(platform) if platform else build.platform
            return await self._bases.load(text, chosen, files=index in on_files)

        loaded = await asyncio.gather(*(load(index, *each) for index, each in wanted.items()))
        return dict(zip(wanted, loaded, strict=True))

    def _assembled(
        self, request: BuildRequest, build: ResolvedBuild, bases: dict[int, BaseImage]
    ) -> StageState:
        modes = Modes.like(request.dockerfile_mode)
        task = Task(
            build,
            request.args,
            self._native,
            main=_main(request, modes),
            named={name: _named(path, modes) for name, path in request.contexts.items() if "://" not in path},
            bases=bases,
            labels=request.labels,
        )
        return assemble(task)

    # --- layers -------------------------------------------------------------------------------

    async def _part(self, entries: Entries) -> _Part:
        """Make a layer, unless a large one like it was made already."""
        if _size(entries) < _SHARED_BYTES:
            return await asyncio.to_thread(self._made, entries)
        with reported(f"make {self._state}"):
            self._state.mkdir(parents=True, exist_ok=True)
        key = await asyncio.to_thread(_identity, entries)
        async with self._locks.setdefault(key, asyncio.Lock()):
            known = self._known.get(key)
            if known is not None:
                return _Part(entries, known, None)
            part = await asyncio.to_thread(self._made, entries)
            self._known[key] = part.made
            return part

    def _made(self, entries: Entries) -> _Part:
        layer = make_layer(entries, self._compression, self._state)
        return _Part(entries, MadeLayer(layer.descriptor, layer.diff_id), layer.blob)

    def _body(self, part: _Part) -> Callable[[], AsyncIterator[bytes]]:
        """The bytes of a layer; one that was made for another image is made again where it cannot be had
        from there."""

        async def pieces() -> AsyncIterator[bytes]:
            if part.blob is None:
                part.blob = (await asyncio.to_thread(self._made, part.entries)).blob
            if part.blob is not None:
                for piece in part.blob.pieces():
                    yield piece

        return pieces

    # --- pushing ------------------------------------------------------------------------------

    async def _push(
        self, destination: Reference, base: BaseImage | None, parts: Sequence[_Part], image: Image
    ) -> None:
        """Everything beside each other, the manifest when all is there."""
        below = base.layers if base else ()
        source = base.at if base else destination
        try:
            async with asyncio.TaskGroup() as tasks:
                for layer in dict.fromkeys(below):
                    tasks.create_task(self._registry.copy_blob(source, layer, destination))
                for part in {part.made.descriptor.digest: part for part in parts}.values():
                    body = self._body(part)
                    tasks.create_task(self._registry.push_blob(destination, part.made.descriptor, body))
                config = image.config_descriptor
                tasks.create_task(self._registry.push_blob(destination, config, _whole(image.config)))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        await self._registry.put_manifest(destination.with_digest(image.manifest.digest), image.manifest)


def _main(request: BuildRequest, modes: Modes) -> ContextSource | None:
    if request.context is None:
        return None
    if not request.context.is_dir():
        raise BuildFailed(
            f"cannot build {request.name}: there is no directory {request.context}",
            cause="the build context is missing",
            help="check context in the declaration of the image",
        )
    rules = parse_ignore(request.ignore or b"", "the ignore file").require_valid()
    return context_source(Context(ContextTree(request.context), rules), modes)


def _named(directory: str, modes: Modes) -> ContextSource:
    path = Path(directory)
    return context_source(Context(ContextTree(path), load_ignore(path, ".").require_valid()), modes)


def _masked(text: str, request: BuildRequest) -> str:
    secrets = {value for name, value in request.args.items() if name in request.secret_args and value}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _whole(data: bytes) -> Callable[[], AsyncIterator[bytes]]:
    async def pieces() -> AsyncIterator[bytes]:
        yield data

    return pieces


def _size(entries: Entries) -> int:
    return sum(node.content.size for _, node in entries if node.content is not None)


def _identity(entries: Entries) -> bytes:
    """What tells layers apart without reading their files: names, metadata, and which files they are."""
    files = [
        f"{node.content.path}\0{node.content.size}\0{node.content.written}"
        for _, node in entries
        if isinstance(node.content, Local)
    ]
    text = "\0".join(files).encode("utf-8", "surrogateescape")
    return hashlib.sha256(pack(list(entries)) + text).digest()
