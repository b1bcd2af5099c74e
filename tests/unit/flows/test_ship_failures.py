"""What a ship does when things fail: it goes on, resumes, tries again, holds groups, stops what hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shipway.errors import (
    BuildFailed,
    Denied,
    DiskFull,
    EngineError,
    Locked,
    Mismatch,
    NotFound,
    PartlyDelivered,
    RateLimited,
    ShipwayError,
    TimedOut,
    Unreachable,
    UsageError,
)
from shipway.fleet.load import load_fleet
from shipway.flows.attempts import passes
from shipway.flows.conduct import Conduct
from shipway.ledger.sqlite import SqliteLedger
from shipway.oci.manifest import Descriptor, Manifest
from shipway.ports import BuildRequest, Event
from shipway.registry.client import RegistryClient
from shipway.registry.server.store import Store
from shipway.testing.engine import ScriptedEngine
from shipway.testing.harbour import NAMES, Harbour
from shipway.values import Digest, Duration, Reference

RETRYING = Conduct(jobs=2, retries=2, pause=0.0)


class Killed(BaseException):
    """What stands for SIGKILL: nothing catches it."""


async def kill_at(kind: str, harbour: Harbour) -> Digest | None:
    """A ship of ``base`` that ends at its first event of a kind; gives the digest that was built by then."""

    class Deadly(list[Event]):
        def append(self, event: Event) -> None:
            super().append(event)
            if event.kind == kind:
                raise Killed

    seen = harbour.events = Deadly()
    with pytest.raises(Killed):
        await harbour.ship("base", conduct=Conduct(retries=0))
    harbour.events = []
    digests = [str(event.data["digest"]) for event in seen if "digest" in event.data]
    return Digest.parse(digests[-1]) if digests else None


# --- resume -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "taken_up", "state"),
    [
        ("image.built", "image.resumed", "delivered"),
        ("push.done", "image.resumed", "delivered"),
        ("readback.verified", "image.resumed", "delivered"),
        # a tag names it, so that anybody would find it
        ("tag.moved", "image.found", "reused"),
    ],
)
async def test_what_was_built_before_a_kill_is_not_built_again(
    harbour: Harbour, kind: str, taken_up: str, state: str
) -> None:
    await kill_at(kind, harbour)
    built = harbour.engine.built.count("base")
    await harbour.ship()
    assert harbour.engine.built.count("base") == built == 1
    assert harbour.states() == {**dict.fromkeys(NAMES, "delivered"), "base": state}
    assert taken_up in harbour.kinds("base")
    assert harbour.status is not None
    assert harbour.status.steps_done == harbour.status.steps_planned


async def test_the_plan_tells_what_will_be_taken_up(harbour: Harbour) -> None:
    await kill_at("readback.verified", harbour)
    await harbour.ship("base", "solo")
    with closing(SqliteLedger(harbour.directory / "state")) as ledger:
        notes = ledger.runs()[0].plan["notes"]
    assert isinstance(notes, list)
    assert [note for note in notes if note.startswith("base: run 1 built it from the same inputs")] == notes
    assert len(notes) == 1


async def test_a_kill_before_the_image_was_built_builds_it(harbour: Harbour) -> None:
    await kill_at("build.started", harbour)
    await harbour.ship()
    assert "image.resumed" not in harbour.kinds("base")
    assert harbour.states()["base"] == "delivered"


async def test_other_inputs_are_built_whatever_was_verified_before(harbour: Harbour) -> None:
    await kill_at("readback.verified", harbour)
    (harbour.root / "base" / "f").write_text("changed")
    await harbour.ship()
    assert harbour.engine.built.count("base") == 2


async def test_a_forced_build_takes_up_nothing(harbour: Harbour) -> None:
    await kill_at("readback.verified", harbour)
    await harbour.ship("base", force=True)
    assert harbour.engine.built.count("base") == 2


async def test_what_the_destination_lost_comes_from_staging_again(harbour: Harbour) -> None:
    digest = await kill_at("readback.verified", harbour)
    async with harbour.client() as registry:
        await registry.delete(Reference.parse(f"{harbour.destination}/shop/base@{digest}"))
    await harbour.ship("base")
    assert harbour.engine.built == ["base"]
    assert await harbour.tag("base") is not None


async def test_what_is_nowhere_any_more_is_built(harbour: Harbour) -> None:
    digest = await kill_at("image.built", harbour)
    assert digest is not None
    store = Store(harbour.directory / "state" / "registry")
    store.delete_manifest("shop/base", digest)
    store.close()
    await harbour.ship("base")
    assert harbour.engine.built == ["base", "base"]
    assert harbour.states() == {"base": "delivered"}


class LosesLayers(RegistryClient):
    """A registry that has manifests and no layers."""

    async def has_blob(self, repository: Reference, digest: Digest) -> bool:
        return False


async def test_what_is_not_whole_any_more_is_not_taken_up(harbour: Harbour) -> None:
    await kill_at("readback.verified", harbour)
    await harbour.ship("base", wrap=LosesLayers)
    assert harbour.engine.built == ["base", "base"]
    assert await harbour.tag("base") is None


class CannotTell(RegistryClient):
    """A registry that does not answer when it is asked for an image by digest."""

    async def manifest(self, reference: Reference) -> Manifest:
        if reference.digest is not None and reference.repository == "shop/base":
            raise Unreachable("the connection was lost", reason="unreachable")
        return await super().manifest(reference)


async def test_a_registry_that_cannot_tell_is_no_reason_to_build_again(harbour: Harbour) -> None:
    await kill_at("readback.verified", harbour)
    shipped = await harbour.ship("base", wrap=CannotTell)
    assert isinstance(shipped.outcomes[0].error, Unreachable)
    assert harbour.engine.built == ["base"]


class BuildsSomethingElse(ScriptedEngine):
    """An engine that leaves out the labels, as a push from elsewhere under the same name would."""

    async def build(self, request: BuildRequest, on_line: Callable[[str], None]) -> str:
        return await super().build(replace(request, labels={}), on_line)


async def test_an_image_that_says_other_inputs_gets_no_tag_and_is_not_taken_up(harbour: Harbour) -> None:
    harbour.engine = BuildsSomethingElse()
    shipped = await harbour.ship("solo")
    error = shipped.outcomes[0].error
    assert isinstance(error, Mismatch)
    assert "other inputs" in error.message
    assert await harbour.tag("solo") is None
    harbour.engine = ScriptedEngine()
    await harbour.ship("solo")
    assert harbour.engine.built == ["solo"]
    assert await harbour.tag("solo") is not None


# --- retries ----------------------------------------------------------------------------------


class FailsAtFirst(ScriptedEngine):
    """An engine whose first builds of ``solo`` fail, for a reason that passes or for one that stays."""

    times = 2
    transient = True

    async def build(self, request: BuildRequest, on_line: Callable[[str], None]) -> str:
        if request.name == "solo" and self.built.count("solo") < self.times:
            self.builds.append(request)
            raise BuildFailed("the daemon went away", transient=self.transient)
        return await super().build(request, on_line)


async def test_a_build_that_failed_for_a_reason_that_passes_is_tried_again_and_seen(harbour: Harbour) -> None:
    harbour.engine = FailsAtFirst()
    await harbour.ship("solo", conduct=RETRYING)
    assert harbour.states() == {"solo": "delivered"}
    retried = [event.data for event in harbour.events if event.kind == "step.retried"]
    assert [(data["step"], data["attempt"], data["message"]) for data in retried] == [
        ("build solo", 1, "the daemon went away"),
        ("build solo", 2, "the daemon went away"),
    ]


async def test_retries_are_bounded(harbour: Harbour) -> None:
    harbour.engine = FailsAtFirst()
    await harbour.ship("solo", conduct=Conduct(retries=1, pause=0.0))
    assert harbour.states() == {"solo": "failed"}
    assert harbour.engine.built == ["solo", "solo"]


async def test_a_build_that_failed_for_a_reason_that_stays_is_not_tried_again(harbour: Harbour) -> None:
    harbour.engine = FailsAtFirst()
    harbour.engine.transient = False
    await harbour.ship("solo", conduct=RETRYING)
    assert harbour.engine.built == ["solo"]


class Restarts(RegistryClient):
    """A destination that is away for the first two pushes."""

    away = 2

    async def copy(self, source: Reference, destination: Reference) -> Descriptor:
        if destination.repository == "shop/solo" and type(self).away > 0:
            type(self).away -= 1
            raise Unreachable("nothing listens there", reason="unreachable")
        return await super().copy(source, destination)


async def test_a_registry_that_restarts_is_waited_for_and_nothing_is_built_twice(harbour: Harbour) -> None:
    Restarts.away = 2
    await harbour.ship("solo", wrap=Restarts, conduct=RETRYING)
    assert harbour.states() == {"solo": "delivered"}
    assert harbour.engine.built == ["solo"]
    assert harbour.kinds("solo").count("step.retried") == 2


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (EngineError("", transient=True), True),
        (EngineError(""), False),
        (Unreachable("", reason="unreachable"), True),
        (Unreachable("", reason="not-a-registry"), False),
        (RateLimited(""), True),
        (Mismatch(""), True),
        (Mismatch("", reason="other-image"), False),
        (Denied(""), False),
        (NotFound(""), False),
        (DiskFull(""), False),
        (TimedOut(""), False),
    ],
    ids=str,
)
def test_which_failures_pass(error: ShipwayError, transient: bool) -> None:
    assert passes(error) is transient


# --- fail fast --------------------------------------------------------------------------------


async def test_by_default_others_are_delivered_after_a_failure(harbour: Harbour) -> None:
    harbour.engine.fail("base")
    await harbour.ship(conduct=Conduct(jobs=1, retries=0))
    assert harbour.states()["solo"] == "delivered"


async def test_fail_fast_starts_no_build_after_a_failure(harbour: Harbour) -> None:
    harbour.engine.fail("base")
    shipped = await harbour.ship(conduct=Conduct(jobs=1, retries=0, fail_fast=True))
    assert harbour.engine.built == ["base"]
    assert harbour.states() == {"base": "failed", "mid": "blocked", "top": "blocked", "solo": "blocked"}
    assert next(o for o in shipped.outcomes if o.image == "solo").waits_for == ("base",)


class FailsBeside(ScriptedEngine):
    """``base`` fails while the build of ``solo`` is under way, which ends after that."""

    def __init__(self) -> None:
        super().__init__()
        self.solo_runs, self.base_failed = asyncio.Event(), asyncio.Event()

    async def build(self, request: BuildRequest, on_line: Callable[[str], None]) -> str:
        if request.name == "base":
            await self.solo_runs.wait()
            self.base_failed.set()
            raise BuildFailed("base failed")
        self.solo_runs.set()
        await self.base_failed.wait()
        return await super().build(request, on_line)


async def test_fail_fast_lets_the_builds_under_way_end_and_delivers_them(harbour: Harbour) -> None:
    harbour.engine = FailsBeside()
    await harbour.ship(conduct=Conduct(jobs=2, retries=0, fail_fast=True))
    assert harbour.states() == {"base": "failed", "mid": "blocked", "top": "blocked", "solo": "delivered"}


# --- atomic groups ----------------------------------------------------------------------------


def grouped(harbour: Harbour, *members: str, atomic: bool = False) -> None:
    flag = "atomic: true, " if atomic else ""
    harbour.settings(f"groups:\n  shop: {{{flag}images: [{', '.join(members)}]}}\n")


@pytest.mark.parametrize("where", ["option", "fleet file", "whole run"])
async def test_no_tag_of_an_atomic_group_moves_when_one_of_it_fails(harbour: Harbour, where: str) -> None:
    grouped(harbour, "base", "mid", "solo", atomic=where == "fleet file")
    names = {"option": {"shop"}, "fleet file": set(), "whole run": {"*"}}[where]
    conduct = Conduct(retries=0, atomic=frozenset(names))
    harbour.engine.fail("mid")
    shipped = await harbour.ship(conduct=conduct)
    assert harbour.states() == {"base": "held", "mid": "failed", "top": "blocked", "solo": "held"}
    assert [await harbour.tag(name) for name in NAMES] == [None] * 4
    assert isinstance(shipped.error(), PartlyDelivered)

    harbour.engine.broken.clear()
    await harbour.ship(conduct=conduct)
    assert harbour.states() == dict.fromkeys(NAMES, "delivered")
    assert sorted(harbour.engine.built) == ["base", "mid", "mid", "solo", "top"]


async def test_images_outside_the_group_are_delivered(harbour: Harbour) -> None:
    grouped(harbour, "base", "mid", "top")
    harbour.engine.fail("top")
    await harbour.ship(conduct=Conduct(retries=0, atomic=frozenset({"shop"})))
    assert harbour.states() == {"base": "held", "mid": "held", "top": "failed", "solo": "delivered"}


async def test_tags_of_an_atomic_group_move_after_its_last_read_back(harbour: Harbour) -> None:
    grouped(harbour, *NAMES)
    await harbour.ship(conduct=Conduct(retries=0, atomic=frozenset({"shop"})))
    kinds = [event.kind for event in harbour.events]
    last = len(kinds) - 1 - kinds[::-1].index("readback.verified")
    assert kinds.index("tag.moved") > last
    assert harbour.states() == dict.fromkeys(NAMES, "delivered")


async def test_an_unchanged_image_of_a_group_that_is_held_stands_as_it_was(harbour: Harbour) -> None:
    grouped(harbour, "base", "solo", atomic=True)
    await harbour.ship()
    (harbour.root / "solo" / "f").write_text("changed")
    harbour.engine.fail("solo")
    await harbour.ship("base", "solo")
    assert harbour.states() == {"base": "reused", "solo": "failed"}


async def test_a_new_tag_of_an_unchanged_image_waits_for_its_group_too(harbour: Harbour) -> None:
    grouped(harbour, "base", "solo", atomic=True)
    await harbour.ship()
    (harbour.root / "solo" / "f").write_text("changed")
    harbour.engine.fail("solo")
    file = harbour.root / "shipway.yaml"
    file.write_text(file.read_text().replace("tag: '1'", "tag: '2'"))
    await harbour.ship("base", "solo")
    assert harbour.states() == {"base": "held", "solo": "failed"}
    assert await harbour.tag("base", "2") is None


def test_an_atomic_group_without_images_is_wrong_usage(harbour: Harbour) -> None:
    grouped(harbour, "base")
    fleet = load_fleet(harbour.root)
    Conduct(atomic=frozenset({"shop", "*"})).require_groups(fleet)
    with pytest.raises(UsageError, match="'ship'") as caught:
        Conduct(atomic=frozenset({"ship"})).require_groups(fleet)
    assert caught.value.cause == "the groups are shop"


# --- timeouts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["option", "fleet file"])
async def test_a_build_that_hangs_is_stopped_and_says_so(harbour: Harbour, where: str) -> None:
    harbour.engine = ScriptedEngine(delay=3600)
    if where == "fleet file":
        harbour.settings("timeout: 50ms\n")
    limit = Duration(0.05) if where == "option" else None
    shipped = await harbour.ship("solo", conduct=Conduct(timeout=limit))
    error = shipped.outcomes[0].error
    assert isinstance(error, TimedOut)
    assert error.message.startswith("could not build solo within 0.05s")
    assert harbour.engine.built == ["solo"]  # a second try would hang as long


async def test_the_option_goes_before_the_fleet_file_and_zero_is_no_limit(harbour: Harbour) -> None:
    harbour.settings("timeout: 1ms\n")
    harbour.engine = ScriptedEngine(delay=0.05)
    await harbour.ship("solo", conduct=Conduct(timeout=Duration(0.0)))
    assert harbour.states() == {"solo": "delivered"}


# --- the run itself ---------------------------------------------------------------------------


async def test_a_ledger_that_cannot_be_written_ends_the_run(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing more is done that would not be recorded; what was done before is taken up again."""
    append = SqliteLedger.append

    def full(self: SqliteLedger, run: int, event: object, at: object) -> None:
        if getattr(event, "kind", "") == "push.done":
            raise DiskFull("the ledger cannot be written")
        append(self, run, event, at)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(SqliteLedger, "append", full)
        shipped = await harbour.ship("solo")
    assert isinstance(shipped.outcomes[0].error, DiskFull)
    assert await harbour.tag("solo") is None
    await harbour.ship("solo")
    assert harbour.engine.built == ["solo"]


async def test_a_log_that_cannot_be_written_is_a_full_disk_not_a_defect(harbour: Harbour) -> None:
    (harbour.directory / "logs").mkdir()
    (harbour.directory / "logs" / "solo.log").symlink_to("/dev/full")
    shipped = await harbour.ship("solo")
    error = shipped.outcomes[0].error
    assert isinstance(error, DiskFull)
    assert "solo.log" in error.message


def test_two_runs_of_one_fleet_are_refused_with_two_state_directories(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    first = SqliteLedger(tmp_path / "one", root=tmp_path)
    second = SqliteLedger(tmp_path / "two", root=tmp_path)
    run = first.begin("ship", {}, now)
    with pytest.raises(Locked):
        second.begin("ship", {}, now)
    first.finish(run, "done", now)
    assert second.begin("ship", {}, now) == 1
