"""Which engine is taken, and why another is not, with programs that answer as the real ones do."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipway.engines import failures
from shipway.engines.buildah import Buildah
from shipway.engines.docker import Docker
from shipway.engines.table import ENGINES, choose
from shipway.errors import BuildFailed, EngineMissing, UsageError
from shipway.host import SystemHost
from shipway.ports import BuildRequest
from shipway.values import Platform, Reference

HOST = SystemHost()
AMD = Platform("linux", "amd64")
VERSION = (
    '{"Client":{"Version":"28.2.2"},"Server":{"Version":"20.10.24","ApiVersion":"1.41","Os":"linux",'
    '"Arch":"amd64"}}'
)
DOCKER = {
    "version*": f"echo '{VERSION}'",
    "context*": "echo 'default unix:///var/run/docker.sock'",
    "buildx version": "echo 'github.com/docker/buildx v0.24.0'",
    "buildx build*": "echo building",
    "build --help": "echo usage",
    "build*": "echo building",
    "push*": "echo pushed",
}


def docker(answers: dict[str, str]) -> dict[str, str]:
    """A docker that gives these answers first."""
    return {**answers, **{pattern: DOCKER[pattern] for pattern in DOCKER if pattern not in answers}}


NO_BUILDX = {"buildx*": "echo \"docker: 'buildx' is not a docker command.\" >&2; exit 1"}
NEEDS_BUILDX = {**NO_BUILDX, "build*": "echo 'ERROR: BuildKit is enabled but buildx is missing' >&2; exit 1"}
NO_BRIDGE = {"network*": "echo 'Error: No such network: bridge' >&2; exit 1"}
NO_DAEMON = {
    "version*": 'echo \'{"Client":{"Version":"28.2.2"},"Server":null}\'; '
    "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.' >&2; exit 1"
}
BUILDAH = {
    "version*": 'echo \'{"version":"1.28.2","osArch":"linux/amd64"}\'',
    "info": 'echo \'{"host":{"arch":"arm64","os":"linux"},"store":{"GraphDriverName":"overlay"}}\'',
}


class Bin:
    """A PATH with programs of our own; ``log`` holds every command line they were given."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._log = home / "log"

    def add(self, program: str, answers: dict[str, str], directory: str = "bin") -> None:
        """``answers`` maps patterns of the command line to shell commands, the first match wins."""
        path = self._home / directory / program
        path.parent.mkdir(exist_ok=True)
        cases = "".join(
            f"'{pattern.rstrip('*')}'{'*' * pattern.endswith('*')}) {command};;\n"
            for pattern, command in answers.items()
        )
        path.write_text(f'#!/bin/sh\necho "$0 $*" >> {self._log}\ncase "$*" in\n{cases}esac\n')
        path.chmod(0o755)

    @property
    def log(self) -> list[str]:
        return self._log.read_text().splitlines()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bin:
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{tmp_path}/other")
    monkeypatch.delenv("STORAGE_DRIVER", raising=False)
    monkeypatch.delenv("BUILDAH_ISOLATION", raising=False)
    return Bin(tmp_path)


def request_of(**fields: object) -> BuildRequest:
    return BuildRequest("api", b"FROM scratch\n", None, AMD, **fields)  # type: ignore[arg-type]


async def build(docker: Docker | Buildah, request: BuildRequest) -> str:
    return await docker.build(request, lambda _: None)


async def test_docker_comes_first_when_it_can_use_buildkit(programs: Bin) -> None:
    programs.add("docker", DOCKER)
    programs.add("buildah", BUILDAH)
    engine = await choose("auto", HOST)
    info = await engine.probe()
    assert (engine.name, info.version, info.native) == ("docker", "20.10.24", AMD)


@pytest.mark.parametrize("trouble", [NO_DAEMON, NEEDS_BUILDX])
async def test_buildah_comes_next_when_docker_does_not_work(programs: Bin, trouble: dict[str, str]) -> None:
    programs.add("docker", docker(trouble))
    programs.add("buildah", BUILDAH)
    engine = await choose("auto", HOST)
    assert engine.name == "buildah"
    assert (await engine.probe()).native == Platform("linux", "arm64")


