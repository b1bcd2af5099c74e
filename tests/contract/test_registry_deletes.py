"""Deleting through the interfaces that registries have for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from shipway.errors import Denied, NotFound, RegistryError, Unauthorized
from shipway.oci.manifest import Manifest
from shipway.ports import Registry
from shipway.registry.backends.distribution import DistributionDeleter
from shipway.registry.backends.github import GithubDeleter
from shipway.registry.backends.harbor import HarborDeleter
from shipway.registry.backends.hub import HubDeleter
from shipway.registry.backends.rest import Rest
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.registry.credentials import ANONYMOUS, Credential
from shipway.registry.session import Session
from shipway.testing.memory_registry import MemoryRegistry
from shipway.testing.raw import RawRepository
from shipway.testing.registry import running_registry
from shipway.testing.rest_registries import FakeGithub, FakeHarbor, FakeHub
from shipway.testing.scripted_registry import Bench, SteppingClock
from shipway.values import Digest, Reference

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")


async def bot(_registry: str, _repository: str) -> Credential:
    return Credential("bot", "secret-word")


async def stranger(_registry: str, _repository: str) -> Credential:
    return ANONYMOUS


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        yield Bench(stack)


@pytest.fixture
async def rest(bench: Bench) -> AsyncIterator[Rest]:
    rest = Rest(Session(RegistryConfig(credentials=bot), bench.clock))
    yield rest
    await rest.close()


# --- Harbor -------------------------------------------------------------------------------------


async def test_harbor_deletes_a_tag_and_an_artifact(bench: Bench, rest: Rest) -> None:
    harbor = FakeHarbor("shop/web/api", {str(ONE): {"a", "b"}, str(TWO): {"c"}})
    server = await bench.serve(harbor)
    repository = Reference(server.address, "shop/web/api")
    deleter = HarborDeleter(rest)
    await deleter.untag(repository.with_tag("a"), ONE)
    await deleter.remove(repository.with_digest(TWO), ["c"])
    assert harbor.artifacts == {str(ONE): {"b"}}
    with pytest.raises(NotFound):
        await deleter.remove(repository.with_digest(TWO), ["c"])


async def test_an_immutable_tag_of_harbor_is_a_clear_refusal(bench: Bench, rest: Rest) -> None:
    server = await bench.serve(FakeHarbor("shop/api", {str(ONE): {"a"}}, immutable={"a"}))
    with pytest.raises(RegistryError, match="immutable"):
        await HarborDeleter(rest).untag(Reference(server.address, "shop/api", "a"), ONE)


# --- GitHub -------------------------------------------------------------------------------------


@pytest.mark.parametrize("owned_by", ["orgs", "users"])
async def test_github_deletes_the_version_of_a_digest(bench: Bench, rest: Rest, owned_by: str) -> None:
    many = [(number, str(Digest.of(bytes([number]))), [f"t{number}"]) for number in range(1, 151)]
    github = FakeGithub("acme/web/api", many, owned_by)
    server = await bench.serve(github)
    deleter = GithubDeleter(rest, MemoryRegistry(), f"http://{server.address}")
    last = Reference("ghcr.io", "acme/web/api", None, Digest.of(bytes([150])))
    await deleter.remove(last, ["t150"])
    assert [version[0] for version in github.versions] == list(range(1, 150))


async def test_github_keeps_a_version_that_got_another_tag(bench: Bench, rest: Rest) -> None:
    github = FakeGithub("acme/api", [(1, str(ONE), ["old", "production"])])
    server = await bench.serve(github)
    deleter = GithubDeleter(rest, MemoryRegistry(), f"http://{server.address}")
    with pytest.raises(RegistryError, match="production"):
        await deleter.remove(Reference("ghcr.io", "acme/api", None, ONE), ["old"])
    assert github.versions


async def test_without_a_token_of_github_nothing_is_sent(bench: Bench) -> None:
    rest = Rest(Session(RegistryConfig(credentials=stranger), SteppingClock()))
    server = await bench.serve(FakeGithub("acme/api"))
    deleter = GithubDeleter(rest, MemoryRegistry(), f"http://{server.address}")
    with pytest.raises(Unauthorized, match="token"):
        await deleter.remove(Reference("ghcr.io", "acme/api", None, ONE), [])
    assert server.lines == []


# --- Docker Hub ---------------------------------------------------------------------------------


async def test_docker_hub_deletes_tags_and_logs_in_once(bench: Bench, rest: Rest) -> None:
    hub = FakeHub("acme/api", {"a", "b", "c"})
    server = await bench.serve(hub)
    deleter = HubDeleter(rest, bench.clock, f"http://{server.address}")
    repository = Reference("docker.io", "acme/api")
    await deleter.remove(repository.with_digest(ONE), ["a", "gone"])
    await deleter.untag(repository.with_tag("b"), ONE)
    assert hub.tags == {"c"}
    assert hub.logins == 1
    bench.clock.pass_(600)
    await deleter.untag(repository.with_tag("c"), ONE)
    assert hub.logins == 2


# --- the distribution API -----------------------------------------------------------------------


async def test_a_tag_is_taken_off_where_tags_can_be_deleted(tmp_path: Path) -> None:
    with running_registry(tmp_path) as registry:
        await taken_off(registry.address)


@pytest.mark.registry
async def test_a_tag_is_taken_off_by_a_placeholder_where_only_digests_can_be_deleted(
    docker_registry: str,
) -> None:
    await taken_off(docker_registry)


async def taken_off(address: str) -> None:
    repository = RawRepository(address, "deletes/shared")
    digest = repository.push_image("a")
    assert repository.push_image("b") == digest
    reference = Reference(address, "deletes/shared")
    async with RegistryClient(RegistryConfig(), SteppingClock()) as client:
        await DistributionDeleter(client).untag(reference.with_tag("a"), digest)
        assert await client.tags(reference) == ["b"]
        found = await client.head(reference.with_tag("b"))
    assert found is not None
    assert found.digest == str(digest)


class NeverDeletes(MemoryRegistry):
    """Storage without deletes, as distribution is out of the box."""

    async def delete(self, reference: Reference) -> None:
        raise Denied("HTTP 405 UNSUPPORTED", status=405)


async def test_a_registry_that_deletes_nothing_keeps_its_tags_as_they_were() -> None:
    registry: Registry = NeverDeletes()
    reference = Reference("registry.example.com", "shop/api", "a")
    blob = await registry.put_blob(reference, b"{}")
    manifest = Manifest(
        "application/vnd.oci.image.manifest.v1+json",
        b'{"schemaVersion":2,"config":{"mediaType":"x","digest":"%s","size":2},"layers":[]}'
        % blob.digest.encode(),
    )
    digest = await registry.put_manifest(reference, manifest)
    with pytest.raises(Denied):
        await DistributionDeleter(registry).untag(reference, digest)
    found = await registry.head(reference)
    assert found is not None
    assert found.digest == str(digest)
