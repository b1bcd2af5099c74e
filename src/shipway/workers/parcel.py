"""What travels between the machine that ships and its workers: a build as data, and how it went.

No path of either machine travels, and no secret: contexts are named by digest, credentials are those that
each machine has itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec

from shipway.errors import EngineError, RegistryError, ShipwayError
from shipway.fleet.builds import is_local
from shipway.oci.manifest import Descriptor
from shipway.ports import BuildRequest, Built
from shipway.values import Reference

SCHEMA = "shipway.parcel/1"
MAIN = ""
"""The name of the main context among those of a parcel."""

T = TypeVar("T")


class Context(msgspec.Struct, frozen=True):
    """A build context as a blob of a registry: a tar archive in gzip. ``held_by`` is the manifest, by digest,
    that keeps a registry from collecting it."""

    held_by: Reference
    descriptor: Descriptor


class Parcel(msgspec.Struct, frozen=True):
    """One build of one platform. ``request`` has no paths: its directories are in ``contexts`` by name, its
    authorities are the PEM texts in ``authorities`` by host. ``engine`` is whom the plan chose; with
    ``insists`` nobody else steps in. The image goes to ``destination`` by digest."""

    request: BuildRequest
    destination: Reference
    contexts: dict[str, Context]
    authorities: dict[str, bytes]
    engine: str
    insists: bool = False
    schema: str = SCHEMA


class Failure(msgspec.Struct, frozen=True):
    """An error as data: ``kind`` is the name of its class, the rest what that has."""

    kind: str
    message: str
    cause: str | None = None
    help: str | None = None
    transient: bool = False
    status: int = 0
    reason: str = ""


class Answer(msgspec.Struct, frozen=True):
    """How a parcel went: ``built`` or ``failure``. ``lines`` is how many lines of output there were."""

    lines: int
    built: Built | None = None
    failure: Failure | None = None


def parcel(
    request: BuildRequest,
    destination: Reference,
    contexts: Mapping[str, Context],
    engine: str,
    *,
    insists: bool = False,
) -> Parcel:
    """Wrap a request whose directories travel as ``contexts``. Raises ValueError for one with secrets:
    those stay where they are."""
    if request.secrets or request.ssh or request.secret_args & request.args.keys():
        raise ValueError("a build with secrets does not travel")
    authorities = {host: path.read_bytes() for host, path in request.authorities.items()}
    elsewhere = {name: value for name, value in request.contexts.items() if not is_local(value)}
    bare = replace(request, context=None, contexts=elsewhere, authorities={})
    return Parcel(bare, destination, dict(contexts), authorities, engine, insists)


def request_of(
    parcel: Parcel, directories: Mapping[str, Path], authorities: Mapping[str, Path]
) -> BuildRequest:
    """The request on the machine that builds it, where its contexts and authorities are files again."""
    named = {name: str(path) for name, path in directories.items() if name != MAIN}
    return replace(
        parcel.request,
        context=directories.get(MAIN),
        contexts={**parcel.request.contexts, **named},
        authorities=dict(authorities),
    )


# --- as bytes ---------------------------------------------------------------------------------


def encode(value: Parcel | Answer) -> bytes:
    """The bytes of a parcel or an answer (MessagePack)."""
    return msgspec.msgpack.encode(value)


def decode(data: bytes, kind: type[T]) -> T:
    """What ``encode`` was given. Raises EngineError for what another version of Shipway wrote."""
    try:
        found = msgspec.msgpack.decode(data, type=kind, dec_hook=_no_path)
    except msgspec.MsgspecError as error:
        raise _other_version(str(error)) from None
    if isinstance(found, Parcel) and found.schema != SCHEMA:
        raise _other_version(f"it is written as {found.schema}")
    return found


def _no_path(kind: type, value: object) -> object:
    raise msgspec.ValidationError(f"{value!r} is a {kind.__name__}, and paths do not travel")


def _other_version(cause: str) -> EngineError:
    return EngineError(
        "this machine and its worker do not understand each other",
        cause=f"they run different versions of Shipway: {cause}",
        help="install the same version on all machines",
    )


# --- errors -----------------------------------------------------------------------------------


def failure_of(error: ShipwayError) -> Failure:
    """An error as data."""
    return Failure(
        type(error).__name__,
        error.message,
        error.cause,
        error.help,
        transient=isinstance(error, EngineError) and error.transient,
        status=error.status if isinstance(error, RegistryError) else 0,
        reason=error.reason if isinstance(error, RegistryError) else "",
    )


def error_of(failure: Failure) -> ShipwayError:
    """The error again, to be raised on another machine."""
    kinds = {kind.__name__: kind for kind in _kinds(ShipwayError)}
    error = kinds.get(failure.kind, EngineError)(failure.message, cause=failure.cause, help=failure.help)
    if isinstance(error, EngineError):
        error.transient = failure.transient
    if isinstance(error, RegistryError):
        error.status, error.reason = failure.status, failure.reason
    return error


def _kinds(kind: type[ShipwayError]) -> Iterator[type[ShipwayError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)
