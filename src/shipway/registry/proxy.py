"""Which proxy a request goes through, from the usual environment variables."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from shipway.registry.address import is_loopback, split_authority


@dataclass(frozen=True, slots=True)
class Proxies:
    """``http`` and ``https`` are proxy URLs for the scheme of the request, ``bypass`` the NO_PROXY entries.

    The URLs may hold a password, so they stay out of ``repr``.
    """

    http: str | None = None
    https: str | None = None
    bypass: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Proxies(http={self.http is not None}, https={self.https is not None}, bypass={self.bypass})"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Proxies:
        """Read HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY; lower-case spellings win, as in curl."""

        def value(name: str) -> str | None:
            return environ.get(name.lower()) or environ.get(name.upper()) or None

        everything = value("all_proxy")
        bypass = tuple(part.strip() for part in (value("no_proxy") or "").split(",") if part.strip())
        return cls(
            _with_scheme(value("http_proxy") or everything),
            _with_scheme(value("https_proxy") or everything),
            bypass,
        )

    def for_request(self, scheme: str, authority: str) -> str | None:
        """The proxy URL for a request, None to go straight; loopback is never proxied."""
        proxy = self.https if scheme == "https" else self.http
        if proxy is None or is_loopback(authority) or self._bypassed(authority):
            return None
        return proxy

    def _bypassed(self, authority: str) -> bool:
        host, port = split_authority(authority)
        return any(_matches(entry, host.lower(), port) for entry in self.bypass)


def _with_scheme(url: str | None) -> str | None:
    return url if url is None or "://" in url else f"http://{url}"


def _matches(entry: str, host: str, port: int | None) -> bool:
    """NO_PROXY as Go reads it: ``*``, a CIDR block, an address, a name with its subdomains, ``name:port``."""
    if entry == "*":
        return True
    if "/" in entry:
        return _in_network(host, entry)
    name, wanted_port = split_authority(entry.lower())
    if wanted_port is not None and wanted_port != port:
        return False
    name = name.lstrip("*").lstrip(".")
    return host == name or host.endswith(f".{name}")


def _in_network(host: str, block: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(block, strict=False)
    except ValueError:
        return False
