"""Hosts and URLs of registries: what is loopback, what may be followed from where."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from shipway.errors import RegistryError

# Docker Hub answers the API under another name than the one in references
_API_HOSTS = {"docker.io": "registry-1.docker.io"}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the API of a registry is: ``registry`` as references name it, ``authority`` is host[:port]."""

    registry: str
    scheme: str
    authority: str

    @classmethod
    def of(cls, registry: str, scheme: str) -> Endpoint:
        return cls(registry, scheme, _API_HOSTS.get(registry, registry))

    @property
    def base(self) -> str:
        """``scheme://authority``, without a final slash."""
        return f"{self.scheme}://{self.authority}"

    @property
    def host(self) -> str:
        return split_authority(self.authority)[0]

    @property
    def port(self) -> int:
        return split_authority(self.authority)[1] or _DEFAULT_PORTS[self.scheme]

    def owns(self, url: str) -> bool:
        """Whether ``url`` has the scheme, host and port of this endpoint: only there may secrets go."""
        return origin(url) == origin(self.base)


def split_authority(authority: str) -> tuple[str, int | None]:
    """Host and port of ``host``, ``host:port``, ``[v6]`` or ``[v6]:port``; brackets are dropped."""
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        return host, int(port[1:]) if port[1:].isdigit() else None
    host, colon, port = authority.rpartition(":")
    if not colon or not port.isdigit() or ":" in host:
        return authority, None
    return host, int(port)


def is_loopback(authority: str) -> bool:
    """127.0.0.0/8, ::1 and localhost, by spelling: names are not resolved."""
    host = split_authority(authority)[0].lower()
    if host == "localhost":
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL, default ports filled in."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(scheme)


def shown(url: str) -> str:
    """A URL for people: without user information and query, which may be signed."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def resolve(location: str, answered: str) -> str:
    """``location`` of an answer against the URL that answered, nothing re-encoded.

    Raises RegistryError for what is no http(s) URL.
    """
    try:
        url = urljoin(answered, location)
        scheme, host, _ = origin(url)
    except ValueError:
        scheme, host = "", ""
    if scheme not in _DEFAULT_PORTS or not host or _UNSAFE.search(url):
        raise RegistryError(
            f"{shown(answered)} points to something that is no URL",
            cause="the registry, or a proxy in front of it, sends a broken Location, Link or realm",
            reason="location",
        )
    return url


def guard_realm(realm: str, endpoint: Endpoint) -> str:
    """``realm`` when credentials may go there. Raises RegistryError otherwise.

    Against a registry that makes its clients talk to inner services (go-containerregistry#2258).
    """
    url = resolve(realm, endpoint.base)
    if endpoint.scheme == "https" and origin(url)[0] != "https":
        raise RegistryError(
            f"{endpoint.registry} asks for credentials to be sent to {shown(url)} without TLS",
            cause="the token service of a registry behind TLS must be behind TLS too",
            help="correct the realm in the registry's configuration (auth.token.realm)",
            reason="location",
        )
    _guard_private(url, endpoint, "its token service")
    return url


def guard_location(location: str, answered: str, endpoint: Endpoint) -> tuple[str, bool]:
    """The URL an upload goes on at, and whether it had to be mended. Raises RegistryError.

    A registry behind a TLS proxy that does not send X-Forwarded-Proto answers with http:// or a wrong
    port of its own host (distribution#970, #2862); then the endpoint's own scheme and port are right.
    """
    url = resolve(location, answered)
    scheme, host, _ = origin(url)
    if endpoint.scheme == "https" and scheme == "http":
        if host != endpoint.host.lower():
            raise RegistryError(
                f"{endpoint.registry} asks for an upload to be sent to {shown(url)} without TLS",
                cause="an upload that began behind TLS must stay behind TLS",
                help="let the proxy in front of it send X-Forwarded-Proto and Host",
                reason="location",
            )
        parts = urlsplit(url)
        return f"{endpoint.base}{url.removeprefix(f'{parts.scheme}://{parts.netloc}')}", True
    _guard_private(url, endpoint, "an upload")
    return url, False


def guard_redirect(location: str, answered: str, endpoint: Endpoint) -> str:
    """The URL a download goes on at. Raises RegistryError.

    Private storage behind a registry is common and the content is checked by digest, so only
    addresses of this very machine and link-local ones (cloud metadata) are refused.
    """
    url = resolve(location, answered)
    address = _address(origin(url)[1])
    if is_loopback(urlsplit(url).netloc) or (address is not None and address.is_link_local):
        _guard_private(url, endpoint, "a download")
    return url


def _guard_private(url: str, endpoint: Endpoint, what: str) -> None:
    host = origin(url)[1]
    address = _address(host)
    private = host == "localhost" or (address is not None and address.is_private)
    both_local = is_loopback(host) and is_loopback(endpoint.authority)
    if private and host != endpoint.host.lower() and not both_local:
        raise RegistryError(
            f"{endpoint.registry} points {what} to the private address {host}",
            cause="a registry that sends its clients to inner addresses of another host is not followed",
            help="use the registry by the name that its own configuration knows",
            reason="location",
        )


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
