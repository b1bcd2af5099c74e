"""The engines of the benchmark's own: what they are told, and how they forget what they built.

Each keeps its data in a directory of its own, so that no cache of the machine helps anybody.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.registry.processes import usable
from benchmarks.ship.daemon import NoDaemon, daemon

BUILDER = "shipway-bench"
_PATIENCE = 30.0


@dataclass
class Engines:
    """What is there: versions by name, why others are ``missing``, and the environment that leads to them."""

    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    forgetting: dict[str, list[list[str]]] = field(default_factory=dict)

    def forget(self, name: str) -> None:
        """Have an engine drop its images and its cache."""
        for argv in self.forgetting.get(name, []):
            subprocess.run(argv, env={**os.environ, **self.environment}, capture_output=True, check=True)


@contextmanager
def engines(home: Path, wanted: Collection[str]) -> Iterator[Engines]:
    """Start those that are ``wanted`` and can be started, in ``home``, and end them on leaving."""
    found = Engines()
    with ExitStack() as running:
        for name, start in _STARTS.items():
            if name not in wanted:
                continue
            try:
                running.enter_context(start(home / name, found))
            except NoDaemon as reason:
                found.missing[name] = str(reason)
        yield found


def _peer(name: str, *version: str) -> tuple[str, str]:
    """Program and version. Raises NoDaemon."""
    peer = usable(name, version, os.environ.get("BENCH_PEERS"))
    if peer is None:
        raise NoDaemon("put it on PATH, or name its directory in BENCH_PEERS")
    return peer


def _client(home: Path, found: Engines) -> str:
    """A docker client with buildx, its settings in ``home``; gives its version. Raises NoDaemon."""
    _, version = _peer("docker", "--version")
    buildx, found.versions["buildx"] = _peer("docker-buildx", "version")
    plugins = home / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-buildx").symlink_to(buildx)
    (home / "config.json").write_text("{}\n")
    # bake asks before it reads what is not below its own directory
    found.environment |= {"DOCKER_CONFIG": str(home), "BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
    return version


@contextmanager
def _docker(home: Path, found: Engines) -> Iterator[None]:
    version = _client(home.with_name("docker-client"), found)
    with daemon(home) as socket:
        found.environment["DOCKER_HOST"] = socket
        said = _said(["docker", "version", "--format", "{{.Server.Version}}"], found.environment)
        found.versions["docker"] = f"{version} (daemon {said.strip().partition('+')[0]})"
        found.forgetting["docker"] = [
            ["docker", "image", "prune", "--all", "--force"],
            ["docker", "builder", "prune", "--all", "--force"],
        ]
        yield


@contextmanager
def _buildkit(home: Path, found: Engines) -> Iterator[None]:
    program, version = _peer("buildkitd", "--version")
    if "DOCKER_CONFIG" not in found.environment:
        _client(home.with_name("docker-client"), found)
    home.mkdir(parents=True)
    address = f"unix://{home}/buildkitd.sock"
    file = home / "buildkitd.toml"
    # without a limit the sessions of 200 targets break
    limit = f"max-parallelism = {2 * (os.cpu_count() or 1)}"
    file.write_text(f"[worker.oci]\n{limit}\n[worker.containerd]\nenabled = false\n")
    argv = [program, "--config", str(file), "--root", str(home / "data"), "--addr", address]
    with (home / "log").open("w") as log, _process(argv, log.fileno()):
        deadline = time.monotonic() + _PATIENCE
        while not (home / "buildkitd.sock").exists():
            if time.monotonic() > deadline:
                raise NoDaemon("buildkitd does not come up")
            time.sleep(0.05)
        create = ["docker", "buildx", "create", "--name", BUILDER, "--driver", "remote", address]
        _said(create, found.environment)
        found.versions["buildkit"] = version
        found.forgetting["buildkit"] = [
            ["docker", "buildx", "prune", "--builder", BUILDER, "--all", "--force"]
        ]
        yield


@contextmanager
def _process(argv: list[str], log: int) -> Iterator[None]:
    with subprocess.Popen(argv, stdout=log, stderr=log) as process:
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def _buildah(home: Path, found: Engines) -> Iterator[None]:
    program, version = _peer("buildah", "--version")
    home.mkdir(parents=True)
    file = home / "storage.conf"
    found.environment |= {"CONTAINERS_STORAGE_CONF": str(file), "BUILDAH_ISOLATION": "chroot"}
    for driver in ("overlay", "vfs"):
        file.write_text(
            f'[storage]\ndriver = "{driver}"\ngraphroot = "{home}/{driver}"\nrunroot = "{home}/run"\n'
        )
        found.environment["STORAGE_DRIVER"] = driver
        if _tried([program, "info"], found.environment).returncode == 0:
            found.versions["buildah"] = f"{version} ({driver})"
            found.forgetting["buildah"] = [[program, "rmi", "--all", "--force"]]
            try:
                yield
            finally:
                _unmount(home)
            return
    raise NoDaemon("buildah info fails")


def _unmount(home: Path) -> None:
    """What buildah leaves mounted: nothing below ``home`` can be removed before."""
    mounts = (line.split()[1] for line in Path("/proc/mounts").read_text().splitlines())
    for mount in sorted((each for each in mounts if each.startswith(f"{home}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False)


_STARTS: Mapping[str, Callable[[Path, Engines], AbstractContextManager[None]]] = {
    "docker": _docker,
    "buildkit": _buildkit,
    "buildah": _buildah,
}


def _tried(argv: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def _said(argv: list[str], environment: Mapping[str, str]) -> str:
    done = _tried(argv, environment)
    if done.returncode:
        raise NoDaemon(f"{' '.join(argv[:4])}: {done.stderr.strip()[-300:]}")
    return done.stdout
