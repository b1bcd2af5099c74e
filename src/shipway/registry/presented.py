"""What registries present over TLS: satisfies ``ports.Presented``."""

from __future__ import annotations

import hashlib

from shipway.ports import ServedCertificate
from shipway.registry.address import split_authority
from shipway.registry.probe import presented, read_certificate

_HTTPS = 443


class RegistryPresented:
    """Connects, looks at the certificate and hangs up; nothing is sent."""

    async def certificate(self, registry: str) -> ServedCertificate | None:
        """See ``ports.Presented``."""
        host, port = split_authority(registry)
        encoded = await presented(host, port or _HTTPS)
        return _served(encoded) if encoded is not None else None

    def read(self, pem: bytes) -> ServedCertificate:
        """See ``ports.Presented``."""
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding

        return _served(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER))


def _served(encoded: bytes) -> ServedCertificate:
    told = read_certificate(encoded)
    return ServedCertificate(
        told.names, told.issuer, told.begins, told.ends, hashlib.sha256(encoded).hexdigest()
    )
