"""Which image goes where, and what one failure does to the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from shipway.errors import Denied, InvalidValue, PartlyDelivered, ShipwayError, UsageError
from shipway.fleet.model import BuildInputs, Fleet, Image
from shipway.flows.copy import CopyRequest, CopyResult, copy, fleet_sources, plan_copy
from shipway.oci.locator import Locator
from shipway.ports import Copied, Delivery, Event
from shipway.values import Digest, Platform, Reference

DIGEST = Digest.of(b"image")


class Carrier:
    """Notes what it is asked to copy; places in ``refuses`` fail."""

    def __init__(self, names: Sequence[str] = (), refuses: Sequence[str] = ()) -> None:
        self._names = list(names)
        self._refuses = refuses
        self.carried: list[tuple[str, str]] = []
        self.finished = False

    async def names(self, place: Locator) -> list[str]:
        return self._names

    async def copy(
        self,
        source: Locator,
        destination: Locator,
        platforms: Sequence[Platform],
        on_line: Callable[[str], None],
    ) -> Copied:
        if str(source) in self._refuses:
            raise Denied(f"no {source}", cause="a wall", help="a door")
        self.carried.append((str(source), str(destination)))
        return Copied(DIGEST, DIGEST, manifests=1, moved=2, bytes=300)

    async def finish(self) -> None:
        self.finished = True


def request(*sources: str, to: str, all_tags: bool = False, below: bool = False) -> CopyRequest:
    return CopyRequest(tuple(map(Locator.parse, sources)), to, all_tags=all_tags, below=below)


async def goals(asked: CopyRequest, *names: str) -> list[str]:
    return [str(job.destination) for job in await plan_copy(asked, Carrier(names))]


@pytest.mark.parametrize(
    ("source", "to", "goal"),
    [
        ("a.io/acme/api:1", "b.io/mirror/api:2", "b.io/mirror/api:2"),
        ("a.io/acme/api:1", "b.io/mirror/api", "b.io/mirror/api:1"),
        ("a.io/acme/api:1", "b.io/mirror/", "b.io/mirror/api:1"),
        ("a.io/acme/api:1", "b.io", "b.io/api:1"),
        ("a.io/acme/api:1", "127.0.0.1:5000", "127.0.0.1:5000/api:1"),
        ("a.io/acme/api", "b.io/mirror/api", "b.io/mirror/api:latest"),
        (f"a.io/acme/api@{DIGEST}", "b.io/mirror/api", "b.io/mirror/api"),
        (f"a.io/acme/api:1@{DIGEST}", "b.io/mirror/api", "b.io/mirror/api:1"),
        ("a.io/acme/api:1", "oci:dir", "oci:dir:1"),
        ("a.io/acme/api:1", "oci:dir:other", "oci:dir:other"),
        ("a.io/acme/api:1", "docker-archive:x.tar", "docker-archive:x.tar:a.io/acme/api:1"),
        ("oci:dir:1", "b.io/mirror/", "b.io/mirror/dir:1"),
        ("oci:dir:a.io/acme/api:1", "b.io/mirror/", "b.io/mirror/api:1"),
    ],
)
async def test_an_image_keeps_its_tag_and_below_a_prefix_its_name(source: str, to: str, goal: str) -> None:
    assert await goals(request(source, to=to)) == [goal]


async def test_the_only_image_of_a_file_keeps_its_name() -> None:
    assert await goals(request("oci:dir", to="b.io/mirror/api"), "1.0") == ["b.io/mirror/api:1.0"]


async def test_several_images_go_below_a_prefix() -> None:
    asked = request("a.io/acme/api:1", "a.io/acme/web:2", to="b.io/mirror")
    assert await goals(asked) == ["b.io/mirror/api:1", "b.io/mirror/web:2"]


async def test_several_images_in_one_layout_have_names_of_their_own() -> None:
    asked = request("a.io/acme/api:1", "a.io/acme/web:1", to="oci:dir")
    assert await goals(asked) == ["oci:dir:api:1", "oci:dir:web:1"]


async def test_all_tags_of_a_repository_are_copied() -> None:
    asked = request("a.io/acme/api", to="b.io/mirror/api", all_tags=True)
    assert await goals(asked, "1.0", "2.0") == ["b.io/mirror/api:1.0", "b.io/mirror/api:2.0"]


async def test_two_images_for_one_place_are_refused_before_anything_moves() -> None:
    with pytest.raises(UsageError, match=r"would both be copied to b\.io/mirror/api:1"):
        await plan_copy(request("a.io/acme/api:1", "a.io/other/api:1", to="b.io/mirror"), Carrier())


async def test_one_place_for_many_tags_is_refused() -> None:
    asked = request("a.io/acme/api", to="b.io/mirror/api:1", all_tags=True)
    with pytest.raises(UsageError, match="is one image"):
        await plan_copy(asked, Carrier(["1.0", "2.0"]))


async def test_a_destination_chooses_no_digest() -> None:
    with pytest.raises(InvalidValue, match="cannot choose"):
        await plan_copy(request("a.io/acme/api:1", to=f"b.io/api@{DIGEST}"), Carrier())


async def run(asked: CopyRequest, carrier: Carrier) -> tuple[CopyResult, list[Event]]:
    events: list[Event] = []
    return await copy(asked, carrier, events.append, lambda image, line: None), events


async def test_one_failure_does_not_stop_the_others() -> None:
    carrier = Carrier(refuses=["a.io/acme/web:1"])
    sources = [f"a.io/acme/{name}:1" for name in ("api", "web", "worker")]
    result, events = await run(request(*sources, to="b.io/mirror"), carrier)
    assert [row.state for row in result.rows] == ["copied", "failed", "copied"]
    assert [source for source, _ in carrier.carried] == ["a.io/acme/api:1", "a.io/acme/worker:1"]
    error = result.error()
    assert isinstance(error, PartlyDelivered)
    assert error.message == "1 of 3 images are not copied"
    assert sorted(event.kind for event in events if event.kind != "copy.started") == [
        "copy.done",
        "copy.done",
        "copy.failed",
    ]
    assert carrier.finished


async def test_where_all_fail_the_first_error_is_told() -> None:
    result, _ = await run(request("a.io/x:1", to="b.io/y:1"), Carrier(refuses=["a.io/x:1"]))
    error = result.error()
    assert isinstance(error, ShipwayError)
    assert (error.message, error.exit_code) == ("no a.io/x:1", 3)


# --- fleets -----------------------------------------------------------------------------------


def delivery(image: str, reference: str, *tags: str) -> Delivery:
    return Delivery(image, "f", reference, str(DIGEST), (), 1, 1.0, datetime(2026, 1, 1, tzinfo=UTC), 1, tags)


def image(name: str, repository: str | None, tag: str | None) -> Image:
    return Image(name, BuildInputs("Dockerfile", "."), repository=repository, tag=tag)


def test_what_was_delivered_is_copied_by_digest_at_every_tag() -> None:
    fleet = Fleet((image("api", "a.io/acme/api", "{sha7}"),))
    sources = fleet_sources([delivery("api", "a.io/acme/api:1", "1", "stable")], fleet, lambda at: at)
    assert [str(source) for source in sources] == [
        f"a.io/acme/api:1@{DIGEST}",
        f"a.io/acme/api:stable@{DIGEST}",
    ]


def test_what_was_never_delivered_is_copied_at_its_tag_where_that_is_known() -> None:
    fleet = Fleet((image("api", "a.io/acme/api", "1.0"), image("web", "a.io/acme/web", "{sha7}")))
    assert [str(source) for source in fleet_sources([], fleet, lambda at: at)] == ["a.io/acme/api:1.0"]


def test_what_is_in_the_embedded_registry_is_taken_from_where_that_is() -> None:
    def real(at: Reference) -> Reference:
        return Reference("127.0.0.1:7", at.repository)

    sources = fleet_sources([delivery("api", "shipway.local/api:1")], Fleet(()), real)
    assert [str(source) for source in sources] == [f"127.0.0.1:7/api:1@{DIGEST}"]


def test_a_fleet_with_nothing_to_copy_is_told() -> None:
    with pytest.raises(UsageError, match="nothing to copy"):
        fleet_sources([], Fleet(()), lambda at: at)


async def test_a_fleet_of_one_image_goes_below_the_prefix_too() -> None:
    asked = request("a.io/acme/api:1", to="b.io/mirror", below=True)
    assert await goals(asked) == ["b.io/mirror/api:1"]
