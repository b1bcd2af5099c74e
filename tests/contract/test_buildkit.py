"""A real BuildKit daemon, where this machine has one: no package of Debian brings it, so CI may lack it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from shipway.engines.buildkit.builder import BuildKitBuilder
from shipway.engines.buildkit.clients import Buildctl, Buildx
from shipway.errors import BuildFailed
from shipway.fleet.model import Attest
from shipway.flows.readback import look
from shipway.host import SystemClock, SystemHost
from shipway.oci.manifest import OCI_MANIFEST
from shipway.ports import BuildRequest
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.testing.registry import running_registry
from shipway.values import Platform, Reference

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("docker")]

CONFIG = """\
root = "{home}/root"
[grpc]
  address = ["unix://{home}/buildkitd.sock"]
[worker.oci]
  enabled = true
  snapshotter = "native"
  networkMode = "host"
[worker.containerd]
  enabled = false
"""
SHELL = '"/bin/busybox", "sh", "-c"'


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if os.geteuid() != 0 or shutil.which("buildkitd") is None or shutil.which("buildctl") is None:
        pytest.skip("there is no buildkitd here, or no right to start it")
    home = tmp_path_factory.mktemp("buildkit")
    (home / "buildkitd.toml").write_text(CONFIG.format(home=home))
    with (home / "log").open("w") as log:
        argv = ["buildkitd", "--config", str(home / "buildkitd.toml")]
        daemon = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            socket = f"unix://{home}/buildkitd.sock"
            for _ in range(150):
                if daemon.poll() is not None:
                    pytest.skip(f"buildkitd does not come up: {(home / 'log').read_text()[-500:]}")
                ready = ("buildctl", "--addr", socket, "debug", "workers")
                if subprocess.run(ready, capture_output=True, check=False).returncode == 0:
                    break
                time.sleep(0.1)
            yield socket
        finally:
            daemon.terminate()
            daemon.wait()


@dataclass(frozen=True)
class Bench:
    """One BuildKit, by one of its clients, and the registry that it pushes to."""

    builder: BuildKitBuilder
    registry: RegistryClient
    at: str
    busybox: Path

    async def build(self, request: BuildRequest, lines: list[str] | None = None) -> Reference:
        """Build, and return where the image is, which was read back."""
        destination = Reference(self.at, "shop/api")
        told = lines.append if lines is not None else lambda _: None
        built = await self.builder.build(request, Reference("127.0.0.1:1", "no/staging"), destination, told)
        return built.at

    def request(self, dockerfile: str, context: Path) -> BuildRequest:
        context.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.busybox, context / "busybox")
        (context / "file").write_text("content\n")
        native = Platform.normalised("linux", os.uname().machine)
        return BuildRequest(
            "api",
            dockerfile.encode(),
            context,
            native,
            registries_plain=frozenset({self.at}),
            epoch=1_700_000_000,
        )


@pytest.fixture(params=["buildctl", "buildx"])
async def bench(
    request: pytest.FixtureRequest,
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    require_tool: Callable[[str], str],
) -> AsyncIterator[Bench]:
    host = SystemHost()
    client: Buildctl | Buildx = Buildctl(host, address)
    if request.param == "buildx":
        client = Buildx(host, "remote")
        monkeypatch.setenv("BUILDX_CONFIG", str(tmp_path / "buildx"))
        program = await client.program()
        create = (*program, "create", "--name", "remote", "--driver", "remote", address)
        assert (await host.run(create)).code == 0
    with running_registry() as served:
        async with RegistryClient(RegistryConfig(), SystemClock()) as registry:
            builder = BuildKitBuilder("real", host, client, registry)
            yield Bench(builder, registry, served.address, Path(require_tool("busybox")))


DOCKERFILE = f"""\
FROM scratch
COPY busybox /bin/busybox
COPY file /file
RUN [{SHELL}, "echo made > /made"]
"""


async def test_two_contexts_of_the_same_files_give_one_digest(bench: Bench, tmp_path: Path) -> None:
    found = []
    for number in range(2):
        request = bench.request(DOCKERFILE, tmp_path / str(number))
        os.utime(
            tmp_path / str(number) / "file", (1_800_000_000 + number,) * 2
        )  # BuildKit only sets younger files back
        found.append(await bench.build(replace(request, cached=False)))
    assert found[0] == found[1]
    assert (await look(bench.registry, found[0])).platforms == (request.platform,)


async def test_attestations_are_found_beside_the_image(bench: Bench, tmp_path: Path) -> None:
    request = replace(bench.request(DOCKERFILE, tmp_path / "c"), attest=Attest("max"))
    destination = Reference(bench.at, "shop/api")
    built = await bench.builder.build(request, destination, destination, lambda _: None)
    assert built.descriptor.media_type == OCI_MANIFEST
    assert built.at == await bench.build(replace(request, attest=Attest()))
    (attestation,) = built.attestations
    assert attestation.parsed_platform is None
    assert await bench.registry.head(destination.with_digest(attestation.parsed_digest)) is not None


async def test_a_secret_reaches_the_step_and_no_line(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary-of-a-file\n")
    step = f'RUN --mount=type=secret,id=s [{SHELL}, "/bin/busybox cat /run/secrets/s"]'
    text = f"FROM scratch\nCOPY busybox /bin/busybox\n{step}\n"
    request = replace(bench.request(text, tmp_path / "c"), secrets=(f"id=s,src={tmp_path}/secret",))
    lines: list[str] = []
    await bench.build(replace(request, cached=False), lines)
    assert any("***" in line for line in lines)
    assert not any("canary" in line for line in lines)


async def test_caches_go_out_and_come_in(bench: Bench, tmp_path: Path) -> None:
    cache = f"type=registry,ref={bench.at}/cache:api"
    request = bench.request(DOCKERFILE, tmp_path / "c")
    await bench.build(replace(request, cache_to=(f"{cache},mode=max",)))
    assert "api" in await bench.registry.tags(Reference(bench.at, "cache"))
    lines: list[str] = []
    await bench.build(replace(request, cache_from=(cache,)), lines)
    assert any("importing cache manifest" in line for line in lines)


async def test_a_base_is_taken_from_the_registry_it_was_delivered_to(bench: Bench, tmp_path: Path) -> None:
    base = await bench.build(bench.request(DOCKERFILE, tmp_path / "base"))
    text = f'FROM {base}\nRUN [{SHELL}, "/bin/busybox cat /made > /copied"]\n'
    request = bench.request(text, tmp_path / "c")
    manifest = await bench.registry.manifest(await bench.build(request))
    assert len(manifest.body.layers or ()) == len((await bench.registry.manifest(base)).body.layers or ()) + 1


async def test_a_named_context_and_the_ignore_file_count(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").write_text("x")
    text = "FROM scratch\nCOPY --from=other x /x\nCOPY . /c/\n"
    request = bench.request(text, tmp_path / "c")
    request = replace(request, contexts={"other": str(tmp_path / "other")}, ignore=b"busybox\n")
    manifest = await bench.registry.manifest(await bench.build(request))
    assert sum(layer.size for layer in manifest.body.layers or ()) < 10_000


async def test_a_failing_step_is_named(bench: Bench, tmp_path: Path) -> None:
    text = f'FROM scratch\nCOPY busybox /bin/busybox\nRUN [{SHELL}, "exit 3"]\n'
    with pytest.raises(BuildFailed, match="RUN") as caught:
        await bench.build(bench.request(text, tmp_path / "c"))
    assert "exit code 3" in str(caught.value.cause)
