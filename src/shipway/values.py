"""Values that are parsed once, frozen, and own their text form."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from shipway.errors import InvalidValue

_DIGEST_LENGTHS = {"sha256": 64, "sha512": 128}
_HEX = re.compile(r"[0-9a-f]+\Z")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """``algorithm:hex`` as in the OCI image specification, descriptor.md § Digests."""

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise InvalidValue unless ``text`` is a sha256 or sha512 digest in lower-case hex."""
        algorithm, colon, value = text.partition(":")
        length = _DIGEST_LENGTHS.get(algorithm)
        if not colon or length is None or len(value) != length or not _HEX.match(value):
            raise InvalidValue(
                f"{text!r} is not a digest",
                cause="a digest is sha256: and 64, or sha512: and 128, lower-case hexadecimal digits",
            )
        return cls(algorithm, value)

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> Self:
        """The digest of ``data``."""
        return cls(algorithm, hashlib.new(algorithm, data).hexdigest())

    @property
    def short(self) -> str:
        """The first twelve hexadecimal digits, for people."""
        return self.hex[:12]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "i386": ("386", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_DEFAULT_VARIANTS = {("amd64", "v1"): "", ("arm64", "v8"): "", ("arm64", "8"): "", ("arm", ""): "v7"}
_PLATFORM_PART = re.compile(r"[a-z0-9_.-]+\Z")


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """``os/architecture[/variant]``, normalised as containerd's platforms package does it."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise InvalidValue unless ``text`` has two or three parts."""
        parts = text.strip().lower().split("/")
        if len(parts) not in (2, 3) or not all(_PLATFORM_PART.match(part) for part in parts):
            raise InvalidValue(
                f"{text!r} is not a platform",
                help="write os/architecture or os/architecture/variant, such as linux/amd64",
            )
        return cls.normalised(*parts)

    @classmethod
    def normalised(cls, os: str, architecture: str, variant: str = "") -> Self:
        """The platform with aliases (``aarch64``, ``arm64/v8``) folded into one spelling."""
        architecture, implied = _ARCHITECTURES.get(architecture, (architecture, ""))
        variant = variant or implied
        return cls(os, architecture, _DEFAULT_VARIANTS.get((architecture, variant), variant))

    def __str__(self) -> str:
        parts = (self.os, self.architecture, self.variant)
        return "/".join(part for part in parts if part)


_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*\Z")
_HOST = re.compile(
    r"(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
    r"(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?\Z"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_DOCKER_HUB = "docker.io"
_DOCKER_HUB_ALIASES = frozenset({"index.docker.io", "registry-1.docker.io"})


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """``registry/repository[:tag][@digest]`` in its canonical form.

    Follows distribution/reference (Docker's normalisation): a first component without a dot or a
    port that is not ``localhost`` belongs to ``docker.io``, and a single component there to ``library/``.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise InvalidValue with the reason unless ``text`` is a reference; no tag is added."""
        rest, at, digest = text.partition("@")
        name, tag = _split_tag(rest)
        registry, repository = _split_registry(name)
        if not _HOST.match(registry):
            raise InvalidValue(
                f"{text!r} is not an image reference", cause=f"{registry!r} is not a registry host"
            )
        if not _REPOSITORY.match(repository):
            upper = any(c.isupper() for c in repository)
            raise InvalidValue(
                f"{text!r} is not an image reference",
                cause="repository names are lower-case"
                if upper
                else f"{repository!r} is not a repository name",
                help=f"write {text.lower()}" if upper else None,
            )
        if tag is not None and not _TAG.match(tag):
            raise InvalidValue(
                f"{text!r} is not an image reference",
                cause=f"{tag!r} is not a tag: letters, digits, '_', '.' and '-', at most 128,"
                " not starting with '.' or '-'",
            )
        return cls(registry, repository, tag, Digest.parse(digest) if at else None)

    @property
    def name(self) -> str:
        """``registry/repository``: what two references share when they name the same repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def familiar(self) -> str:
        """The short form that people write: ``alpine:3.20`` for ``docker.io/library/alpine:3.20``."""
        text = str(self)
        for prefix in (f"{_DOCKER_HUB}/library/", f"{_DOCKER_HUB}/"):
            if text.startswith(prefix):
                return text.removeprefix(prefix)
        return text

    def with_tag(self, tag: str) -> Self:
        """The same repository at ``tag``, without a digest."""
        if not _TAG.match(tag):
            raise InvalidValue(f"{tag!r} is not a tag")
        return replace(self, tag=tag, digest=None)

    def with_digest(self, digest: Digest) -> Self:
        """The same repository at ``digest``, without a tag."""
        return replace(self, tag=None, digest=digest)

    def without_version(self) -> Self:
        """The repository alone, with neither tag nor digest."""
        return replace(self, tag=None, digest=None)

    def __str__(self) -> str:
        text = self.name
        if self.tag is not None:
            text += f":{self.tag}"
        if self.digest is not None:
            text += f"@{self.digest}"
        return text


def _split_tag(text: str) -> tuple[str, str | None]:
    head, colon, tail = text.rpartition(":")
    if colon and "/" not in tail:
        return head, tail
    return text, None


@lru_cache(maxsize=4096)
def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        registry, repository = first, rest
    else:
        registry, repository = _DOCKER_HUB, name
    if registry in _DOCKER_HUB_ALIASES:
        registry = _DOCKER_HUB
    if registry == _DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d))+\Z")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)")


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time in seconds; written as Go writes it (``1h30m``), with ``d`` for days."""

    seconds: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise InvalidValue unless ``text`` is ``0`` or numbers with units, such as ``90s`` or ``1h30m``."""
        if text == "0":
            return cls(0.0)
        if not _DURATION.match(text):
            raise InvalidValue(
                f"{text!r} is not a duration", help="write a number with a unit, such as 90s, 15m or 1h30m"
            )
        return cls(sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text)))

    def __str__(self) -> str:
        if self.seconds < 60:
            return f"{self.seconds:.3g}s"
        minutes, seconds = divmod(round(self.seconds), 60)
        hours, minutes = divmod(minutes, 60)
        parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
        return "".join(f"{count}{unit}" for count, unit in parts if count)
