"""What engines tell of themselves, and the files that buildah and podman read."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipway.engines.buildah import Buildah
from shipway.engines.docker import Docker
from shipway.engines.trust import insecure, registries_conf, trust_of
from shipway.host import SystemHost

DOCKER_INFO = """{"DockerRootDir": "/data/docker", "OperatingSystem": "%s", "RegistryConfig": {
  "InsecureRegistryCIDRs": ["127.0.0.0/8"],
  "IndexConfigs": {"docker.io": {"Secure": true}, "lan.example:5000": {"Secure": false}}}}"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path


def program(path: Path, *cases: tuple[str, str]) -> None:
    """A program that prints a text for a pattern of its arguments, and nothing for the others."""
    answers = "".join(f"{pattern}) cat <<'END'\n{text}\nEND\n;;\n" for pattern, text in cases)
    path.write_text(f'#!/bin/sh\ncase "$*" in\n{answers}*) exit 0;;\nesac\n')
    path.chmod(0o755)


def docker(directory: Path, system: str) -> None:
    program(
        directory / "docker",
        ("version*", '{"Server":{"Version":"27.1","Os":"linux","Arch":"amd64"}}'),
        ("context*", "default unix:///var/run/docker.sock"),
        ("info*", DOCKER_INFO % system),
    )


async def test_docker_tells_its_storage_and_whom_it_does_not_check(programs: Path) -> None:
    docker(programs, "Debian GNU/Linux 12")
    survey = await Docker(SystemHost()).survey()
    assert survey.storage == Path("/data/docker")
    assert survey.trust.plain == ("127.0.0.0/8", "lan.example:5000")
    assert survey.trust.certificates == (Path("/etc/docker/certs.d"),)
    assert (survey.named_contexts, survey.takes_plain) == (True, False)


async def test_the_storage_of_docker_desktop_is_not_on_this_machine(programs: Path) -> None:
    docker(programs, "Docker Desktop")
    assert (await Docker(SystemHost()).survey()).storage is None


async def test_a_docker_that_tells_nothing_of_itself_can_still_build(programs: Path) -> None:
    docker(programs, '"')
    survey = await Docker(SystemHost()).survey()
    assert (survey.storage, survey.trust.plain) == (None, ())


async def test_buildah_tells_its_storage_and_reads_the_files_of_its_user(programs: Path) -> None:
    program(
        programs / "buildah",
        ("version*", '{"version":"1.33"}'),
        ("info*", '{"host":{"os":"linux","arch":"arm64"},"store":{"GraphRoot":"/data/images"}}'),
    )
    own = programs / ".config/containers"
    own.mkdir(parents=True)
    (own / "registries.conf").write_text('[[registry]]\nlocation = "lan.example:5000"\ninsecure = true\n')
    survey = await Buildah(SystemHost()).survey()
    assert survey.storage == Path("/data/images")
    assert "lan.example:5000" in survey.trust.plain
    assert survey.trust.certificates[0] == own / "certs.d"
    assert "{registry}" in survey.advice


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ('[[registry]]\nlocation = "a.example/path"\ninsecure = true\n', ["a.example"]),
        ('[[registry]]\nprefix = "*.b.example"\ninsecure = true\n', ["*.b.example"]),
        ('[[registry]]\nlocation = "c.example"\n', []),
        ('[[registry]]\nlocation = "c.example"\ninsecure = "yes"\n', []),
        ('[registries.insecure]\nregistries = ["d.example:5000"]\n', ["d.example:5000"]),
        ("registry = 5\nregistries = [1]\n", []),
        ("not [ toml", []),
        ("", []),
    ],
)
def test_insecure_registries_are_read_in_both_forms(text: str, hosts: list[str]) -> None:
    assert list(insecure(text)) == hosts


def test_the_named_file_goes_before_the_users_own(tmp_path: Path) -> None:
    named = tmp_path / "named.conf"
    named.write_text("named = true\n")
    (tmp_path / "containers/registries.conf.d").mkdir(parents=True)
    (tmp_path / "containers/registries.conf").write_text("own = true\n")
    own = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert registries_conf(own) == "own = true\n"
    assert registries_conf({**own, "CONTAINERS_REGISTRIES_CONF": str(named)}) == "named = true\n"
    added = tmp_path / "containers/registries.conf.d/lan.conf"
    added.write_text('[[registry]]\nlocation = "lan.example"\ninsecure = true\n')
    assert "lan.example" in trust_of(own).plain
