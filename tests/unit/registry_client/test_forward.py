"""A registry behind TLS inside a "cluster": reached through a port-forward that dies and comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from shipway.errors import TlsFailed, Unreachable
from shipway.host import SystemClock, SystemHost
from shipway.ports import Event
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.registry.forward import Forwards, Service
from shipway.registry.proxy import Proxies
from shipway.registry.server.embedded import TlsFiles
from shipway.testing.kubectl import FakeKubectl
from shipway.testing.registry import running_registry
from shipway.values import Reference

HOST = "registry.tools.svc.cluster.local:5000"
SERVICE = Service("tools", "registry", 5000, context="lab")
REPOSITORY = Reference(HOST, "shop/api")


@dataclass
class Cluster:
    """A registry that answers under its name within the cluster alone, and the kubectl that leads there."""

    kubectl: FakeKubectl
    authority: Path
    address: str
    events: list[Event] = field(default_factory=list)

    def client(self, host: str = HOST) -> RegistryClient:
        forwards = Forwards(SystemHost(), {host: SERVICE})
        nowhere = Proxies(https="http://127.0.0.1:1")  # forwards are not proxied
        config = RegistryConfig(authorities={host: self.authority}, forwards=forwards, proxies=nowhere)
        return RegistryClient(config, SystemClock(), self.events.append)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    authority = trustme.CA()
    certificate = authority.issue_cert("registry.tools.svc.cluster.local")
    files = TlsFiles(tmp_path / "server.pem", tmp_path / "server.key")
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(files.key)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    kubectl = FakeKubectl(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    with running_registry(tmp_path / "data", files) as registry:
        kubectl.serve("tools", "registry", 5000, registry.address)
        yield Cluster(kubectl, tmp_path / "ca.pem", registry.address)
    kubectl.die()


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[RegistryClient]:
    async with cluster.client() as made:
        yield made


async def test_a_registry_is_reached_under_its_own_name(cluster: Cluster, client: RegistryClient) -> None:
    descriptor = await client.put_blob(REPOSITORY, b"hello")
    assert await client.blob(REPOSITORY, descriptor) == b"hello"
    assert cluster.kubectl.started == [
        [
            *("--context", "lab", "--namespace", "tools", "port-forward", "--address", "127.0.0.1"),
            *("service/registry", ":5000"),
        ]
    ]
    assert cluster.kinds() == ["registry.forward"]


async def test_a_forward_that_dies_is_started_again(cluster: Cluster, client: RegistryClient) -> None:
    descriptor = await client.put_blob(REPOSITORY, b"hello")
    for times in (1, 2):
        assert cluster.kubectl.die() >= 1
        assert await client.blob(REPOSITORY, descriptor) == b"hello"
        assert cluster.kinds().count("registry.forward-lost") == times
        assert len(cluster.kubectl.started) == times + 1


async def test_what_is_streamed_goes_on_where_the_forward_was_lost(
    cluster: Cluster, client: RegistryClient
) -> None:
    data = bytes(range(256)) * (16 << 10)
    descriptor = await client.put_blob(REPOSITORY, data)
    got = b""
    async for piece in client.stream_blob(REPOSITORY, descriptor):
        if not got:
            cluster.kubectl.die()
        got += piece
    assert got == data


async def test_the_certificate_is_checked_against_the_name_not_the_port(cluster: Cluster) -> None:
    other = "other.tools.svc.cluster.local:5000"
    async with cluster.client(other) as client:
        with pytest.raises(TlsFailed):
            await client.ping(other)


async def test_a_service_that_is_not_there_is_named_with_kubectls_word(cluster: Cluster) -> None:
    cluster.kubectl.withdraw()
    async with cluster.client() as client:
        with pytest.raises(Unreachable, match="the service registry in tools") as caught:
            await client.ping(HOST)
        assert caught.value.cause is not None and 'services "registry" not found' in caught.value.cause
        assert caught.value.help is not None and "kubectl --context lab" in caught.value.help
        cluster.kubectl.serve("tools", "registry", 5000, cluster.address)
        await client.ping(HOST)  # nothing has to be started again by hand


async def test_without_kubectl_that_is_said(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    async with cluster.client() as client:
        with pytest.raises(Unreachable) as caught:
            await client.ping(HOST)
    assert "kubectl" in str(caught.value.cause)


async def test_closing_ends_the_forward(cluster: Cluster) -> None:
    async with cluster.client() as client:
        await client.ping(HOST)
        assert cluster.kubectl.running == 1
    assert cluster.kubectl.running == 0


async def test_other_registries_are_reached_as_ever(cluster: Cluster, client: RegistryClient) -> None:
    with running_registry() as plain:
        await client.ping(plain.address)
    assert cluster.kubectl.started == []
