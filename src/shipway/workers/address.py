"""Where a scheduler answers, and the TLS files for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shipway.errors import InvalidValue, UsageError

_AUTHORITY = re.compile(r"(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9_.-]+):[0-9]{1,5}\Z")


@dataclass(frozen=True, slots=True)
class Tls:
    """The files that Dask's own security options name: the authority that both sides trust, and this side's
    certificate and key, all PEM. Without them Dask's configuration counts."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __bool__(self) -> bool:
        return self.authority is not None

    def require_whole(self) -> Self:
        """These files. Raises UsageError when some are given and others are not."""
        given = [file is not None for file in (self.authority, self.certificate, self.key)]
        if any(given) and not all(given):
            raise UsageError(
                "the authority, the certificate and the key for TLS go together",
                cause="in a Dask cluster with TLS each side shows the other a certificate",
            )
        return self


NO_TLS = Tls()


@dataclass(frozen=True, slots=True)
class Address:
    """``HOST:PORT`` of a Dask scheduler."""

    authority: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of ``dask://HOST:PORT``, ``tcp://HOST:PORT`` or ``tls://HOST:PORT``. Raises InvalidValue."""
        scheme, separator, authority = text.partition("://")
        if not separator or scheme not in ("dask", "tcp", "tls") or not _AUTHORITY.match(authority):
            raise InvalidValue(
                f"{text!r} is no address of a scheduler",
                help="write dask://HOST:PORT; Dask's schedulers listen on port 8786 unless told otherwise",
            )
        return cls(authority)

    def under(self, tls: Tls) -> str:
        """The address as Dask writes it."""
        return f"{'tls' if tls else 'tcp'}://{self.authority}"
