"""What a failed connection was: aiohttp's exceptions sorted, with a second look where that tells more."""

from __future__ import annotations

import errno
import socket
import ssl

import aiohttp

from shipway.errors import beneath
from shipway.registry.address import split_authority
from shipway.registry.diagnose import Failure
from shipway.registry.probe import look_at_tls, speaks_plain_http


def is_transient(error: Exception) -> bool:
    """Whether the connection was lost on the way, so that the same request may succeed when sent again.

    A name, a port or a certificate that is wrong stays wrong.
    """
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError):
        return isinstance(error, aiohttp.ClientConnectorError) and _is_reset(error)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return False
    return isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | ConnectionError)


async def classify(error: Exception, scheme: str, authority: str, proxied: bool) -> Failure:
    """Sort ``error`` of a request to ``authority``; no second look is taken through a proxy."""
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return Failure("proxy", authority, _detail(error))
    if isinstance(error, TimeoutError):
        return Failure("timeout", authority)
    inner = list(beneath(error))
    if any(isinstance(link, ssl.SSLError) for link in inner):
        return await _tls_failure(inner, authority, proxied)
    if name := next((link for link in inner if isinstance(link, socket.gaierror)), None):
        return Failure("name", authority, _detail(name))
    if any(getattr(link, "errno", None) == errno.ECONNREFUSED for link in inner):
        return Failure("refused", authority)
    if scheme == "http" and not proxied and await look_at_tls(*_host_and_port(authority, 80)) is not None:
        return Failure("tls-server", authority)
    return Failure("lost" if is_transient(error) else "other", authority, _detail(error))


async def _tls_failure(inner: list[BaseException], authority: str, proxied: bool) -> Failure:
    at = _host_and_port(authority, 443)
    # aiohttp's errors inherit from those of ssl, without their fields
    own = [
        link for link in inner if isinstance(link, ssl.SSLError) and not isinstance(link, aiohttp.ClientError)
    ]
    for link in own:
        if isinstance(link, ssl.SSLCertVerificationError):
            look = None if proxied else await look_at_tls(*at)
            return Failure("certificate", authority, link.verify_message, link.verify_code, look)
    if not proxied and await speaks_plain_http(*at):
        return Failure("plain-server", authority)
    reason = next((link.reason for link in own if link.reason), "the handshake failed")
    return Failure("tls", authority, reason)


def _host_and_port(authority: str, default: int) -> tuple[str, int]:
    host, port = split_authority(authority)
    return host, port or default


def _is_reset(error: aiohttp.ClientConnectorError) -> bool:
    return isinstance(error.os_error, ConnectionResetError)


def _detail(error: BaseException) -> str:
    """The system's word for an error; never its full text, which may hold a URL with a secret."""
    word = getattr(error, "strerror", None)
    return word if isinstance(word, str) and word else type(error).__name__
