"""TLS settings of a registry host: whom to trust, and who we are."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from shipway.errors import ConfigError
from shipway.place import Place
from shipway.registry.config import RegistryConfig


def context_for(registry: str, config: RegistryConfig) -> ssl.SSLContext | Literal[True]:
    """The context for connections to ``registry``. Raises ConfigError for an unreadable certificate.

    True stands for aiohttp's own, which trusts the system's authorities and is there already: reading them
    once more takes longer than a request.

    Trusts the system's authorities, ``ca_file``, those of the host and ``certs.d/<host>/*.crt``; presents
    the client certificates ``certs.d/<host>/*.cert`` with their ``*.key`` (dockerd's and
    containers-certs.d(5) layout).
    """
    if not (config.ca_file or config.configures_tls(registry)):
        return True
    context = ssl.create_default_context()
    if config.ca_file is not None:
        _trust(context, config.ca_file)
    if registry in config.authorities:
        _trust(context, config.authorities[registry])
    for directory in config.certificates(registry):
        for path in sorted(directory.glob("*.crt")):
            _trust(context, path)
        for certificate, key in _client_pairs(directory):
            _present(context, certificate, key)
    if registry in config.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _trust(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"the certificate authority {path} cannot be read: {_reason(error)}",
            place=Place(str(path)),
            cause="it has to be a readable file with one or more certificates in PEM form",
        ) from None


def _client_pairs(directory: Path) -> Iterator[tuple[Path, Path]]:
    for certificate in sorted(directory.glob("*.cert")):
        key = certificate.with_suffix(".key")
        if not key.is_file():
            raise ConfigError(
                f"the client certificate {certificate} has no key beside it",
                place=Place(str(certificate)),
                help=f"put its private key at {key}",
            )
        yield certificate, key


def _present(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        # an encrypted key would otherwise ask on the terminal
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"the client certificate {certificate} cannot be used: {_reason(error)}",
            place=Place(str(certificate)),
            cause=f"it and {key.name} have to belong together, readable, in PEM form, the key not encrypted",
        ) from None


def _reason(error: OSError) -> str:
    return (error.reason if isinstance(error, ssl.SSLError) else error.strerror) or "not in PEM form"