async def test_docker_whose_run_steps_cannot_start_gives_way(programs: Bin) -> None:
    programs.add("docker", docker(NO_BRIDGE))
    programs.add("buildah", BUILDAH)
    assert (await choose("auto", HOST)).name == "buildah"


async def test_docker_without_a_bridge_is_better_than_nothing(programs: Bin) -> None:
    programs.add("docker", docker(NO_BRIDGE))
    assert (await choose("auto", HOST)).name == "docker"
    assert (await Docker(HOST).survey()).obstacle == failures.NO_BRIDGE


async def test_when_nothing_works_every_reason_is_given(programs: Bin) -> None:
    programs.add("docker", docker(NO_DAEMON))
    programs.add("podman", {"info*": "echo 'cannot re-exec process' >&2; exit 125"})
    with pytest.raises(EngineMissing) as caught:
        await choose("auto", HOST)
    cause = caught.value.cause or ""
    assert [line.partition(":")[0] for line in cause.splitlines()] == list(ENGINES)
    for words in ("Cannot connect", "systemctl start docker", "buildah is not installed", "cannot re-exec"):
        assert words in cause
    assert caught.value.help is not None and "apt-get install buildah" in caught.value.help


async def test_an_engine_asked_for_by_name_is_not_replaced(programs: Bin) -> None:
    programs.add("buildah", BUILDAH)
    assert (await choose("buildah", HOST)).name == "buildah"
    with pytest.raises(EngineMissing, match="podman is not installed"):
        await choose("podman", HOST)
    with pytest.raises(EngineMissing, match="docker is not installed"):
        await choose("docker", HOST)


async def test_an_unknown_engine_is_wrong_usage(programs: Bin) -> None:
    with pytest.raises(UsageError, match="no engine 'kaniko'") as caught:
        await choose("kaniko", HOST)
    assert caught.value.help == "choose one of auto, docker, buildah, podman"


async def test_buildx_builds_where_the_client_has_it(programs: Bin) -> None:
    programs.add("docker", DOCKER)
    name = await build(Docker(HOST), request_of(contexts={"assets": "/srv"}))
    command = programs.log[-1].split("docker ", 1)[1]
    assert command.startswith("buildx build --builder default --load --progress plain --file ")
    assert f"--tag {name}" in command and "--build-context assets=/srv" in command


async def test_the_client_that_can_use_buildkit_is_found_on_the_path(programs: Bin) -> None:
    programs.add("docker", docker(NEEDS_BUILDX))
    programs.add("docker", docker(NO_BUILDX), "other")
    await build(Docker(HOST), request_of())
    assert "/other/docker build --progress plain" in programs.log[-1]


@pytest.mark.parametrize("directory", ["bin", "other"])
async def test_a_client_with_buildx_is_preferred_wherever_it_is(programs: Bin, directory: str) -> None:
    for place in ("bin", "other"):
        programs.add("docker", DOCKER if place == directory else docker(NO_BUILDX), place)
    await build(Docker(HOST), request_of())
    assert f"/{directory}/docker buildx build" in programs.log[-1]


async def test_of_several_clients_the_first_one_tells_what_is_wrong(programs: Bin) -> None:
    programs.add("docker", docker(NO_DAEMON))
    programs.add("docker", docker(NEEDS_BUILDX), "other")
    with pytest.raises(EngineMissing, match="daemon does not answer"):
        await Docker(HOST).probe()


async def test_named_contexts_are_refused_without_buildx(programs: Bin) -> None:
    programs.add("docker", docker(NO_BUILDX))
    with pytest.raises(BuildFailed, match="named contexts") as caught:
        await build(Docker(HOST), request_of(contexts={"assets": "/srv"}))
    assert caught.value.help is not None and "buildx" in caught.value.help
    assert not any("--progress" in line for line in programs.log)


async def test_no_permission_has_its_own_help(programs: Bin) -> None:
    denied = "echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1"
    programs.add("docker", {"version*": denied})
    with pytest.raises(EngineMissing) as caught:
        await Docker(HOST).probe()
    assert caught.value.help is not None and "usermod -aG docker" in caught.value.help


