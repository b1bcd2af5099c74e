"""What every build engine must do, on each one that this machine has, against real registries."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import secrets
import shutil
import tarfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from shipway.engines.table import ENGINES
from shipway.errors import BuildFailed, ShipwayError
from shipway.host import SystemHost
from shipway.ports import BuildRequest, Completed, Engine
from shipway.testing.registry import running_registry
from shipway.values import Digest, Platform, Reference

pytestmark = pytest.mark.engine

# one daemon of docker's serves all of its tests; those of the others may run beside it
EACH_ENGINE = [
    pytest.param(name, marks=[pytest.mark.xdist_group("docker")] if name == "docker" else [])
    for name in ENGINES
]

AMD = Platform.parse("linux/amd64")
ARM = Platform.parse("linux/arm64")
ACCEPT = ", ".join(
    f"application/vnd.{kind}"
    for kind in ("oci.image.manifest.v1+json", "docker.distribution.manifest.v2+json")
)
SH = '"/bin/busybox", "sh", "-c"'


class WatchedHost(SystemHost):
    """The machine, remembering every command line."""

    def __init__(self) -> None:
        self.started: list[tuple[str, ...]] = []

    async def run(self, argv: Sequence[str], **how: Any) -> Completed:
        self.started.append(tuple(argv))
        return await super().run(argv, **how)


@pytest.fixture(scope="module", params=EACH_ENGINE)
def engine(request: pytest.FixtureRequest, container_storage: Path) -> Engine:
    """Every engine; one that is missing skips its tests, and fails them in CI."""
    if request.param == "docker":
        request.getfixturevalue("docker_daemon")
    else:
        request.getfixturevalue("require_tool")(request.param)
    found = ENGINES[request.param](WatchedHost())
    asyncio.run(found.probe())
    return found


@pytest.fixture(scope="module")
def busybox(require_tool: Callable[[str], str]) -> Path:
    return Path(require_tool("busybox"))


@pytest.fixture(scope="module", params=["embedded", "docker-registry"])
def registry(request: pytest.FixtureRequest) -> Iterator[str]:
    """``127.0.0.1:PORT`` of a registry."""
    if request.param == "embedded":
        with running_registry() as embedded:
            yield embedded.address
    else:
        yield request.getfixturevalue("docker_registry")


@dataclass(frozen=True)
class Pulled:
    """An image as a registry hands it out."""

    digest: Digest
    config: dict[str, dict[str, object]]
    files: dict[str, bytes]


def get(reference: Reference, path: str) -> bytes:
    url = f"http://{reference.registry}/v2/{reference.repository}/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": ACCEPT})) as answer:
        data: bytes = answer.read()
    return data


def pull(reference: Reference) -> Pulled:
    data = get(reference, f"manifests/{reference.digest or reference.tag}")
    manifest = json.loads(data)
    files: dict[str, bytes] = {}
    for layer in manifest["layers"]:
        packed = get(reference, f"blobs/{layer['digest']}")
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as archive:
            for member in archive:
                if member.isfile() and (content := archive.extractfile(member)):
                    files[member.name.removeprefix("./")] = content.read()
    config = json.loads(get(reference, f"blobs/{manifest['config']['digest']}"))
    return Pulled(Digest.of(data), config, files)


class Bench:
    """One engine at work for one test."""

    def __init__(self, engine: Engine, registry: str) -> None:
        self.engine = engine
        self.registry = registry
        self.lines: list[str] = []

    async def build(self, request: BuildRequest) -> str:
        self.lines.clear()
        return await self.engine.build(
            replace(request, registries_plain=frozenset({self.registry})), self.lines.append
        )

    async def deliver(self, request: BuildRequest, repository: str = "") -> Pulled:
        """Build, push and pull."""
        image = await self.build(request)
        destination = Reference(self.registry, repository or f"t/{secrets.token_hex(4)}", "1")
        try:
            await self.engine.push(image, destination, self.lines.append)
        finally:
            await self.engine.remove(image)
        return pull(destination)

    async def refused(self, request: BuildRequest) -> BuildFailed:
        with pytest.raises(BuildFailed) as caught:
            await self.build(request)
        return caught.value


@pytest.fixture
def bench(engine: Engine, registry: str) -> Bench:
    return Bench(engine, registry)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    directory = tmp_path / "context"
    (directory / "sub").mkdir(parents=True)
    (directory / "keep").write_text(f"kept {secrets.token_hex(4)}")
    (directory / "sub" / "drop").write_text("dropped")
    return directory


def request_of(dockerfile: str, context: Path | None, platform: Platform = AMD) -> BuildRequest:
    return BuildRequest("shop/API", dockerfile.encode(), context, platform)


_bases: dict[tuple[str, str], str] = {}


@pytest.fixture
async def base(bench: Bench, busybox: Path, tmp_path: Path) -> str:
    """An image with busybox, pinned: the reference to build FROM."""
    key = (bench.engine.name, bench.registry)
    if key not in _bases:
        directory = tmp_path / "base"
        directory.mkdir()
        shutil.copy(busybox, directory / "busybox")
        text = "FROM scratch\nCOPY busybox /bin/busybox\n"
        pulled = await bench.deliver(request_of(text, directory, await native(bench.engine)), "fleet/base")
        _bases[key] = f"{bench.registry}/fleet/base@{pulled.digest}"
    return _bases[key]


async def native(engine: Engine) -> Platform:
    return (await engine.probe()).native


async def test_an_engine_tells_its_version_and_platform(engine: Engine) -> None:
    info = await engine.probe()
    assert info.name == engine.name
    assert info.version[0].isdigit()
    assert info.native.os == "linux"


async def test_a_file_of_the_context_arrives_in_the_registry(bench: Bench, context: Path) -> None:
    pulled = await bench.deliver(request_of("FROM scratch\nCOPY keep /there/it\n", context))
    assert pulled.files == {"there/it": (context / "keep").read_bytes()}
    assert any("COPY keep /there/it" in line for line in bench.lines)


async def test_run_steps_really_run_on_a_pinned_base(bench: Bench, base: str) -> None:
    fresh = secrets.token_hex(8)  # a cached step would say nothing
    text = f'FROM {base}\nRUN [{SH}, "echo $((6 * 7)) > /answer; echo {fresh} said; echo warned >&2"]\n'
    pulled = await bench.deliver(request_of(text, None, await native(bench.engine)))
    assert pulled.files["answer"] == b"42\n"
    assert pulled.files["bin/busybox"]
    for word in ("said", "warned"):
        assert any(line.endswith(word) for line in bench.lines)


async def test_args_labels_target_and_entrypoint_are_honoured(bench: Bench, base: str) -> None:
    text = (
        f"ARG BASE\nFROM ${{BASE}} AS one\nARG WORD\n"
        f'RUN [{SH}, "echo -n $WORD > /word"]\nENTRYPOINT ["/bin/busybox"]\nFROM scratch AS two\n'
    )
    request = replace(
        request_of(text, None, await native(bench.engine)),
        target="one",
        args={"BASE": base, "WORD": "a=b c,'d'"},
        labels={"org.example.title": "x = y, z", "org.example.other": "1"},
    )
    pulled = await bench.deliver(request)
    assert pulled.files["word"] == b"a=b c,'d'"
    labels = pulled.config["config"]["Labels"]
    assert isinstance(labels, dict)
    assert labels["org.example.title"] == "x = y, z"
    assert pulled.config["config"]["Entrypoint"] == ["/bin/busybox"]


async def test_secrets_reach_the_run_step_alone(bench: Bench, base: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from-a-file")
    text = (
        f"FROM {base}\nRUN --mount=type=secret,id=npm "
        f'[{SH}, "/bin/busybox wc -c < /run/secrets/npm > /length"]\n'
    )
    request = replace(request_of(text, None, await native(bench.engine)), secrets=(f"id=npm,src={secret}",))
    pulled = await bench.deliver(request)
    assert pulled.files["length"].strip() == b"11"
    assert not any(b"from-a-file" in data for data in pulled.files.values())


async def test_a_secret_arg_shows_up_in_no_line_and_on_no_command_line(bench: Bench, base: str) -> None:
    value = f"hush-{secrets.token_hex(8)}"
    text = f'FROM {base}\nARG TOKEN\nRUN [{SH}, "echo token: $TOKEN"]\n'
    request = replace(
        request_of(text, None, await native(bench.engine)),
        args={"TOKEN": value},
        secret_args=frozenset({"TOKEN"}),
    )
    await bench.engine.remove(await bench.build(request))
    assert any(line.endswith("token: ***") for line in bench.lines)
    assert not any(value in line for line in bench.lines)
    host = bench.engine._host  # type: ignore[attr-defined]
    assert not any(value in part for argv in host.started for part in argv)


async def test_the_ignore_file_given_governs_the_context(bench: Bench, context: Path) -> None:
    (context / ".dockerignore").write_text("keep\n")
    request = request_of("FROM scratch\nCOPY . /c/\n", context)
    pulled = await bench.deliver(replace(request, ignore=b"sub\n.dockerignore\n"))
    assert set(pulled.files) == {"c/keep"}
    pulled = await bench.deliver(request)
    assert set(pulled.files) == {"c/keep", "c/sub/drop", "c/.dockerignore"}


async def test_a_named_context_is_read_or_refused(bench: Bench, context: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("from the other")
    request = replace(
        request_of("FROM scratch\nCOPY --from=assets file /f\n", context), contexts={"assets": str(other)}
    )
    try:
        assert (await bench.deliver(request)).files == {"f": b"from the other"}
    except BuildFailed as error:
        assert "buildx" in str(error)  # plain docker has no option for it, and says so before building
        assert bench.engine.name == "docker"
        assert bench.lines == []


async def test_another_platform_without_run_steps_is_marked_as_such(bench: Bench, context: Path) -> None:
    pulled = await bench.deliver(request_of("FROM scratch\nCOPY keep /k\n", context, ARM))
    assert (pulled.config["os"], pulled.config["architecture"]) == ("linux", "arm64")


async def test_a_failing_command_is_named_with_its_exit_code(bench: Bench, base: str) -> None:
    text = f'FROM {base}\nRUN [{SH}, "echo about to fail; exit 3"]\n'
    error = await bench.refused(request_of(text, None, await native(bench.engine)))
    assert "exit 3" in error.message and "RUN" in error.message
    assert error.cause is not None and "ended with exit code 3" in error.cause
    assert any(line.endswith("about to fail") for line in bench.lines)


async def test_a_missing_copy_source_is_named(bench: Bench, context: Path) -> None:
    error = await bench.refused(request_of("FROM scratch\nCOPY keep nowhere/at-all /x/\n", context))
    assert "COPY keep nowhere/at-all /x/" in error.message
    assert error.cause is not None and "has no /nowhere/at-all" in error.cause
    assert error.help is not None and "relative to the build context" in error.help


async def test_a_program_of_another_architecture_is_explained(bench: Bench, base: str, context: Path) -> None:
    machine = 183 if (await native(bench.engine)).architecture == "amd64" else 62
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00" + machine.to_bytes(2, "little")
    program = context / "program"
    program.write_bytes(header + b"\x01" + bytes(100))
    program.chmod(0o755)
    text = f'FROM {base}\nCOPY program /program\nRUN ["/program"]\n'
    error = await bench.refused(request_of(text, context, await native(bench.engine)))
    assert error.cause is not None and "another architecture" in error.cause
    assert error.help is not None and "qemu-user-static" in error.help


async def test_a_shell_that_is_not_there_is_explained(bench: Bench, base: str) -> None:
    error = await bench.refused(request_of(f"FROM {base}\nRUN hello\n", None, await native(bench.engine)))
    assert error.cause is not None and "the image has no /bin/sh" in error.cause


async def test_a_base_that_was_never_pushed_is_named(bench: Bench) -> None:
    reference = f"{bench.registry}/fleet/nowhere@sha256:{'0' * 64}"
    error = await bench.refused(request_of(f"FROM {reference}\n", None))
    assert error.cause is not None and f"there is no image {reference}" in error.cause


@pytest.mark.parametrize(
    ("text", "target", "cause"),
    [
        ("FROM scratch\nCOPYY a b\n", None, "COPYY is no Dockerfile instruction"),
        ("FROM scratch AS one\nCOPY keep /\n", "zz", "no stage zz"),
    ],
)
async def test_a_wrong_dockerfile_is_explained(
    bench: Bench, context: Path, text: str, target: str | None, cause: str
) -> None:
    error = await bench.refused(replace(request_of(text, context), target=target))
    assert error.cause is not None and cause in error.cause


async def test_plain_http_is_for_the_named_registries_alone(bench: Bench) -> None:
    if bench.engine.name == "docker":
        pytest.skip("the Docker daemon takes all of loopback for plain HTTP")
    request = request_of(f"FROM {bench.registry}/fleet/base@sha256:{'0' * 64}\n", None)
    with pytest.raises(BuildFailed) as caught:
        await bench.engine.build(
            replace(request, registries_plain=frozenset({"127.0.0.1:1"})), bench.lines.append
        )
    assert caught.value.cause is not None and "speaks plain HTTP" in caught.value.cause


async def test_removing_an_image_keeps_its_twin_and_the_layer_cache(bench: Bench, base: str) -> None:
    text = f'FROM {base}\nRUN [{SH}, "echo {secrets.token_hex(4)} > /x"]\n'
    request = request_of(text, None, await native(bench.engine))
    first, second = await bench.build(request), await bench.build(request)
    assert first != second
    await bench.engine.remove(first)
    await bench.engine.remove(first)  # never raises, even when it is gone
    destination = Reference(bench.registry, "t/twin", "1")
    with pytest.raises(ShipwayError):
        await bench.engine.push(first, destination, bench.lines.append)
    await bench.engine.push(second, destination, bench.lines.append)
    await bench.engine.remove(second)
    await bench.engine.remove(await bench.build(request))
    assert any("Using cache" in line or line.endswith("CACHED") for line in bench.lines)


async def test_a_build_that_is_cancelled_leaves_no_process(bench: Bench, base: str) -> None:
    mark = f"4{secrets.randbelow(10**8):08}"
    text = f'FROM {base}\nRUN [{SH}, "echo sleeping; exec /bin/busybox sleep {mark}"]\n'
    request = request_of(text, None, await native(bench.engine))
    task = asyncio.create_task(bench.build(request))
    async with asyncio.timeout(60):
        while not any(line.endswith("sleeping") for line in bench.lines):
            await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(60):
        while running(mark):
            await asyncio.sleep(0.05)


def running(mark: str) -> list[str]:
    """The processes with ``mark`` as an argument."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if mark.encode() in arguments:
            found.append(str(path))
    return found


async def test_no_temporary_file_stays(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    await bench.engine.remove(await bench.build(request_of("FROM scratch\nLABEL a=b\n", None)))
    assert list((tmp_path / "t").iterdir()) == []
