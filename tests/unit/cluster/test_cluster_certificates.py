"""The certificates of registries in a cluster: asked for, stored, presented."""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from shipway.cluster.client import KubernetesCluster
from shipway.cluster.kubeconfig import access_to
from shipway.cluster.transport import Transport
from shipway.flows.live.cluster_tls import Sought, covers, look, until_renewed
from shipway.flows.live.probed import Probed
from shipway.gitops.kubernetes import CERTIFICATE, SECRET, STATEFUL_SET, Name
from shipway.host import SystemClock, SystemHost
from shipway.place import Place
from shipway.registry.presented import RegistryPresented
from shipway.testing.kubernetes.api import Api
from shipway.testing.kubernetes.certificates import Authority, Pair, load, server_context
from shipway.testing.kubernetes.server import FakeCluster
from shipway.testing.scripted_registry import serving

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
OURS = Name(CERTIFICATE, "registry", "registry-tls")
HELD = Name(SECRET, "registry", "registry-tls")


@dataclass
class Scene:
    """A registry that presents a certificate, and the Certificate that it comes from."""

    api: Api
    cluster: KubernetesCluster
    authority: Authority
    fake: FakeCluster
    context: ssl.SSLContext
    address: str
    shown: list[Probed] = field(default_factory=list)

    def pair(self, *names: str, age: timedelta = DAY, lasts: timedelta = 90 * DAY) -> Pair:
        return self.authority.issue("registry", names or ("127.0.0.1",), begins=NOW - age, lasts=lasts)

    async def certify(self, *names: str, **status: Any) -> None:
        """Make the Certificate, for names and addresses."""
        addresses = [name for name in names if name[0].isdigit()]
        spec = {
            "secretName": HELD.name,
            "dnsNames": [name for name in names if name not in addresses],
            "ipAddresses": addresses,
        }
        await self.api.create(OURS, spec=spec)
        await self.api.patch_status(OURS, {"conditions": [{"type": "Ready", "status": "True"}], **status})

    async def hold(self, pair: Pair) -> None:
        """Put a certificate into the Secret."""
        data = {"tls.crt": base64.b64encode(pair.certificate).decode()}
        await self.api.create(HELD, data=data)
        await self.api.patch(HELD, {"data": data})

    def present(self, pair: Pair) -> None:
        load(self.context, pair)

    async def look(self) -> tuple[Probed, ...]:
        sought = [Sought(self.address, Place("shipway.yaml", 1))]
        return await look(sought, self.cluster, RegistryPresented(), SystemClock(), self.shown.append)

    async def rules(self) -> list[str]:
        (told,) = await self.look()
        return [finding.rule for finding in told.findings]


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    with FakeCluster() as fake:
        yield fake


@pytest.fixture
async def scene(fake: FakeCluster, tmp_path: Path) -> AsyncIterator[Scene]:
    access = access_to(None, {"KUBECONFIG": str(fake.kubeconfig(tmp_path / "config"))}, tmp_path)
    transport = Transport(access, SystemHost(), SystemClock(), lambda scheme, authority: None)
    authority = Authority()

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({})

    async with AsyncExitStack() as stack:
        stack.push_async_callback(transport.close)
        context = server_context(authority.issue("registry", ["127.0.0.1"]))
        server = await stack.enter_async_context(serving(answer, tls=context))
        yield Scene(Api(transport), KubernetesCluster(transport), authority, fake, context, server.address)


def later(days: float) -> str:
    return (NOW + days * DAY).isoformat()


async def test_all_is_well(scene: Scene) -> None:
    pair = scene.pair()
    scene.present(pair)
    await scene.hold(pair)
    await scene.certify("127.0.0.1", "registry.example.org", renewalTime=later(60))
    (told,) = await scene.look()
    assert (told.state, told.findings) == ("ok", ())
    assert "Certificate registry/registry-tls" in told.seen
    assert scene.shown == [told]


async def test_the_certificate_does_not_name_the_address_in_use(scene: Scene) -> None:
    pair = scene.pair("10.0.0.5")
    scene.present(pair)
    await scene.hold(pair)
    await scene.certify("10.0.0.5", renewalTime=later(60))
    (told,) = await scene.look()
    (finding,) = told.findings
    assert finding.rule == "SW412"
    assert "for 10.0.0.5, and the registry is reached as 127.0.0.1" in finding.message
    assert "add 127.0.0.1 to spec.ipAddresses of Certificate registry/registry-tls" in str(finding.help)


