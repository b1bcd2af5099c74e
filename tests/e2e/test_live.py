"""Live preflight against Debian's docker-registry behind TLS: each fault is named, nothing stays there."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shipway.registry.server.embedded import TlsFiles
from shipway.testing.distribution import running_distribution
from shipway.testing.front import running_front
from shipway.testing.raw import RawRepository, descriptor, encode, index
from shipway.values import Digest

pytestmark = [pytest.mark.registry, pytest.mark.usefixtures("docker_registry")]

USER, PASSWORD = "carla", "reader-pass"
HTPASSWD = f"{USER}:$2b$04$mv.Puh0WBPs/ZeqlKano2OpZvV7ULS40RaJjFdkQulA.ljfwkZCOW\n"
NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Project:
    """A fleet that is delivered to ``registry``, with a home of its own."""

    root: Path
    registry: str

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def fleet(self, access: Mapping[str, object] | None = None, platforms: str = "linux/amd64") -> None:
        self.write("api/Dockerfile", "FROM scratch\nCOPY app /app\n")
        self.write("api/app", "app\n")
        registries = {self.registry: access} if access else {}
        self.write(
            "shipway.yaml",
            f"registry: {self.registry}/acme\nplatforms: [{platforms}]\n"
            f"registries: {json.dumps(registries)}\nimages:\n  api: {{context: api}}\n",
        )

    def log_in(self, password: str, host: str | None = None) -> None:
        secret = base64.b64encode(f"{USER}:{password}".encode()).decode()
        self.write(
            "home/.docker/config.json", json.dumps({"auths": {host or self.registry: {"auth": secret}}})
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        home = self.root / "home"
        home.mkdir(exist_ok=True)
        hidden = ("DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR")
        environ = {name: value for name, value in os.environ.items() if name not in hidden}
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "shipway",
                *arguments,
                "-C",
                str(self.root),
                "--state",
                str(home / "state"),
            ],
            env={**environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def check(self) -> dict[str, dict[str, Any]]:
        """What is found live about registries, by rule."""
        done = self.run("check", "--live", "--json", "--select", "SW4,SW206,SW506")
        found = json.loads(done.stdout)["findings"]
        assert done.returncode == (1 if any(each["severity"] == "error" for each in found) else 0)
        return {each["rule"]: each for each in found}


@dataclass(frozen=True)
class Place:
    """A registry that runs: where, over which directory."""

    address: str
    directory: Path

    def files(self) -> list[str]:
        """Every file of the storage, open uploads (``startedat``, ``data``) among them.

        Left out is what distribution writes by itself after an upload was cancelled: the state of its hash.
        """
        data = self.directory / "data"
        files = (path.relative_to(data) for path in data.rglob("*") if path.is_file())
        return sorted(str(path) for path in files if "hashstates" not in path.parts)

    def catalog(self) -> list[str]:
        return list(RawRepository(self.address, "any")("GET", "/v2/_catalog").json["repositories"])


@contextmanager
def registry(directory: Path, certificate: trustme.LeafCert | None = None, **options: Any) -> Iterator[Place]:
    directory.mkdir()
    tls = None
    if certificate is not None:
        tls = TlsFiles(directory / "server.pem", directory / "server.key")
        chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
        tls.certificate.write_bytes(chain)
        certificate.private_key_pem.write_to_path(tls.key)
    with running_distribution(directory, tls=tls, **options) as address:
        yield Place(address, directory)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def project(root: Path, place: Place, authority: trustme.CA | None = None) -> Project:
    made = Project(root / "repo", place.address)
    made.root.mkdir()
    if authority is not None:
        authority.cert_pem.write_to_path(made.root / "ca.pem")
    made.fleet({"ca": "ca.pem"} if authority is not None else None)
    return made


# --- TLS --------------------------------------------------------------------------------------


def test_a_registry_that_is_right_has_nothing_against_it_and_keeps_nothing(
    tmp_path: Path, stack: ExitStack, authority: trustme.CA
) -> None:
    place = stack.enter_context(
        registry(tmp_path / "registry", authority.issue_cert("127.0.0.1"), htpasswd=HTPASSWD)
    )
    there = project(tmp_path, place, authority)
    there.log_in(PASSWORD)
    before = place.files()
    assert there.check() == {}
    done = there.run("doctor", "--json")
    probes = {(each["probe"], each["subject"]): each for each in json.loads(done.stdout)["probes"]}
    assert probes["push", f"{place.address}/acme/api"]["seen"] == "an upload was opened and cancelled"
    assert probes["credentials", place.address]["seen"].endswith(f"config.json for {USER}")
    assert place.files() == before


def test_a_certificate_for_another_address_is_named(
    tmp_path: Path, stack: ExitStack, authority: trustme.CA
) -> None:
    place = stack.enter_context(registry(tmp_path / "registry", authority.issue_cert("10.0.0.9")))
    found = project(tmp_path, place, authority).check()
    assert list(found) == ["SW403"]
    assert "10.0.0.9" in found["SW403"]["cause"]
    assert "subjectAltName=IP:127.0.0.1" in found["SW403"]["help"]


def test_an_expired_certificate_is_named_with_its_day(
    tmp_path: Path, stack: ExitStack, authority: trustme.CA
) -> None:
    ended = NOW - timedelta(days=3)
    certificate = authority.issue_cert("127.0.0.1", not_before=NOW - timedelta(days=90), not_after=ended)
    place = stack.enter_context(registry(tmp_path / "registry", certificate))
    found = project(tmp_path, place, authority).check()
    assert list(found) == ["SW404"]
    assert f"expired on {ended:%Y-%m-%d}" in found["SW404"]["message"]


def test_a_certificate_of_tomorrow_is_named(tmp_path: Path, stack: ExitStack, authority: trustme.CA) -> None:
    begins = NOW + timedelta(days=1)
    certificate = authority.issue_cert("127.0.0.1", not_before=begins, not_after=begins + timedelta(days=90))
    place = stack.enter_context(registry(tmp_path / "registry", certificate))
    assert list(project(tmp_path, place, authority).check()) == ["SW405"]


def test_a_certificate_that_ends_soon_is_a_warning(
    tmp_path: Path, stack: ExitStack, authority: trustme.CA
) -> None:
    certificate = authority.issue_cert("127.0.0.1", not_after=NOW + timedelta(days=12, hours=1))
    place = stack.enter_context(registry(tmp_path / "registry", certificate))
    found = project(tmp_path, place, authority).check()
    assert list(found) == ["SW411"]
    assert "expires in 12 days" in found["SW411"]["message"]
    assert found["SW411"]["severity"] == "warning"


def test_a_self_signed_certificate_is_told_from_one_of_an_unknown_authority(
    tmp_path: Path, stack: ExitStack, authority: trustme.CA
) -> None:
    own = stack.enter_context(registry(tmp_path / "own", _self_signed()))
    foreign = stack.enter_context(registry(tmp_path / "foreign", trustme.CA().issue_cert("127.0.0.1")))
    assert list(project(tmp_path / "own", own, authority).check()) == ["SW406"]
    assert list(project(tmp_path / "foreign", foreign, authority).check()) == ["SW407"]


def test_plain_http_behind_a_tls_address_is_named_and_the_reverse(
    tmp_path: Path, stack: ExitStack, authority: trustme.CA
) -> None:
    plain = stack.enter_context(registry(tmp_path / "plain"))
    tls = stack.enter_context(registry(tmp_path / "tls", authority.issue_cert("127.0.0.1")))
    assert list(project(tmp_path / "plain", plain, authority).check()) == ["SW408"]
    assert list(project(tmp_path / "tls", tls).check()) == ["SW409"]


# --- accounts ---------------------------------------------------------------------------------


def test_a_bad_password_is_named_with_where_it_is_kept(
    tmp_path: Path, stack: ExitStack, authority: trustme.CA
) -> None:
    certificate = authority.issue_cert("127.0.0.1")
    place = stack.enter_context(registry(tmp_path / "registry", certificate, htpasswd=HTPASSWD))
    there = project(tmp_path, place, authority)
    there.log_in("wrong-password")
    found = there.check()
    assert list(found) == ["SW422"]
    assert ".docker/config.json" in found["SW422"]["cause"]
    assert "wrong-password" not in json.dumps(found)


def test_no_credentials_and_credentials_for_another_port_are_told_apart(
    tmp_path: Path, stack: ExitStack, authority: trustme.CA
) -> None:
    certificate = authority.issue_cert("127.0.0.1")
    place = stack.enter_context(registry(tmp_path / "registry", certificate, htpasswd=HTPASSWD))
    there = project(tmp_path, place, authority)
    found = there.check()
    assert list(found) == ["SW421"]
    assert "auth.json: no such file" in found["SW421"]["cause"]
    there.log_in(PASSWORD, host="127.0.0.1:5000")
    found = there.check()
    assert list(found) == ["SW424"]
    assert "127.0.0.1:5000" in found["SW424"]["cause"]


def test_an_account_that_may_only_read_is_named_before_a_build(
    tmp_path: Path, stack: ExitStack, authority: trustme.CA
) -> None:
    place = stack.enter_context(registry(tmp_path / "registry", htpasswd=HTPASSWD))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    front = stack.enter_context(
        running_front(f"http://{place.address}", readers=frozenset({USER}), tls=context)
    )
    there = project(tmp_path, Place(front, place.directory), authority)
    there.log_in(PASSWORD)
    before = place.files()
    found = there.check()
    assert list(found) == ["SW431"]
    assert found["SW431"]["subject"] == f"{front}/acme/api"
    done = there.run("ship", "--engine", "buildah")
    assert done.returncode == 3
    assert "nothing was built: cannot open an upload" in done.stderr
    assert json.loads(there.run("status", "--json").stdout).get("error")
    assert place.files() == before


def test_a_registry_in_maintenance_is_named(tmp_path: Path, stack: ExitStack) -> None:
    place = stack.enter_context(registry(tmp_path / "registry", read_only=True))
    assert list(project(tmp_path, place).check()) == ["SW432"]


def test_a_proxy_that_sends_uploads_to_plain_http_is_named(
    tmp_path: Path, stack: ExitStack, authority: trustme.CA
) -> None:
    place = stack.enter_context(registry(tmp_path / "registry"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    front = stack.enter_context(
        running_front(f"http://{place.address}", location="http://127.0.0.1", tls=context)
    )
    before = place.files()
    found = project(tmp_path, Place(front, place.directory), authority).check()
    assert list(found) == ["SW438"]
    assert "http://127.0.0.1/" in found["SW438"]["message"]
    assert place.files() == before


# --- bases ------------------------------------------------------------------------------------


def test_a_base_that_is_missing_or_lacks_a_platform_is_named_where_it_stands(
    tmp_path: Path, stack: ExitStack
) -> None:
    place = stack.enter_context(registry(tmp_path / "registry"))
    _push_base(place.address, "amd64")
    there = project(tmp_path, place)
    there.fleet(platforms="linux/amd64, linux/arm64")
    there.write(
        "api/Dockerfile",
        f"FROM {place.address}/lib/gone:1 AS gone\nFROM {place.address}/lib/base:1\nCOPY --from=gone /a /a\n",
    )
    before = place.files(), place.catalog()
    found = there.check()
    assert sorted(found) == ["SW206", "SW441"]
    assert (found["SW441"]["line"], found["SW441"]["subject"]) == (1, f"{place.address}/lib/gone:1")
    assert (found["SW206"]["line"], found["SW206"]["image"]) == (2, "api")
    assert "linux/arm64" in found["SW206"]["message"]
    assert (place.files(), place.catalog()) == before


def _push_base(address: str, architecture: str) -> None:
    """An index with one image at lib/base:1."""
    repository = RawRepository(address, "lib/base")
    image = encode(repository.image(b"layer"))
    answer = repository("PUT", f"manifests/{Digest.of(image)}", image, {"Content-Type": _type(image)})
    assert answer.status == 201
    child = {**descriptor(image), "platform": {"os": "linux", "architecture": architecture}}
    assert repository.put_manifest("1", index(child)).status == 201


def _type(manifest: bytes) -> str:
    return str(json.loads(manifest)["mediaType"])


def _self_signed() -> trustme.LeafCert:
    """A certificate for 127.0.0.1 that vouches for itself."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry")])
    alternatives = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=90))
        .add_extension(alternatives, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return trustme.LeafCert(private, certificate.public_bytes(serialization.Encoding.PEM), [])
