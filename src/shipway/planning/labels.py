"""What an image says of itself: annotations of the OCI image specification (annotations.md) as labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from shipway.dockerfile.resolved import BaseInput, ResolvedBuild
from shipway.errors import InvalidValue
from shipway.fleet.matching import parsed_reference
from shipway.values import Reference

_PREFIX = "org.opencontainers.image."
_EPOCH = "SOURCE_DATE_EPOCH"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an image comes from: the URL of its repository, its version, and the time of what it is made
    from in seconds (SOURCE_DATE_EPOCH)."""

    source: str | None = None
    version: str | None = None
    epoch: int | None = None


def epoch_of(environ: Mapping[str, str], committed: datetime | None) -> int | None:
    """SOURCE_DATE_EPOCH of the environment, else the time of the commit, else None.

    Raises InvalidValue for a value that is no number of seconds (reproducible-builds.org/specs).
    """
    given = environ.get(_EPOCH)
    if given is None:
        return None if committed is None else int(committed.timestamp())
    if not (given.isascii() and given.isdigit()):
        raise InvalidValue(f"{_EPOCH} is {given!r}", cause="it has to be a number of seconds since 1970")
    return int(given)


def origin_labels(origin: Origin, build: ResolvedBuild, pins: Mapping[str, Reference]) -> dict[str, str]:
    """The labels that tell where an image comes from, except those that its Dockerfile sets itself.

    ``pins`` maps references of bases to what is built on in their place. No time of the build is among
    them: built again from the same commit, the image has the same labels.
    """
    told = {
        "source": origin.source,
        "version": origin.version,
        "created": None if origin.epoch is None else _time(origin.epoch),
        **_base(build, pins),
    }
    own = set(_labels(build))
    return {_PREFIX + key: value for key, value in told.items() if value and _PREFIX + key not in own}


def _time(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _base(build: ResolvedBuild, pins: Mapping[str, Reference]) -> dict[str, str]:
    """The image that the last stage goes back to; a digest only where the build is bound to it."""
    base = underlying(build)
    reference = None if base is None else parsed_reference(base.reference)
    if reference is None or reference.repository == "library/scratch":
        return {}
    pinned = pins.get(str(reference), reference)
    name = str(reference).partition("@")[0]
    return {"base.name": name, **({"base.digest": str(pinned.digest)} if pinned.digest else {})}


def underlying(build: ResolvedBuild) -> BaseInput | None:
    """The image from outside the Dockerfile that the image goes back to; None for one that has none."""
    return next((base for base in build.bases if _is_under_target(base, build)), None)


def _is_under_target(base: BaseInput, build: ResolvedBuild) -> bool:
    stages = build.image_stages
    return bool(stages) and base.stage == stages[-1].stage.index and base.via in ("from", "context")


def _labels(build: ResolvedBuild) -> Iterator[str]:
    for each in build.image_stages:
        for instruction in each.stage.instructions:
            if instruction.keyword == "LABEL":
                yield from (name.strip("\"'") for name in instruction.args[::3])
