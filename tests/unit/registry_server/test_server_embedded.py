"""Starting, stopping and refusing to start."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from shipway.errors import ConfigError, HostError, InvalidValue
from shipway.registry.server.embedded import EmbeddedRegistry, TlsFiles, parse_listen, serve
from shipway.testing.raw import RawRepository
from shipway.testing.registry import running_registry


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def port_of(registry: EmbeddedRegistry) -> int:
    return int(registry.address.rpartition(":")[2])


def test_a_folder_keeps_its_port(tmp_path: Path) -> None:
    ports = set()
    for _ in range(3):
        with running_registry(tmp_path) as registry:
            ports.add(port_of(registry))
            # closed by the server first, it occupies the port for a while
            connection = socket.create_connection(("127.0.0.1", port_of(registry)), timeout=30)
        connection.close()
    assert len(ports) == 1


def test_a_remembered_port_that_is_taken_is_replaced(tmp_path: Path, taken_port: int) -> None:
    (tmp_path / ".registry.port").write_text(f"{taken_port}\n")
    with running_registry(tmp_path) as registry:
        assert port_of(registry) != taken_port


@pytest.mark.parametrize("text", ["", "x", "-1", "70000"])
def test_a_remembered_port_that_makes_no_sense_is_ignored(tmp_path: Path, text: str) -> None:
    (tmp_path / ".registry.port").write_text(text)
    with running_registry(tmp_path) as registry:
        assert RawRepository(registry.address, "x")("GET", "/v2/").status == 200


def test_it_listens_on_loopback_alone(tmp_path: Path) -> None:
    with running_registry(tmp_path) as registry:
        assert registry.address.startswith("127.0.0.1:")
        # another address of this machine, also on its loopback interface
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port_of(registry)), timeout=5)


def test_a_stopped_registry_answers_no_more_and_can_start_again(tmp_path: Path) -> None:
    registry = EmbeddedRegistry(tmp_path)
    for _ in range(2):
        registry.start()
        assert RawRepository(registry.address, "x")("GET", "/v2/").status == 200
        assert (tmp_path / "registry.sqlite3-wal").exists()
        registry.stop()
        assert not (tmp_path / "registry.sqlite3-wal").exists()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port_of(registry)), timeout=5)


def test_an_idle_connection_does_not_keep_it_from_stopping(tmp_path: Path) -> None:
    with running_registry(tmp_path) as registry:
        connection = http.client.HTTPConnection(registry.address, timeout=30)
        connection.request("GET", "/v2/")
        connection.getresponse().read()
    assert connection.sock is not None
    assert connection.sock.recv(1) == b""
    connection.close()


def test_a_port_that_is_taken_is_named(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(HostError, match=f"cannot listen on 127.0.0.1:{taken_port}") as caught:
        EmbeddedRegistry(tmp_path, port=taken_port).start()
    assert caught.value.cause == "another program listens there"
    assert caught.value.help == "choose another port, or stop that program"


def test_an_address_of_another_machine_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError) as caught:
        EmbeddedRegistry(tmp_path, host="192.0.2.1", port=5000).start()
    assert caught.value.cause == "192.0.2.1 is no address of this machine"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostError, match="cannot create"):
        EmbeddedRegistry(tmp_path / "file" / "data").start()


def test_read_only_lets_read_and_refuses_the_rest(tmp_path: Path) -> None:
    with running_registry(tmp_path) as registry:
        digest = RawRepository(registry.address, "shop/api").push_image("1.0")
    with running_registry(tmp_path, read_only=True) as registry:
        repository = RawRepository(registry.address, "shop/api")
        assert repository("GET", "manifests/1.0").headers["docker-content-digest"] == str(digest)
        for method, path in (
            ("POST", "blobs/uploads/"),
            ("PUT", "manifests/1.0"),
            ("DELETE", "manifests/1.0"),
            ("DELETE", f"manifests/{digest}"),
        ):
            answer = repository(method, path)
            assert (answer.status, answer.code) == (405, "UNSUPPORTED")


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls_files(authority: trustme.CA, directory: Path) -> TlsFiles:
    certificate = authority.issue_cert("127.0.0.1")
    files = TlsFiles(directory / "cert.pem", directory / "key.pem")
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    files.key.write_bytes(certificate.private_key_pem.bytes())
    return files


def test_tls_is_served_with_the_certificate_given(tmp_path: Path, authority: trustme.CA) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with running_registry(tmp_path / "data", tls_files(authority, tmp_path)) as registry:
        assert registry.url == f"https://{registry.address}"
        connection = http.client.HTTPSConnection(registry.address, timeout=30, context=context)
        connection.request("GET", "/v2/")
        assert connection.getresponse().status == 200
        connection.close()


def test_a_key_of_another_certificate_is_named(tmp_path: Path, authority: trustme.CA) -> None:
    files = tls_files(authority, tmp_path)
    files.key.write_bytes(authority.issue_cert("127.0.0.1").private_key_pem.bytes())
    with pytest.raises(ConfigError, match="cannot use the certificate") as caught:
        EmbeddedRegistry(tmp_path / "data", tls=files).start()
    assert caught.value.place is not None
    assert caught.value.place.path == str(files.certificate)


def test_a_certificate_that_is_missing_is_named(tmp_path: Path) -> None:
    files = TlsFiles(tmp_path / "cert.pem", tmp_path / "key.pem")
    with pytest.raises(HostError, match=r"cannot read .*cert\.pem"):
        EmbeddedRegistry(tmp_path / "data", tls=files).start()


# --- the address to listen on ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:5000", ("127.0.0.1", 5000)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:5000", ("::1", 5000)),
    ],
)
def test_an_address_to_listen_on(text: str, expected: tuple[str, int]) -> None:
    assert parse_listen(text) == expected


@pytest.mark.parametrize("text", ["", "5000", ":5000", "localhost", "localhost:x", "::1:5000", "a:70000"])
def test_what_is_no_address_to_listen_on(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="is not an address to listen on"):
        serve(tmp_path, text, announce=print)