async def test_the_registry_has_not_read_the_renewed_certificate(scene: Scene) -> None:
    scene.present(scene.pair(age=60 * DAY))
    await scene.hold(scene.pair(age=DAY))
    await scene.certify("127.0.0.1", renewalTime=later(60))
    volumes = [{"name": "tls", "secret": {"secretName": HELD.name}}]
    await scene.api.create(
        Name(STATEFUL_SET, "registry", "harbor"), spec={"template": {"spec": {"volumes": volumes}}}
    )
    (told,) = await scene.look()
    (finding,) = told.findings
    assert finding.rule == "SW413"
    assert "Secret registry/registry-tls" in finding.message
    assert "kubectl -n registry rollout restart statefulset/harbor" in str(finding.help)


async def test_a_newer_certificate_than_the_stored_one_needs_no_restart(scene: Scene) -> None:
    scene.present(scene.pair(age=DAY))
    await scene.hold(scene.pair(age=60 * DAY))
    await scene.certify("127.0.0.1", renewalTime=later(60))
    assert await scene.rules() == []


async def test_without_the_right_to_read_secrets_the_status_tells(scene: Scene) -> None:
    scene.present(scene.pair(age=60 * DAY))
    await scene.hold(scene.pair())
    await scene.certify("127.0.0.1", renewalTime=later(60), notBefore=later(-1))
    scene.fake.refuse(403, times=9, plural="secrets")
    assert await scene.rules() == ["SW413"]


async def test_an_overdue_renewal_and_an_end_that_is_near(scene: Scene) -> None:
    pair = scene.pair(age=70 * DAY)
    scene.present(pair)
    await scene.hold(pair)
    await scene.certify("127.0.0.1", renewalTime=later(-10))
    assert await scene.rules() == ["SW414", "SW411"]


async def test_a_short_life_is_on_purpose_before_its_renewal(scene: Scene) -> None:
    pair = scene.pair(age=timedelta(hours=1), lasts=DAY)
    scene.present(pair)
    await scene.hold(pair)
    await scene.certify("127.0.0.1", renewalTime=later(0.5))
    assert await scene.rules() == []


async def test_a_certificate_that_is_not_ready(scene: Scene) -> None:
    pair = scene.pair()
    scene.present(pair)
    await scene.hold(pair)
    failed = {"type": "Ready", "status": "False", "reason": "Failed", "message": "issuer not found"}
    await scene.certify("127.0.0.1", conditions=[failed])
    (told,) = await scene.look()
    assert [finding.rule for finding in told.findings] == ["SW414"]
    assert "issuer not found" in told.findings[0].message
    assert "cmctl renew -n registry registry-tls" in str(told.findings[0].help)


async def test_an_empty_secret(scene: Scene) -> None:
    scene.present(scene.pair())
    await scene.certify("127.0.0.1")
    assert await scene.rules() == ["SW414"]


async def test_a_registry_that_the_cluster_does_not_care_for(scene: Scene) -> None:
    await scene.certify("other.example.org")
    (told,) = await scene.look()
    assert (told.state, told.seen) == ("ok", "no Certificate of this cluster is for it")


async def test_waiting_until_it_is_renewed_and_reloaded(scene: Scene) -> None:
    fresh = scene.pair()
    scene.present(scene.pair(age=60 * DAY))
    await scene.hold(fresh)
    await scene.certify("127.0.0.1", renewalTime=later(60))
    looks: list[float] = []

    async def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            scene.present(fresh)

    (told,) = await until_renewed(scene.look, 60.0, sleep)
    assert (told.state, len(looks)) == ("ok", 3)


async def test_waiting_has_an_end(scene: Scene) -> None:
    scene.present(scene.pair(age=60 * DAY))
    await scene.hold(scene.pair())
    await scene.certify("127.0.0.1", renewalTime=later(60))

    async def sleep(seconds: float) -> None:
        pass

    (told,) = await until_renewed(scene.look, 10.0, sleep)
    assert [finding.rule for finding in told.findings] == ["SW413"]


@pytest.mark.parametrize(
    ("names", "host", "expected"),
    [
        (("registry.example.org",), "registry.example.org", True),
        (("REGISTRY.example.org",), "registry.example.org", True),
        (("*.example.org",), "registry.example.org", True),
        (("*.example.org",), "a.registry.example.org", False),
        (("example.org",), "registry.example.org", False),
        (("10.0.0.5",), "10.0.0.5", True),
        (("10.0.0.6",), "10.0.0.5", False),
        (("fd00:0::1",), "fd00::1", True),
        (("*.0.0.5",), "10.0.0.5", False),
        ((), "localhost", False),
        (("localhost",), "localhost", True),
    ],
    ids=str,
)
def test_which_names_cover_a_host(names: tuple[str, ...], host: str, expected: bool) -> None:
    assert covers(names, host) is expected


@pytest.mark.parametrize(
    ("registry", "host"),
    [("r.example:5000", "r.example"), ("[fd00::1]:5000", "fd00::1"), ("R.example", "r.example")],
)
def test_hosts_of_registries(registry: str, host: str) -> None:
    assert Sought(registry, Place("f")).host == host
