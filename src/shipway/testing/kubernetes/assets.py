"""A real API server without nodes: etcd and kube-apiserver as plain processes, as envtest runs them."""

from __future__ import annotations

import base64
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

import yaml

from shipway.errors import HostError
from shipway.testing.kubernetes.certificates import Authority, Pair

_START_SECONDS = 90.0
_PAUSE_SECONDS = 0.1


@contextmanager
def running_apiserver(assets: Path, home: Path) -> Iterator[Path]:
    """Run the programs of ``assets`` (KUBEBUILDER_ASSETS) in ``home``; gives the kubeconfig of an
    administrator. Raises HostError when they do not come up."""
    etcd, peer, port = _free_port(), _free_port(), _free_port()
    authority = Authority("test cluster")
    files = _files(home, authority)
    with ExitStack() as stack:
        stack.enter_context(_running(_etcd(assets, home, etcd, peer), home / "etcd.log"))
        _await(lambda: _answers(HTTPConnection("127.0.0.1", etcd, timeout=2), "/health"), home / "etcd.log")
        stack.enter_context(_running(_apiserver(assets, home, etcd, port, files), home / "apiserver.log"))
        _await(
            lambda: _answers(_administrator(port, files), "/healthz"),
            home / "apiserver.log",
        )
        yield _kubeconfig(home, port, authority, files["admin"])


def _etcd(assets: Path, home: Path, client: int, peer: int) -> Sequence[str]:
    return (
        str(assets / "etcd"),
        f"--data-dir={home}/etcd",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        "--unsafe-no-fsync=true",
    )


def _apiserver(assets: Path, home: Path, etcd: int, port: int, files: dict[str, Path]) -> Sequence[str]:
    return (
        str(assets / "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        f"--cert-dir={home}/certificates",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--allow-privileged=true",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",
        "--service-account-issuer=https://127.0.0.1/",
        f"--service-account-key-file={files['accounts']}",
        f"--service-account-signing-key-file={files['accounts']}",
        f"--client-ca-file={files['authority']}",
        f"--tls-cert-file={files['server']}",
        f"--tls-private-key-file={files['server']}",
    )


def _files(home: Path, authority: Authority) -> dict[str, Path]:
    pairs = {
        "server": authority.issue("kube-apiserver", ["127.0.0.1", "localhost"]),
        "admin": authority.issue("test-admin", groups=["system:masters"]),
        "accounts": authority.issue("accounts"),
    }
    files = {"authority": home / "authority.pem"}
    files["authority"].write_bytes(authority.pem)
    for name, pair in pairs.items():
        files[name] = home / f"{name}.pem"
        files[name].write_bytes(pair.key if name == "accounts" else pair.certificate + pair.key)
    return files


def _kubeconfig(home: Path, port: int, authority: Authority, admin: Path) -> Path:
    pair = _split(admin.read_bytes())
    document = {
        "current-context": "assets",
        "contexts": [{"name": "assets", "context": {"cluster": "assets", "user": "admin"}}],
        "clusters": [
            {
                "name": "assets",
                "cluster": {
                    "server": f"https://127.0.0.1:{port}",
                    "certificate-authority-data": base64.b64encode(authority.pem).decode(),
                },
            }
        ],
        "users": [
            {
                "name": "admin",
                "user": {
                    "client-certificate-data": base64.b64encode(pair.certificate).decode(),
                    "client-key-data": base64.b64encode(pair.key).decode(),
                },
            }
        ],
    }
    path = home / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return path


def _split(both: bytes) -> Pair:
    certificate, mark, key = both.partition(b"-----BEGIN PRIVATE KEY-----")
    return Pair(certificate, mark + key)


def _administrator(port: int, files: dict[str, Path]) -> HTTPSConnection:
    context = ssl.create_default_context(cafile=files["authority"])
    context.load_cert_chain(files["admin"])
    return HTTPSConnection("127.0.0.1", port, timeout=2, context=context)


def _answers(connection: HTTPConnection, path: str) -> bool:
    with suppress(OSError, HTTPException):
        connection.request("GET", path)
        return connection.getresponse().status == 200
    return False


def _await(is_up: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if is_up():
            return
        time.sleep(_PAUSE_SECONDS)
    raise HostError("the API server does not come up", cause=log.read_text(errors="replace")[-1000:])


@contextmanager
def _running(argv: Sequence[str], log: Path) -> Iterator[None]:
    with log.open("wb") as file, subprocess.Popen(argv, stdout=file, stderr=file) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
