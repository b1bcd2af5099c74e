"""An engine for tests: it builds nothing, but what it pushes is a real image."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import re
import secrets
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from shipway.errors import BuildFailed, EngineError, EngineMissing, ShipwayError
from shipway.fleet.tree import FileTree
from shipway.oci.manifest import MANIFEST_TYPES, OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Manifest
from shipway.ports import BuildRequest, EngineInfo, EngineSurvey, EngineTrust
from shipway.testing.raw import RawRepository, descriptor, encode
from shipway.values import Digest, Platform, Reference

AMD64 = Platform("linux", "amd64")

_INSTRUCTION = re.compile(r"^\s*([A-Za-z]+\s+\S.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ScriptedImage:
    """What the engine made of a request: the blobs and the manifest over them."""

    manifest: Manifest
    blobs: tuple[bytes, ...]


@dataclass
class ScriptedEngine:
    """Satisfies ``ports.Engine`` in a few milliseconds.

    A build gives an image of one small layer that depends on the Dockerfile, target, args, named contexts,
    platform and every file of the context (the ignore file is not applied), and on nothing else: not
    on the port of a registry in ``registries_plain``, nor on the time. Labels go into its config. Bases in
    those registries must be there, as with a real engine, else the build fails. ``push`` speaks the
    distribution protocol to the destination.

    Switches: ``broken`` holds, by image name, the error that its next builds raise; ``delay`` is the time
    of each build in seconds; ``missing`` makes ``probe`` fail; ``plain`` are registries it trusts blindly.
    Counters: ``builds``, ``pushed`` and ``removed`` in order, ``most_at_once`` builds running together.
    """

    name: str = "scripted"
    native: Platform = AMD64
    delay: float = 0.0
    missing: bool = False
    plain: tuple[str, ...] = ()
    broken: dict[str, ShipwayError] = field(default_factory=dict)
    builds: list[BuildRequest] = field(default_factory=list)
    pushed: list[Reference] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    most_at_once: int = 0
    _running: int = 0
    _images: dict[str, ScriptedImage] = field(default_factory=dict)

    @property
    def built(self) -> list[str]:
        """The names of the images built, in the order in which their builds started."""
        return [request.name for request in self.builds]

    def fail(self, image: str, error: ShipwayError | None = None) -> None:
        """Let the builds of ``image`` fail, with ``error`` or a BuildFailed."""
        self.broken[image] = error or BuildFailed(
            f"scripted could not build {image}", cause="the script says so"
        )

    async def probe(self) -> EngineInfo:
        if self.missing:
            raise EngineMissing("the scripted engine is missing", help="set missing to False")
        return EngineInfo(self.name, "1.0", self.native)

    async def survey(self) -> EngineSurvey:
        return EngineSurvey(await self.probe(), EngineTrust(plain=self.plain))

    async def build(self, request: BuildRequest, on_line: Callable[[str], None]) -> str:
        self.builds.append(request)
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        try:
            return await self._build(request, on_line)
        finally:
            self._running -= 1

    async def _build(self, request: BuildRequest, on_line: Callable[[str], None]) -> str:
        instructions = _INSTRUCTION.findall(request.dockerfile.decode("utf-8", "replace"))
        for number, instruction in enumerate(instructions, start=1):
            on_line(f"STEP {number}/{len(instructions)}: {instruction}")
        await asyncio.sleep(self.delay)
        if error := self.broken.get(request.name):
            on_line(f"Error: {error.message}")
            raise error
        for base in _plain_bases(request):
            await asyncio.to_thread(_require, base)
        name = f"scripted/{secrets.token_hex(8)}"
        self._images[name] = image_of(request)
        return name

    async def push(self, image_id: str, destination: Reference, on_line: Callable[[str], None]) -> None:
        if image_id not in self._images:
            raise EngineError(f"scripted has no image {image_id}")
        on_line(f"pushing {destination}")
        await asyncio.to_thread(_push, self._images[image_id], destination)
        self.pushed.append(destination)

    async def remove(self, image_id: str) -> None:
        self.removed.append(image_id)
        self._images.pop(image_id, None)


def image_of(request: BuildRequest) -> ScriptedImage:
    """The image that a request gives: equal requests give equal bytes."""
    tar = _tar("built", _identity(request).encode())
    layer = gzip.compress(tar, mtime=0)
    platform = request.platform
    config = encode(
        {
            "architecture": platform.architecture,
            "os": platform.os,
            **({"variant": platform.variant} if platform.variant else {}),
            "config": {"Labels": dict(sorted(request.labels.items()))},
            "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(tar))]},
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, OCI_CONFIG),
        "layers": [descriptor(layer, OCI_LAYER_GZIP)],
    }
    return ScriptedImage(Manifest(OCI_MANIFEST, encode(manifest)), (config, layer))


def _identity(request: BuildRequest) -> str:
    dockerfile = request.dockerfile
    for host in request.registries_plain:
        dockerfile = dockerfile.replace(host.encode(), b"staging")
    facts = (
        dockerfile,
        request.target,
        sorted(request.args.items()),
        sorted(request.contexts),
        str(request.platform),
        _content(request.context),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _content(context: Path | None) -> list[tuple[str, str]]:
    if context is None:
        return []
    tree = FileTree(context)
    return [(path, hashlib.sha256(tree.read(path)).hexdigest()) for path in tree.files if tree.is_file(path)]


def _tar(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _plain_bases(request: BuildRequest) -> list[Reference]:
    """What the Dockerfile takes by digest from registries on loopback."""
    text = request.dockerfile.decode("utf-8", "replace")
    hosts = "|".join(map(re.escape, sorted(request.registries_plain)))
    found = re.findall(rf"(?:{hosts})/\S+@sha256:[0-9a-f]{{64}}", text) if hosts else []
    return [Reference.parse(reference) for reference in found]


def _require(base: Reference) -> None:
    headers = {"Accept": ", ".join(MANIFEST_TYPES)}
    answer = RawRepository(base.registry, base.repository)(
        "HEAD", f"manifests/{base.digest}", headers=headers
    )
    if answer.status != 200:
        raise BuildFailed(f"there is no image {base}", cause=f"the registry answered {answer.status}")


def _push(image: ScriptedImage, destination: Reference) -> None:
    repository = RawRepository(destination.registry, destination.repository)
    headers = {"Content-Type": image.manifest.media_type}
    path = f"manifests/{destination.tag or image.manifest.digest}"
    try:
        for blob in image.blobs:
            repository.push_blob(blob)
        answer = repository("PUT", path, image.manifest.data, headers)
    except (OSError, AssertionError) as error:
        raise EngineError(f"scripted could not push to {destination}", cause=str(error)) from None
    if answer.status != 201:
        raise EngineError(f"scripted could not push to {destination}", cause=str(answer.body))
