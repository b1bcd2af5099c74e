"""What tests of every kind share: programs that must be there in CI, storage and registries of their own."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shipway.errors import HostError
from shipway.testing.distribution import running_distribution


def missing(reason: str) -> None:
    """Skip the test; in CI, where everything must be there, fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI must have it")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str], str]:
    """Gives the path of a program. Where it is missing the test is skipped; in CI it fails."""

    def require(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            missing(f"{name} is not installed")
        return str(path)

    return require


@pytest.fixture(scope="session")
def container_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store of buildah's and podman's own, that goes away with the tests."""
    home = tmp_path_factory.mktemp("storage")
    file = home / "storage.conf"
    file.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{home}/root"\nrunroot = "{home}/run"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_STORAGE_CONF", str(file))
        patch.setenv("STORAGE_DRIVER", "vfs")
        yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def docker_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The path of a docker client whose daemon answers; as root a daemon is started when there is none."""
    docker = "/usr/bin/docker" if Path("/usr/bin/docker").exists() else shutil.which("docker")
    if docker is None:
        missing("docker is not installed")
        return
    if _answers(docker):
        yield docker
        return
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        missing("no docker daemon answers")
    with (
        _shared_daemon(tmp_path_factory.getbasetemp().parent) as socket,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("DOCKER_HOST", socket)
        yield docker


@contextmanager
def _shared_daemon(place: Path) -> Iterator[str]:
    """The address of the one daemon of all test processes: two would fight for the same firewall chains.

    Who comes first starts it, and stops it when nobody uses it any more.
    """
    known = place / "dockerd.socket"
    with (place / "dockerd.users").open("w") as users:
        with _alone(place / "dockerd.lock"):
            daemon = (
                None
                if known.exists() and _answers_at(known.read_text())
                else _start_daemon(place / "dockerd")
            )
            known.write_text(f"unix://{place}/dockerd/docker.sock")
            fcntl.flock(users, fcntl.LOCK_SH)
        yield known.read_text()
        fcntl.flock(users, fcntl.LOCK_UN)
        if daemon is not None:
            with _alone(place / "dockerd.lock"):
                fcntl.flock(users, fcntl.LOCK_EX)
                known.unlink()
                daemon.terminate()
                daemon.wait()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _start_daemon(home: Path) -> subprocess.Popen[bytes]:
    home.mkdir(exist_ok=True)
    socket = f"unix://{home}/docker.sock"
    argv = ["dockerd", "--host", socket, "--data-root", f"{home}/data", "--exec-root", f"{home}/exec"]
    with (home / "log").open("w") as log:
        daemon = subprocess.Popen([*argv, "--pidfile", f"{home}/pid"], stdout=log, stderr=log)
    for _ in range(150):
        if _answers_at(socket):
            return daemon
        time.sleep(0.2)
    daemon.kill()
    missing(f"dockerd does not come up: {(home / 'log').read_text()[-2000:]}")
    raise AssertionError("unreachable")


def _answers_at(socket: str) -> bool:
    argv = ["docker", "--host", socket, "info"]
    return subprocess.run(argv, capture_output=True, check=False, timeout=60).returncode == 0


def _answers(docker: str) -> bool:
    return subprocess.run([docker, "info"], capture_output=True, check=False, timeout=60).returncode == 0


@pytest.fixture
def engine_name(require_tool: Callable[[str], str], container_storage: Path) -> str:
    """An engine that is on this machine: buildah in CI."""
    if shutil.which("buildah") is None and shutil.which("docker") is not None and not os.environ.get("CI"):
        return "docker"
    require_tool("buildah")
    return "buildah"


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``127.0.0.1:PORT`` of Debian's docker-registry."""
    try:
        serving = running_distribution(tmp_path_factory.mktemp("distribution"))
        address = serving.__enter__()
    except HostError as error:
        missing(error.message)
        raise
    yield address
    serving.__exit__(None, None, None)
