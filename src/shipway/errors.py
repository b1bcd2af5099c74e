"""Every error that Shipway raises on purpose, and the exit code that each one means.

::

    ShipwayError
    ├── NotMet               1    findings, or a claim that did not hold
    ├── UsageError           2    wrong usage or configuration
    │   ├── InvalidValue          a malformed digest, reference, platform, duration …
    │   ├── ConfigError           a file that cannot be read as what it should be
    │   │   └── DockerfileError   a Dockerfile that no engine would accept
    │   └── CycleError            images that build from each other
    ├── EnvironmentFailed    3    the world outside refused or failed
    │   ├── EngineError
    │   │   ├── EngineMissing
    │   │   ├── BuildFailed
    │   │   └── CannotAssemble    a build engine is needed
    │   ├── RegistryError
    │   │   ├── Unreachable       no connection, no name, connection lost
    │   │   ├── TlsFailed         certificate or protocol
    │   │   ├── Unauthorized      no or wrong credentials
    │   │   ├── Denied            known, but not allowed
    │   │   ├── NotFound          no such repository, manifest or blob
    │   │   ├── RateLimited
    │   │   └── Mismatch          the registry holds something else than it should
    │   ├── ClusterError          the Kubernetes API refused, failed, or answered nonsense
    │   │   ├── ClusterUnreachable    no connection, no name, no trust, connection lost
    │   │   ├── ClusterUnauthorized   401: no or wrong credentials
    │   │   ├── ClusterDenied         403: known, but not allowed
    │   │   ├── ClusterNotFound       404: no such kind or object
    │   │   └── ClusterConflict       409: others kept changing the object
    │   ├── HostError             disk, permissions, a process that cannot start
    │   │   └── DiskFull
    │   ├── GitError
    │   ├── LedgerError
    │   │   └── Locked            another run holds this fleet
    │   └── TimedOut              a step took longer than it was given
    ├── PartlyDelivered      4    a resume will finish it
    └── Interrupted        130
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, TypedDict, Unpack

from shipway.place import Place


class Told(TypedDict, total=False):
    """What an error tells beside its message; see ``ShipwayError``."""

    place: Place | None
    cause: str | None
    help: str | None


class ShipwayError(Exception):
    """An error for people: what was tried and seen, where, why, and what to type next.

    ``message`` says what was tried and what was seen. ``place`` is the file position it concerns,
    ``cause`` the likely reason and ``help`` the next step, each without a final full stop.
    """

    exit_code: ClassVar[int] = 3

    def __init__(
        self, message: str, *, place: Place | None = None, cause: str | None = None, help: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.cause = cause
        self.help = help

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class NotMet(ShipwayError):
    """Findings at or above the threshold, or a claim that did not hold."""

    exit_code = 1


class UsageError(ShipwayError):
    """Wrong usage or configuration: nothing was tried."""

    exit_code = 2


class InvalidValue(UsageError, ValueError):
    """A text that is no valid digest, reference, platform or duration."""


class ConfigError(UsageError):
    """A file that cannot be read as what it should be."""


class DockerfileError(ConfigError):
    """A Dockerfile that no engine would accept."""


class CycleError(UsageError):
    """Images that build from each other; the message names every edge."""


class EnvironmentFailed(ShipwayError):
    """The world outside refused or failed."""


class EngineError(EnvironmentFailed):
    """A build engine failed. ``transient`` tells that the same may succeed when it is tried again."""

    def __init__(self, message: str, *, transient: bool = False, **told: Unpack[Told]) -> None:
        super().__init__(message, **told)
        self.transient = transient


class EngineMissing(EngineError):
    """No usable build engine on this machine."""


class BuildFailed(EngineError):
    """The engine ran and the build did not succeed."""


class CannotAssemble(EngineError):
    """An image that cannot be put together exactly without a build engine; the message is the reason."""


class RegistryError(EnvironmentFailed):
    """A registry refused, failed, or answered nonsense. ``status`` is the HTTP status, 0 if none came.

    ``reason`` is a stable word in kebab-case for the cause where it is known (``no-credentials``,
    ``certificate-expired`` …), so that nobody has to read it out of the text.
    """

    def __init__(self, message: str, *, status: int = 0, reason: str = "", **told: Unpack[Told]) -> None:
        super().__init__(message, **told)
        self.status = status
        self.reason = reason


class Unreachable(RegistryError):
    """No connection to the registry, or it was lost."""


class TlsFailed(RegistryError):
    """The certificate or the protocol does not fit."""


class Unauthorized(RegistryError):
    """No credentials, or wrong ones."""


class Denied(RegistryError):
    """The registry knows the caller and refuses."""


class NotFound(RegistryError):
    """No such repository, manifest or blob."""


class RateLimited(RegistryError):
    """Too many requests, and waiting did not help."""


class Mismatch(RegistryError):
    """The registry holds something else than it should."""


class ClusterError(EnvironmentFailed):
    """A Kubernetes API refused, failed, or answered nonsense. ``status`` is the HTTP status, 0 for none."""

    def __init__(self, message: str, *, status: int = 0, **told: Unpack[Told]) -> None:
        super().__init__(message, **told)
        self.status = status


class ClusterUnreachable(ClusterError):
    """No connection to the cluster, no trust in what answers, or it was lost and did not come back."""


class ClusterUnauthorized(ClusterError):
    """The cluster does not know the caller."""


class ClusterDenied(ClusterError):
    """The cluster knows the caller and refuses."""


class ClusterNotFound(ClusterError):
    """No such object, or no such kind of objects."""


class ClusterConflict(ClusterError):
    """Others changed the object at the same time, time and again."""


class HostError(EnvironmentFailed):
    """This machine refused: permissions, a program that cannot start."""


class DiskFull(HostError):
    """No space left on the device."""


class GitError(EnvironmentFailed):
    """Git refused or failed."""


class LedgerError(EnvironmentFailed):
    """The ledger cannot be read or written."""


class Locked(LedgerError):
    """Another run holds this fleet."""


class TimedOut(EnvironmentFailed):
    """A step took longer than it was given, and was stopped."""


class PartlyDelivered(ShipwayError):
    """Some images were delivered, some not; running again finishes it."""

    exit_code = 4


class Interrupted(ShipwayError):
    """Stopped by the user; nothing is half-published."""

    exit_code = 130


def beneath(error: BaseException | None) -> Iterator[BaseException]:
    """An error of a connection and what lies beneath it, as aiohttp nests them."""
    while error is not None:
        yield error
        inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
        error = inner if inner is not error and isinstance(inner, BaseException) else error.__cause__
