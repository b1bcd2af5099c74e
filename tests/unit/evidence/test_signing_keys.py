"""Key pairs: what is written can be read again, by OpenSSL too, and nothing else opens it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from shipway.errors import ConfigError
from shipway.evidence.keys import PublicKey, SigningKey

PASSWORD = b"correct horse"


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture(scope="module")
def pem(key: SigningKey) -> bytes:
    return key.encrypted(PASSWORD)


def pkcs8(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain)


def test_a_private_key_comes_back_under_its_password(key: SigningKey, pem: bytes) -> None:
    read = SigningKey.parse(pem, PASSWORD, "k")
    assert read.public.pem == key.public.pem
    assert key.public.accepts(read.sign(b"data"), b"data")


@pytest.mark.parametrize(
    ("password", "cause"),
    [(b"wrong", "the password is wrong"), (b"", "wants a password")],
    ids=["wrong", "none"],
)
def test_a_private_key_stays_shut_without_its_password(pem: bytes, password: bytes, cause: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SigningKey.parse(pem, password, "cosign.key")
    assert cause in (caught.value.cause or "")
    assert "cosign.key" in caught.value.message


def test_openssl_opens_a_private_key_and_names_scrypt(key: SigningKey, pem: bytes, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    (tmp_path / "k").write_bytes(pem)
    argv = [openssl, "pkey", "-in", str(tmp_path / "k"), "-passin", f"pass:{PASSWORD.decode()}", "-pubout"]
    assert subprocess.run(argv, capture_output=True, check=True).stdout == key.public.pem
    shown = subprocess.run(
        [openssl, "asn1parse", "-in", str(tmp_path / "k")], capture_output=True, text=True, check=True
    )
    assert ":PBES2" in shown.stdout
    assert ":scrypt" in shown.stdout
    assert ":aes-256-cbc" in shown.stdout


def test_two_files_of_one_key_have_nothing_in_common(key: SigningKey, pem: bytes) -> None:
    assert key.encrypted(PASSWORD).splitlines()[1:3] != pem.splitlines()[1:3]


def test_a_key_without_a_password_is_read(key: SigningKey) -> None:
    plain = pkcs8(ec.generate_private_key(ec.SECP256R1()))
    assert SigningKey.parse(plain, b"not looked at", "k").public.id != key.public.id


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "holds no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds no private key"),
        (b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n", "only cosign reads"),
        (pkcs8(ec.generate_private_key(ec.SECP384R1())), "not ECDSA on P-256"),
        (pkcs8(rsa.generate_private_key(65537, 2048)), "not ECDSA on P-256"),
    ],
    ids=["empty", "broken", "cosign", "curve", "rsa"],
)
def test_what_is_no_private_key_on_p256_is_named(text: bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SigningKey.parse(text, b"", "k")


def test_a_private_key_given_as_the_public_one_is_told(pem: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        PublicKey.parse(pem, "cosign.key")
    assert caught.value.cause == "it is the private half"


def test_a_signature_holds_for_its_data_and_its_key_alone(key: SigningKey) -> None:
    signature = key.sign(b"data")
    assert key.public.accepts(signature, b"data")
    assert not key.public.accepts(signature, b"other")
    assert not key.public.accepts(signature[:-1], b"data")
    assert not SigningKey.generate().public.accepts(signature, b"data")


def test_the_text_of_a_key_shows_nothing_of_it(key: SigningKey) -> None:
    assert repr(key) == f"SigningKey({key.public.id.short})"
