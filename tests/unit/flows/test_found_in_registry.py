"""A machine without a ledger finds what others delivered, by what the images say in the registry."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from shipway.errors import Unreachable
from shipway.flows.conduct import Conduct
from shipway.oci.manifest import Descriptor, Manifest
from shipway.planning.plan import Choices
from shipway.registry.client import RegistryClient
from shipway.testing.harbour import NAMES, Harbour
from shipway.values import Digest, Reference

ALL_REUSED = dict.fromkeys(NAMES, "reused")


@pytest.fixture(params=["embedded", "docker-registry"])
def harbour(request: pytest.FixtureRequest, tmp_path: Path) -> Harbour:
    if request.param == "embedded":
        return Harbour(tmp_path, request.getfixturevalue("destination"))
    address = request.getfixturevalue("docker_registry")
    return Harbour(tmp_path, f"{address}/{uuid.uuid4().hex[:8]}")


def scheme(harbour: Harbour, tag: str, tags: str = "[]") -> None:
    file = harbour.root / "shipway.yaml"
    text = file.read_text().replace("tag: '1'", f"tag: '{tag}'").replace("tags: [latest]", f"tags: {tags}")
    file.write_text(text)


def elsewhere(harbour: Harbour) -> None:
    """From here on it is another machine, with an empty ledger."""
    harbour.state = harbour.directory / uuid.uuid4().hex
    harbour.events.clear()
    harbour.engine.builds.clear()


class Counting(RegistryClient):
    """Counts the requests for manifests, configs and lists of tags."""

    asked: list[str]

    async def manifest(self, reference: Reference) -> Manifest:
        type(self).asked.append(f"manifest {reference.repository.rpartition('/')[2]}")
        return await super().manifest(reference)

    async def blob(self, repository: Reference, descriptor: Descriptor) -> bytes:
        type(self).asked.append(f"blob {repository.repository.rpartition('/')[2]}")
        return await super().blob(repository, descriptor)

    async def tags(self, repository: Reference) -> list[str]:
        type(self).asked.append(f"tags {repository.repository.rpartition('/')[2]}")
        return await super().tags(repository)


@pytest.fixture
def counting() -> type[Counting]:
    Counting.asked = []
    return Counting


@pytest.mark.parametrize(
    ("tag", "tags"),
    [
        pytest.param("1", "[latest]", id="fixed"),
        pytest.param("{timestamp}", "[]", id="time"),
        pytest.param("{timestamp}", "[latest]", id="time-and-latest"),
    ],
)
async def test_a_fresh_machine_builds_nothing_that_stands(harbour: Harbour, tag: str, tags: str) -> None:
    scheme(harbour, tag, tags)
    await harbour.ship()
    before = {row.image: row.digest for row in harbour.status.rows} if harbour.status else {}
    elsewhere(harbour)
    await harbour.ship()
    assert harbour.engine.built == []
    assert harbour.states() == ALL_REUSED
    assert harbour.status is not None
    assert {row.image: row.digest for row in harbour.status.rows} == before
    assert all("image.found" in harbour.kinds(name) for name in NAMES)


async def test_what_was_found_is_in_the_ledger_from_then_on(
    harbour: Harbour, counting: type[Counting]
) -> None:
    await harbour.ship()
    elsewhere(harbour)
    await harbour.ship()
    harbour.events.clear()
    await harbour.ship(wrap=counting)
    assert harbour.states() == ALL_REUSED
    assert counting.asked == []
    assert not any("image.found" in harbour.kinds(name) for name in NAMES)


async def test_a_fresh_machine_builds_what_changed_and_what_builds_on_it(harbour: Harbour) -> None:
    scheme(harbour, "{timestamp}")
    await harbour.ship()
    elsewhere(harbour)
    (harbour.root / "mid/f").write_text("changed")
    await harbour.ship()
    assert harbour.engine.built == ["mid", "top"]
    assert harbour.states() == {"base": "reused", "mid": "delivered", "top": "delivered", "solo": "reused"}


async def test_an_index_tells_by_its_annotation(harbour: Harbour, counting: type[Counting]) -> None:
    text = (harbour.root / "shipway.yaml").read_text()
    (harbour.root / "shipway.yaml").write_text(f"platforms: [linux/amd64, linux/arm64]\n{text}")
    await harbour.ship()
    elsewhere(harbour)
    (harbour.root / "solo/f").write_text("changed")
    async with harbour.client(counting) as client:
        await harbour.plan(Choices(frozenset({"solo"})), registry=client)
    assert counting.asked == ["manifest solo", "manifest solo"]  # its two tags, no child and no config


async def test_other_platforms_are_another_image(harbour: Harbour) -> None:
    await harbour.ship("solo")
    elsewhere(harbour)
    text = (harbour.root / "shipway.yaml").read_text()
    (harbour.root / "shipway.yaml").write_text(f"platforms: [linux/amd64, linux/arm64]\n{text}")
    await harbour.ship("solo")
    assert harbour.states() == {"solo": "delivered"}


async def test_an_image_that_lost_a_layer_is_built_again(harbour: Harbour) -> None:
    class Holey(RegistryClient):
        async def has_blob(self, repository: Reference, digest: Digest) -> bool:
            return "/shop/" not in repository.name and await super().has_blob(repository, digest)

    await harbour.ship("solo")
    elsewhere(harbour)
    async with harbour.client(Holey) as registry:
        prepared = await harbour.plan(Choices(frozenset({"solo"})), registry=registry)
    assert prepared.plan.steps[0].action == "build"
    assert prepared.found == {}


async def test_an_image_that_claims_another_fingerprint_is_not_taken(harbour: Harbour) -> None:
    await harbour.ship("solo")
    elsewhere(harbour)
    async with harbour.client() as registry:
        at = Reference.parse(f"{harbour.destination}/shop/solo:1")
        other = Reference.parse(f"{harbour.destination}/shop/base:1")
        await registry.copy(at, other)
    await harbour.ship("base")
    assert harbour.states() == {"base": "delivered"}


@pytest.mark.parametrize(
    "choices",
    [
        pytest.param(Choices(frozenset({"solo"}), lookup=False), id="switched-off"),
        pytest.param(Choices(frozenset({"solo"}), force=frozenset({"*"})), id="forced"),
    ],
)
async def test_who_does_not_want_it_is_not_given_what_is_found(
    harbour: Harbour, choices: Choices, counting: type[Counting]
) -> None:
    await harbour.ship("solo")
    elsewhere(harbour)
    async with harbour.client(counting) as client:
        await harbour.plan(choices, registry=client)
    assert counting.asked == []
    await harbour.ship(choices=choices)
    assert harbour.engine.built == ["solo"]


async def test_the_requests_for_an_image_are_few_however_many_tags_there_are(
    harbour: Harbour, counting: type[Counting]
) -> None:
    scheme(harbour, "{timestamp}")
    await harbour.ship("solo")
    async with harbour.client() as registry:
        repository = Reference.parse(f"{harbour.destination}/shop/solo")
        (tag,) = await registry.tags(repository)
        manifest = await registry.manifest(repository.with_tag(tag))
        for number in range(20):
            await registry.put_manifest(repository.with_tag(str(1_600_000_000 + number)), manifest)
    elsewhere(harbour)
    (harbour.root / "solo/f").write_text("changed")
    async with harbour.client(counting) as client:
        await harbour.plan(Choices(frozenset({"solo"})), registry=client)
    assert counting.asked.count("tags solo") == 1
    assert counting.asked.count("manifest solo") == counting.asked.count("blob solo") == 5


async def test_only_deliveries_newer_than_the_last_one_known_are_looked_at(
    harbour: Harbour, counting: type[Counting]
) -> None:
    scheme(harbour, "{timestamp}")
    await harbour.ship("solo")
    (harbour.root / "solo/f").write_text("changed")
    async with harbour.client(counting) as client:
        await harbour.plan(Choices(frozenset({"solo"})), registry=client)
    assert counting.asked == ["tags solo"]


async def test_a_plan_takes_nothing_down_and_says_so_when_a_registry_is_away(harbour: Harbour) -> None:
    class Away(RegistryClient):
        async def manifest(self, reference: Reference) -> Manifest:
            raise Unreachable("no answer", cause="the cable is out")

    async with harbour.client(Away) as registry:
        prepared = await harbour.plan(registry=registry)
    assert [step.action for step in prepared.plan.steps] == ["build"] * 4
    host = harbour.destination.partition("/")[0]
    assert prepared.plan.notes == (
        f"{host} was not asked for deliveries that are not known here: the cable is out",
    )


async def test_repositories_that_do_not_exist_are_no_news(harbour: Harbour) -> None:
    scheme(harbour, "{timestamp}")
    async with harbour.client() as registry:
        prepared = await harbour.plan(registry=registry)
    assert prepared.plan.notes == ()


async def test_secondary_tags_follow_what_was_found(harbour: Harbour) -> None:
    await harbour.ship("solo")
    elsewhere(harbour)
    scheme(harbour, "1", "[latest, stable]")
    await harbour.ship("solo", conduct=replace(Conduct(), retries=0))
    assert harbour.states() == {"solo": "reused"}
    assert await harbour.tag("solo", "stable") == await harbour.tag("solo", "1")
