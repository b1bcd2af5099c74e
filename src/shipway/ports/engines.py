"""Build engines on this machine, and what their processors can run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from shipway.fleet.model import Attest
from shipway.values import Platform, Reference


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
