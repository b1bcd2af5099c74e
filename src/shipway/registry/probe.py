"""A second look at a host that a connection failed to: what does it really speak, what does it present?

Nothing that is seen here is trusted or used for anything but an explanation, and nothing secret is sent.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = 5.0
_MAX_ANSWER = 8192


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server certificate for people. ``names`` are those it is valid for, times are in UTC."""

    issuer: str
    names: tuple[str, ...]
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class TlsLook:
    """What a host presents over TLS, and the time it says it is (its Date header)."""

    certificate: Certificate
    server_time: datetime | None


async def look_at_tls(host: str, port: int) -> TlsLook | None:
    """What answers over TLS at ``host:port``, whoever it is; None when nothing does."""
    with suppress(OSError, TimeoutError, ValueError):
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=_anyone())
            try:
                encoded = writer.get_extra_info("ssl_object").getpeercert(True)
                certificate = read_certificate(encoded)
                return TlsLook(certificate, _server_time(await _ask(host, reader, writer)))
            finally:
                writer.close()
    return None


async def presented(host: str, port: int) -> bytes | None:
    """The certificate, in DER form, that ``host:port`` presents right now; None when nothing answers."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=_anyone())
            encoded: bytes = writer.get_extra_info("ssl_object").getpeercert(True)
            writer.close()
            return encoded
    return None


def _anyone() -> ssl.SSLContext:
    """Trusts whoever answers: nothing that is seen is used for anything but telling."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def speaks_plain_http(host: str, port: int) -> bool:
    """Whether ``host:port`` answers HTTP without TLS."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                return (await _ask(host, reader, writer)).startswith(b"HTTP/1.")
            finally:
                writer.close()
    return False


async def _ask(host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The head of the answer to ``GET /v2/``; empty when the host hangs up."""
    name = f"[{host}]" if ":" in host else host
    writer.write(f"GET /v2/ HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
    with suppress(OSError):
        await writer.drain()
        return await reader.read(_MAX_ANSWER)
    return b""


def read_certificate(encoded: bytes) -> Certificate:
    """The facts of a certificate in DER form. Raises ValueError for anything else."""
    # slow to import, and needed only when something is wrong
    from cryptography import x509

    certificate = x509.load_der_x509_certificate(encoded)
    names: tuple[str, ...] = ()
    with suppress(x509.ExtensionNotFound):
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        addresses = extension.value.get_values_for_type(x509.IPAddress)
        names = (*extension.value.get_values_for_type(x509.DNSName), *map(str, addresses))
    return Certificate(
        certificate.issuer.rfc4514_string(),
        names,
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def _server_time(head: bytes) -> datetime | None:
    for line in head.split(b"\r\n\r\n")[0].splitlines()[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"date":
            with suppress(ValueError, IndexError):
                return parsedate_to_datetime(value.decode("latin-1").strip()).astimezone(UTC)
    return None


def is_address(host: str) -> bool:
    """Whether ``host`` is an IP address and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
