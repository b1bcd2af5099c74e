"""Keys that sign evidence: ECDSA over P-256 with SHA-256, as cosign makes and reads them."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shipway.errors import ConfigError
from shipway.evidence.pkcs8 import encrypt
from shipway.values import Digest

_ECDSA = ec.ECDSA(hashes.SHA256())
_ENCRYPTED = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
_END = "-----END ENCRYPTED PRIVATE KEY-----\n"
_COSIGN_OWN = (b"BEGIN ENCRYPTED SIGSTORE PRIVATE KEY", b"BEGIN ENCRYPTED COSIGN PRIVATE KEY")
_MADE_BY = "shipway keys generate makes a pair that fits"
_PEM_COLUMNS = 64


@dataclass(frozen=True)
class PublicKey:
    """A key that signatures are checked with."""

    key: ec.EllipticCurvePublicKey

    @classmethod
    def parse(cls, pem: bytes, name: str) -> PublicKey:
        """Raise ConfigError unless ``pem``, read from ``name``, is a public key on P-256."""
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm):
            private = b"PRIVATE KEY" in pem
            raise ConfigError(
                f"{name} holds no public key in PEM form",
                cause="it is the private half" if private else None,
                help="name the file that ends in .pub" if private else _MADE_BY,
            ) from None
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ConfigError(f"the key in {name} is not ECDSA on P-256", help=_MADE_BY)
        return cls(key)

    @cached_property
    def der(self) -> bytes:
        """SubjectPublicKeyInfo."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_bytes(serialization.Encoding.DER, form)

    @cached_property
    def pem(self) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_bytes(serialization.Encoding.PEM, form)

    @cached_property
    def id(self) -> Digest:
        """The digest of the key's DER, by which ledger and reports name it."""
        return Digest.of(self.der)

    @cached_property
    def hint(self) -> str:
        """The same as a Sigstore bundle tells which key is meant."""
        return base64.b64encode(bytes.fromhex(self.id.hex)).decode()

    def accepts(self, signature: bytes, data: bytes) -> bool:
        """Whether the private half made ``signature`` (DER) over ``data``."""
        try:
            self.key.verify(signature, data, _ECDSA)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key; nothing shows it but ``encrypted``."""

    _key: ec.EllipticCurvePrivateKey

    def __repr__(self) -> str:
        return f"SigningKey({self.public.id.short})"

    @classmethod
    def generate(cls) -> SigningKey:
        """A fresh one from the system's randomness."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def parse(cls, pem: bytes, password: bytes, name: str) -> SigningKey:
        """Raise ConfigError unless ``pem``, read from ``name``, is a private key on P-256 under ``password``.

        The password of a key that has none is not looked at.
        """
        if any(sign in pem for sign in _COSIGN_OWN):
            raise ConfigError(f"the private key in {name} is in a form that only cosign reads", help=_MADE_BY)
        encrypted = b"ENCRYPTED" in pem
        try:
            key = serialization.load_pem_private_key(pem, password if encrypted else None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise _unreadable(name, encrypted, password) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ConfigError(f"the private key in {name} is not ECDSA on P-256", help=_MADE_BY)
        return cls(key)

    @cached_property
    def public(self) -> PublicKey:
        return PublicKey(self._key.public_key())

    def sign(self, data: bytes) -> bytes:
        """The signature over ``data``, in DER."""
        return self._key.sign(data, _ECDSA)

    def encrypted(self, password: bytes) -> bytes:
        """The key as PEM under ``password``."""
        info = self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        text = base64.b64encode(encrypt(info, password, os.urandom(16), os.urandom(16))).decode()
        lines = (text[start : start + _PEM_COLUMNS] for start in range(0, len(text), _PEM_COLUMNS))
        return (_ENCRYPTED + "".join(f"{line}\n" for line in lines) + _END).encode()


def _unreadable(name: str, encrypted: bool, password: bytes) -> ConfigError:
    if not encrypted:
        return ConfigError(f"{name} holds no private key in PEM form", help=_MADE_BY)
    return ConfigError(
        f"the private key in {name} cannot be opened",
        cause="the password is wrong" if password else "it wants a password, and none was given",
        help="set SHIPWAY_KEY_PASSWORD or COSIGN_PASSWORD to its password",
    )
