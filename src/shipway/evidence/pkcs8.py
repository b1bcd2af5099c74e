"""Private keys under a password: PKCS #8 with PBES2, scrypt and AES-256-CBC (RFC 5958, 8018, 7914).

The cryptography package reads this form but writes only PBKDF2 with few rounds, so it is written here.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7

# 16 MiB and five rounds: what OpenSSL still reads with its own limits, as slow as PBES2 can be there
COST, BLOCK, PARALLEL = 2**14, 8, 5
_KEY_BYTES = 32
_PBES2 = "1.2.840.113549.1.5.13"
_SCRYPT = "1.3.6.1.4.1.11591.4.11"
_AES_256_CBC = "2.16.840.1.101.3.4.1.42"
_INTEGER, _OCTETS, _OBJECT, _SEQUENCE = 0x02, 0x04, 0x06, 0x30


def encrypt(private_key_info: bytes, password: bytes, salt: bytes, iv: bytes) -> bytes:
    """The DER of an EncryptedPrivateKeyInfo around the DER of a PrivateKeyInfo; ``iv`` has 16 bytes."""
    key = Scrypt(salt=salt, length=_KEY_BYTES, n=COST, r=BLOCK, p=PARALLEL).derive(password)
    padder = PKCS7(128).padder()
    padded = padder.update(private_key_info) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    sealed = encryptor.update(padded) + encryptor.finalize()
    costs = b"".join(_integer(number) for number in (COST, BLOCK, PARALLEL))
    derivation = _sequence(_oid(_SCRYPT), _sequence(_tagged(_OCTETS, salt), costs))
    scheme = _sequence(_oid(_AES_256_CBC), _tagged(_OCTETS, iv))
    return _sequence(_sequence(_oid(_PBES2), _sequence(derivation, scheme)), _tagged(_OCTETS, sealed))


# --- DER (X.690) ------------------------------------------------------------------------------


def _tagged(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(size))) + size + content


def _sequence(*parts: bytes) -> bytes:
    return _tagged(_SEQUENCE, b"".join(parts))


def _integer(number: int) -> bytes:
    return _tagged(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1))


def _oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    return _tagged(_OBJECT, b"".join(map(_base128, (first * 40 + second, *rest))))


def _base128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(0x80 | number & 0x7F)
    return bytes(reversed(digits))
