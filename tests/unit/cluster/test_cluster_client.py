"""The client of a cluster against an API server that has bad days."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from shipway.cluster.client import KubernetesCluster
from shipway.cluster.kubeconfig import access_to
from shipway.cluster.transport import Transport
from shipway.errors import (
    ClusterConflict,
    ClusterDenied,
    ClusterNotFound,
    ClusterUnauthorized,
    ClusterUnreachable,
    ConfigError,
)
from shipway.gitops.kubernetes import GIT_REPOSITORY, IMAGE_POLICY, POD, Kind, Name, Object
from shipway.host import SystemClock, SystemHost
from shipway.testing.kubernetes.api import Api
from shipway.testing.kubernetes.certificates import Authority
from shipway.testing.kubernetes.server import FakeCluster
from shipway.testing.kubernetes.store import KINDS, Served

ONE, TWO = Name(POD, "shop", "one"), Name(POD, "shop", "two")


class Bench:
    """A fake API server, and clients of it whose waits pass at once."""

    def __init__(self, fake: FakeCluster, home: Path) -> None:
        self.fake = fake
        self.home = home
        self.waits: list[float] = []
        self._open: list[Transport] = []

    def transport(self, **user: Any) -> Transport:
        path = self.fake.kubeconfig(self.home / "config", **user)
        access = access_to(None, {"KUBECONFIG": str(path)}, self.home)
        transport = Transport(
            access, SystemHost(), SystemClock(), lambda scheme, authority: None, self._sleep
        )
        self._open.append(transport)
        return transport

    def client(self, **user: Any) -> KubernetesCluster:
        return KubernetesCluster(self.transport(**user))

    @property
    def api(self) -> Api:
        return Api(self.transport())

    async def close(self) -> None:
        for transport in self._open:
            await transport.close()

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    with FakeCluster() as fake:
        yield fake


@pytest.fixture
async def bench(fake: FakeCluster, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(fake, tmp_path)
    yield bench
    await bench.close()


async def until(
    told: AsyncIterator[Mapping[Name, Object]], holds: Callable[[Mapping[Name, Object]], bool]
) -> int:
    """Read snapshots until one fits; how many that took."""
    count = 0
    async with asyncio.timeout(30):
        async for snapshot in told:
            count += 1
            if holds(snapshot):
                return count
    raise AssertionError("the watch ended")


# --- reading --------------------------------------------------------------------------------------


async def test_get_list_and_what_is_not_there(bench: Bench) -> None:
    client, api = bench.client(), bench.api
    await api.create(ONE, spec={"a": 1})
    await api.create(Name(POD, "other", "three"))
    assert (await client.get(ONE) or {})["spec"] == {"a": 1}
    assert await client.get(TWO) is None
    assert len(await client.list(POD)) == 2
    assert [thing["metadata"]["name"] for thing in await client.list(POD, "shop")] == ["one"]
    assert len(await client.list(POD, fields={"metadata.name": "three"})) == 1


async def test_lists_come_in_pages(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shipway.cluster.watch.PAGE", 2)
    for number in range(5):
        await bench.api.create(Name(POD, "shop", f"p{number}"))
    assert len(await bench.client().list(POD)) == 5
    assert sum("continue=" in line for line in bench.fake.requests) == 2


async def test_the_preferred_version_and_older_ones(tmp_path: Path) -> None:
    older = tuple(each for each in KINDS if each.kind != IMAGE_POLICY)
    with FakeCluster((*older, Served(IMAGE_POLICY, ("v1beta2",), "imagepolicies"))) as fake:
        bench = Bench(fake, tmp_path)
        assert await bench.client().version(IMAGE_POLICY) == "v1beta2"
        assert await bench.client().version(Kind("example.org", "Thing")) is None
        with pytest.raises(ClusterNotFound, match=r"does not serve Thing\.example\.org"):
            await bench.client().list(Kind("example.org", "Thing"))
        await bench.close()


async def test_the_preferred_version_counts(bench: Bench) -> None:
    assert await bench.client().version(IMAGE_POLICY) == "v1"
    assert await bench.client().version(GIT_REPOSITORY) == "v1"


# --- writing --------------------------------------------------------------------------------------


async def test_a_merge_patch_changes_what_it_names(bench: Bench) -> None:
    await bench.api.create(ONE, metadata={"annotations": {"a": "1", "b": "2"}})
    change = {"metadata": {"annotations": {"a": None, "c": "3"}}}
    changed = await bench.client().merge_patch(ONE, change)
    assert changed["metadata"]["annotations"] == {"b": "2", "c": "3"}


async def test_conflicts_are_tried_again(bench: Bench) -> None:
    await bench.api.create(ONE)
    bench.fake.refuse(409, times=3, method="PATCH")
    changed = await bench.client().merge_patch(ONE, {"metadata": {"labels": {"x": "y"}}})
    assert changed["metadata"]["labels"] == {"x": "y"}
    bench.fake.refuse(409, times=99, method="PATCH")
    with pytest.raises(ClusterConflict):
        await bench.client().merge_patch(ONE, {"metadata": {"labels": {"x": "z"}}})


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "help"),
    [
        (401, ClusterUnauthorized, "log in again"),
        (403, ClusterDenied, "auth can-i"),
        (404, ClusterNotFound, "get-contexts"),
    ],
)
async def test_refusals_are_told_apart(bench: Bench, status: int, kind: type[Exception], help: str) -> None:
    bench.fake.refuse(status, times=9, plural="pods")
    with pytest.raises(kind) as caught:
        await bench.client().list(POD)
    assert help in str(getattr(caught.value, "help", ""))
    assert getattr(caught.value, "status", 0) == status
    assert getattr(caught.value, "exit_code", 0) == 3


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_passes_is_tried_again(bench: Bench, status: int) -> None:
    bench.fake.refuse(status, times=2, plural="pods")
    assert await bench.client().list(POD) == []
    assert len(bench.waits) == 2


async def test_nothing_listens(bench: Bench) -> None:
    client = bench.client()
    bench.fake.stop()
    with pytest.raises(ClusterUnreachable) as caught:
        await client.list(POD)
    assert caught.value.cause == "nothing listens there"


async def test_the_authority_is_checked(bench: Bench) -> None:
    bench.fake.authority = Authority("somebody else")
    with pytest.raises(ClusterUnreachable) as caught:
        await bench.client().list(POD)
    assert "certificate of the server is not accepted" in str(caught.value.cause)


# --- who we are -----------------------------------------------------------------------------------


async def test_a_client_certificate(bench: Bench) -> None:
    pair = bench.fake.authority.issue("jane", groups=["system:masters"])
    user = {
        "client-certificate-data": base64.b64encode(pair.certificate).decode(),
        "client-key-data": base64.b64encode(pair.key).decode(),
    }
    assert await bench.client(**user).list(POD) == []


async def test_a_certificate_without_its_key(bench: Bench) -> None:
    one, other = (bench.fake.authority.issue(name) for name in ("a", "b"))
    user = {
        "client-certificate-data": base64.b64encode(one.certificate).decode(),
        "client-key-data": base64.b64encode(other.key).decode(),
    }
    with pytest.raises(ConfigError, match="cannot be used"):
        await bench.client(**user).list(POD)


async def test_a_wrong_token(bench: Bench) -> None:
    with pytest.raises(ClusterUnauthorized):
        await bench.client(token="wrong").list(POD)


async def test_a_token_file_is_read_anew_when_it_was_refused(bench: Bench) -> None:
    token = bench.home / "token"
    token.write_text("old")
    client = bench.client(tokenFile=str(token))
    with pytest.raises(ClusterUnauthorized):
        await client.list(POD)
    token.write_text(bench.fake.token)
    assert await client.list(POD) == []


def plugin(home: Path, script: str) -> dict[str, Any]:
    program = home / "login"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": str(program), "provideClusterInfo": True}}


async def test_a_plugin_gives_the_token_and_is_told_of_the_cluster(bench: Bench) -> None:
    answer = {"status": {"token": bench.fake.token, "expirationTimestamp": "2099-01-01T00:00:00Z"}}
    told = bench.home / "told"
    client = bench.client(
        **plugin(bench.home, f"printf %s \"$KUBERNETES_EXEC_INFO\" >> {told}\necho '{json.dumps(answer)}'")
    )
    assert await client.list(POD) == []
    assert await client.list(POD) == []
    document = json.loads(told.read_text())
    assert document["spec"]["cluster"]["server"] == bench.fake.url
    assert document["spec"]["interactive"] is False


async def test_an_expired_token_of_a_plugin_is_made_anew(bench: Bench) -> None:
    answer = {"status": {"token": bench.fake.token, "expirationTimestamp": "2020-01-01T00:00:00Z"}}
    count = bench.home / "count"
    client = bench.client(**plugin(bench.home, f"echo x >> {count}\necho '{json.dumps(answer)}'"))
    await client.list(POD)
    await client.list(POD)
    assert len(count.read_text().split()) > 1


@pytest.mark.parametrize("script", ["echo not logged in >&2; exit 1", "echo nonsense", "echo '{}'"])
async def test_a_plugin_that_gives_nothing(bench: Bench, script: str) -> None:
    with pytest.raises(ClusterUnauthorized, match="gave no credentials"):
        await bench.client(**plugin(bench.home, script)).list(POD)


async def test_a_plugin_that_is_not_installed(bench: Bench) -> None:
    version = "client.authentication.k8s.io/v1"
    user = {"exec": {"apiVersion": version, "command": "no-such-login", "installHint": "get it"}}
    with pytest.raises(ClusterUnauthorized) as caught:
        await bench.client(**user).list(POD)
    assert caught.value.help == "get it"


# --- watching -------------------------------------------------------------------------------------


async def test_a_watch_gives_all_and_then_every_change(bench: Bench) -> None:
    api = bench.api
    await api.create(ONE)
    async with aclosing(bench.client().watch(POD, "shop")) as told:
        assert set(await anext(told)) == {ONE}
        await api.create(TWO)
        await until(told, lambda seen: set(seen) == {ONE, TWO})
        await api.patch(TWO, {"metadata": {"labels": {"a": "b"}}})
        await until(told, lambda seen: seen[TWO]["metadata"].get("labels") == {"a": "b"})
        await api.delete(ONE)
        await until(told, lambda seen: set(seen) == {TWO})


async def lists(bench: Bench) -> int:
    return sum("/pods?limit" in line for line in bench.fake.requests)


@pytest.mark.parametrize("breaks", ["disconnect", "tear"])
async def test_a_broken_watch_goes_on_where_it_was(bench: Bench, breaks: str) -> None:
    api = bench.api
    async with aclosing(bench.client().watch(POD)) as told:
        await anext(told)
        waiting = asyncio.ensure_future(anext(told))
        await watched(bench)
        getattr(bench.fake, breaks)()
        await api.create(ONE)
        assert set(await waiting) == {ONE}
    assert await lists(bench) == 1


async def watched(bench: Bench) -> None:
    async with asyncio.timeout(30):
        while not bench.fake.watches:
            await asyncio.sleep(0.01)


async def test_a_watch_that_was_away_for_too_long_lists_anew(bench: Bench) -> None:
    api = bench.api
    await api.create(ONE)
    async with aclosing(bench.client().watch(POD)) as told:
        await anext(told)
        waiting = asyncio.ensure_future(anext(told))
        await watched(bench)
        bench.fake.compact()
        bench.fake.disconnect()
        await api.delete(ONE)
        if await waiting:
            await until(told, lambda seen: not seen)
    assert await lists(bench) >= 2


async def test_an_expired_watch_lists_anew(bench: Bench) -> None:
    api = bench.api
    async with aclosing(bench.client().watch(POD)) as told:
        await anext(told)
        waiting = asyncio.ensure_future(anext(told))
        await watched(bench)
        bench.fake.compact(expire=True)
        await api.create(ONE)
        if not await waiting:
            await until(told, lambda seen: set(seen) == {ONE})
    assert await lists(bench) == 2


async def test_bookmarks_move_a_watch_on(bench: Bench) -> None:
    api = bench.api
    async with aclosing(bench.client().watch(POD)) as told:
        await anext(told)
        waiting = asyncio.ensure_future(anext(told))
        await watched(bench)
        await api.create(Name(GIT_REPOSITORY, "shop", "elsewhere"))
        first = bench.fake.requests[-1]
        assert "gitrepositories" in first
        bench.fake.tear()
        await api.create(ONE)
        assert set(await waiting) == {ONE}


async def test_breaks_count_only_while_nothing_comes_in_between(bench: Bench) -> None:
    api = bench.api
    async with aclosing(bench.client().watch(POD)) as told:
        await anext(told)
        for number in range(15):
            waiting = asyncio.ensure_future(anext(told))
            await watched(bench)
            bench.fake.disconnect()
            await api.create(Name(POD, "shop", f"p{number}"))
            assert len(await waiting) == number + 1


async def test_a_cluster_that_stays_away_is_given_up(bench: Bench) -> None:
    async with aclosing(bench.client().watch(POD)) as told:
        await anext(told)
        bench.fake.stop()
        with pytest.raises(ClusterUnreachable):
            await anext(told)
    assert len(bench.waits) >= 10
    assert max(bench.waits) <= 8


async def test_a_watch_that_is_forbidden_says_so(bench: Bench) -> None:
    bench.fake.refuse(403, times=9, plural="pods")
    async with aclosing(bench.client().watch(POD)) as told:
        with pytest.raises(ClusterDenied):
            await anext(told)
