"""What the wiring hands to the registry client: nothing here is read from the environment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shipway.registry.address import Endpoint, is_loopback
from shipway.registry.credentials import ANONYMOUS, Credential
from shipway.registry.forward import Forwards
from shipway.registry.proxy import Proxies

CERTIFICATE_DIRECTORIES = (Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d"))

CredentialLookup = Callable[[str, str], Awaitable[Credential]]
"""Registry and repository in, the credential to use there out."""


async def nobody(_registry: str, _repository: str) -> Credential:
    """A lookup that knows no credentials."""
    return ANONYMOUS


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    """How registries are reached. Hosts are spelled as in references, with their port.

    ``plain_http``: hosts spoken to without TLS. ``insecure``: hosts whose certificate is not checked.
    ``secure``: loopback hosts that speak TLS. ``ca_file``: a PEM bundle trusted for every host, beside the
    system's. ``certificate_directories``: each may hold ``<host>/*.crt`` (trusted for that host),
    ``<host>/*.cert`` with ``*.key`` (client certificates), as Docker and Podman lay them out.
    ``authorities``: for a host, a PEM bundle trusted for it alone. ``forwards``: registries that are reached
    through a port-forward into a cluster.
    Times are in seconds; ``tries`` bounds the attempts of one request.
    """

    credentials: CredentialLookup = nobody
    plain_http: frozenset[str] = frozenset()
    insecure: frozenset[str] = frozenset()
    secure: frozenset[str] = frozenset()
    ca_file: Path | None = None
    authorities: Mapping[str, Path] = field(default_factory=dict)
    certificate_directories: tuple[Path, ...] = CERTIFICATE_DIRECTORIES
    proxies: Proxies = field(default_factory=Proxies)
    forwards: Forwards | None = None
    user_agent: str = "shipway"
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    tries: int = 5
    connections_per_host: int = 8

    def forwarded(self, authority: str) -> bool:
        """Whether connections to ``authority`` go through a port-forward."""
        return self.forwards is not None and self.forwards.covers(authority)

    def proxy(self, scheme: str, authority: str) -> str | None:
        """The URL of the proxy for a request, None to go straight."""
        return None if self.forwarded(authority) else self.proxies.for_request(scheme, authority)

    def endpoint(self, registry: str) -> Endpoint:
        """Where ``registry`` answers. HTTPS, except for hosts configured as plain and for loopback.

        A loopback host speaks plain HTTP, as local registries do, unless something says that it speaks
        TLS: ``secure``, ``insecure``, or a directory of certificates of its own. Nothing is tried out: a
        guess would send credentials to whatever answers.
        """
        if registry in self.plain_http:
            return Endpoint.of(registry, "http")
        named = registry in self.secure or self.configures_tls(registry)
        return Endpoint.of(registry, "http" if is_loopback(registry) and not named else "https")

    def configures_tls(self, registry: str) -> bool:
        """Whether something is said of the certificates of this very host."""
        said = registry in self.insecure or registry in self.authorities
        return said or bool(self.certificates(registry))

    def certificates(self, registry: str) -> tuple[Path, ...]:
        """The existing directories with certificates for ``registry``."""
        candidates = (directory / registry for directory in self.certificate_directories)
        return tuple(path for path in candidates if path.is_dir())
