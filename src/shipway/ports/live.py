"""What is observed of registries before anything is built."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shipway.ports.engines import EngineTrust
from shipway.ports.registries import PushProof
from shipway.values import Platform, Reference


@dataclass(frozen=True, slots=True)
class Reached:
    """How a registry answers. ``base`` is scheme and host; ``time`` its clock; ``expires`` and ``issuer`` are
    those of its certificate, None and empty without TLS or behind a proxy. ``is_harbor`` tells whose API it
    has beside the distribution API."""

    base: str
    time: datetime | None = None
    expires: datetime | None = None
    issuer: str = ""
    is_harbor: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """The credentials that would be used. ``source`` is where they were found, empty when there are none;
    ``searched`` the places that had none, ``similar`` the hosts there whose name is close. ``expires`` is
    known for tokens that tell it."""

    source: str = ""
    username: str = ""
    searched: tuple[str, ...] = ()
    similar: tuple[str, ...] = ()
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """Storage of a project in bytes; ``limit`` is None when there is none."""

    used: int
    limit: int | None


class Inspector(Protocol):
    """Looks at registries and writes nothing. Every method raises a RegistryError with its ``reason``."""

    async def reach(self, registry: str, trust: EngineTrust | None = None) -> Reached:
        """See that ``registry`` answers as one and takes the credentials; as an engine with ``trust``
        sees it where that is given, without credentials."""

    async def account(self, reference: Reference) -> Account:
        """The credentials for a repository. Raises ConfigError for a broken credentials file."""

    async def prove_push(self, repository: Reference) -> PushProof:
        """See ``Registry.prove_push``."""

    async def platforms(self, reference: Reference) -> tuple[Platform, ...]:
        """The platforms that an image has. Raises NotFound."""

    async def quota(self, repository: Reference) -> Quota | None:
        """The quota of the Harbor project of ``repository``; None when Harbor does not tell."""

    async def is_immutable(self, reference: Reference) -> bool:
        """Whether the tag of ``reference`` exists in Harbor and may not be moved."""