@pytest.mark.parametrize("endpoint", ["tcp://10.0.0.5:2376", "ssh://builder.example", ""])
async def test_a_daemon_on_another_machine_is_refused(programs: Bin, endpoint: str) -> None:
    programs.add("docker", docker({"context*": f"echo 'away {endpoint}'"}))
    with pytest.raises(EngineMissing, match="another machine") as caught:
        await Docker(HOST).probe()
    assert caught.value.help is not None and "DOCKER_HOST" in caught.value.help


async def test_docker_takes_the_staging_name_away_after_a_push(programs: Bin) -> None:
    programs.add("docker", docker({"push*": "echo 'received unexpected HTTP status: 500'; exit 1"}))
    with pytest.raises(Exception, match="500"):
        await Docker(HOST).push("x", Reference.parse("127.0.0.1:1/a:b"), lambda _: None)
    assert [line.split("docker ", 1)[1] for line in programs.log[-3:]] == [
        "tag x 127.0.0.1:1/a:b",
        "push 127.0.0.1:1/a:b",
        "rmi 127.0.0.1:1/a:b",
    ]


async def test_storage_that_cannot_overlay_falls_back_to_plain_copies(programs: Bin) -> None:
    info = BUILDAH["info"]
    programs.add("buildah", {**BUILDAH, "info": f'test "$STORAGE_DRIVER" = vfs && {info}', "build*": "env"})
    seen: list[str] = []
    programs.add("env", {"": "echo driver=$STORAGE_DRIVER"})
    await Buildah(HOST).build(request_of(), seen.append)
    assert "driver=vfs" in seen


async def test_a_storage_driver_of_the_user_is_obeyed(programs: Bin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_DRIVER", "overlay")
    programs.add("buildah", {**BUILDAH, "info": "echo 'overlay is not supported' >&2; exit 125"})
    with pytest.raises(EngineMissing) as caught:
        await Buildah(HOST).probe()
    assert caught.value.cause == "overlay is not supported"
    assert [line.split()[1] for line in programs.log] == ["version", "info"]


NO_CONTAINERS = (
    'case "$*" in *"--isolation chroot"*) echo done;; *) echo "error running container: from /usr/bin/crun '
    'creating container for [/bin/sh]: mount proc: Operation not permitted"; exit 1;; esac'
)


def isolations(log: list[str]) -> list[bool]:
    """Of every build, whether it was told to use chroot."""
    return ["--isolation chroot" in line for line in log if "buildah build" in line]


async def test_where_no_container_starts_chroot_takes_over_for_good(programs: Bin) -> None:
    programs.add("buildah", {**BUILDAH, "build*": NO_CONTAINERS})
    buildah = Buildah(HOST)
    await build(buildah, request_of())
    await build(buildah, request_of())
    assert isolations(programs.log) == [False, True, True]


async def test_another_failure_is_not_tried_again(programs: Bin) -> None:
    programs.add("buildah", {**BUILDAH, "build*": "echo 'Error: exit status 3'; exit 1"})
    with pytest.raises(BuildFailed):
        await build(Buildah(HOST), request_of())
    assert isolations(programs.log) == [False]


async def test_an_isolation_of_the_user_is_obeyed(programs: Bin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDAH_ISOLATION", "oci")
    programs.add("buildah", {**BUILDAH, "build*": NO_CONTAINERS})
    with pytest.raises(BuildFailed):
        await build(Buildah(HOST), request_of())
    assert isolations(programs.log) == [False]


async def test_registry_settings_of_the_user_stay_in_force(
    programs: Bin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "registries.conf"
    own.write_text('unqualified-search-registries = ["r.example"]\n')
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(own))
    show = 'while read -r line; do echo "$line"; done < $CONTAINERS_REGISTRIES_CONF'
    programs.add("buildah", {**BUILDAH, "build*": show})
    seen: list[str] = []
    await Buildah(HOST).build(request_of(registries_plain=frozenset({"127.0.0.1:5"})), seen.append)
    assert seen == [
        'unqualified-search-registries = ["r.example"]',
        "",
        "[[registry]]",
        'location = "127.0.0.1:5"',
        "insecure = true",
    ]
