"""Shares of a plan: one platform of every image, and what can be built at all, seen before anything is."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from shipway.errors import UsageError
from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet
from shipway.flows.platforms import Platforms
from shipway.flows.prepare import Prepared, Sources, prepare
from shipway.flows.share import share_of
from shipway.git import GitWorkingCopy
from shipway.host import SystemHost
from shipway.ledger.sqlite import SqliteLedger
from shipway.oci.manifest import OCI_MANIFEST, Manifest
from shipway.planning.parts import part_tag
from shipway.planning.plan import Choices, Step
from shipway.ports import Delivery
from shipway.registry.staging import EmbeddedStaging
from shipway.testing.clock import FixedClock
from shipway.testing.memory_registry import MemoryRegistry
from shipway.testing.raw import encode
from shipway.values import Platform, Reference

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
FILES = {
    "shipway.yaml": "registry: reg.example/shop\ntag: '1'\nimages:\n"
    "  base: {context: base, platforms: [linux/amd64, linux/arm64]}\n"
    "  app: {context: app, platforms: [linux/amd64, linux/arm64]}\n"
    "  tool: {context: tool}\n",
    "base/Dockerfile": "FROM scratch\nCOPY Dockerfile /\n",
    "app/Dockerfile": "FROM reg.example/shop/base\nRUN true\n",
    "tool/Dockerfile": "FROM scratch\nCOPY Dockerfile /\n",
}


class NoEmulation:
    """A machine that runs nothing but its own programs."""

    async def lacks(self, platform: Platform) -> str | None:
        return f"nothing runs {platform}"


class Bench:
    def __init__(self, directory: Path) -> None:
        self.root = directory / "repo"
        self.state = directory / "state"
        self.builds = Builds()
        self.registry = MemoryRegistry()
        self.native = AMD64

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    async def plan(self, ledger: SqliteLedger) -> Prepared:
        fleet = load_fleet(self.root, builds=self.builds)
        with EmbeddedStaging(self.state / "registry") as staging:
            copy = GitWorkingCopy(SystemHost())
            sources = Sources(ledger, FixedClock(), copy, staging, None, {}, self.native, self.builds)
            return await prepare(fleet, sources, Choices())

    async def share(self, platform: Platform, delivery: Delivery | None = None) -> Prepared:
        with closing(SqliteLedger(self.state)) as ledger:
            if delivery is not None:
                run = ledger.begin("ship", {}, FixedClock().now())
                ledger.deliver(replace(delivery, run=run), b"{}")
                ledger.finish(run, "done", FixedClock().now())
            return share_of(await self.plan(ledger), platform, self.native, ledger)

    async def judged(self, *, asks: bool = True) -> Prepared:
        with closing(SqliteLedger(self.state)) as ledger, EmbeddedStaging(self.state / "registry") as staging:
            registry = self.registry if asks else None
            platforms = Platforms(self.builds, {}, self.native, NoEmulation(), staging, registry)
            return await platforms.judged(await self.plan(ledger))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    for path, text in FILES.items():
        made.write(path, text)
    return made


def steps(prepared: Prepared) -> dict[str, Step]:
    return {step.image: step for step in prepared.plan.steps}


async def test_a_share_builds_one_platform_and_tags_it_as_a_part(bench: Bench) -> None:
    shared = await bench.share(ARM64)
    base = steps(shared)["base"]
    tag = part_tag(base.fingerprint, ARM64)
    assert (base.platforms, base.tags) == (("linux/arm64",), (tag,))
    assert base.reference == f"reg.example/shop/base:{tag}"
    assert tag.endswith("-linux-arm64")


async def test_all_machines_name_a_part_alike(bench: Bench) -> None:
    here = steps(await bench.share(AMD64))["base"]
    bench.native = ARM64
    there = steps(await bench.share(AMD64))["base"]
    assert here.tags == there.tags


async def test_what_is_not_for_the_platform_is_left_out_and_said(bench: Bench) -> None:
    shared = await bench.share(ARM64)
    assert set(steps(shared)) == {"base", "app"}
    assert "tool is not built for linux/arm64: it is left out" in shared.plan.notes
    assert set(steps(await bench.share(AMD64))) == {"base", "app", "tool"}


async def test_a_base_that_is_left_out_blocks_what_builds_on_it(bench: Bench) -> None:
    fleet = FILES["shipway.yaml"].replace("base, platforms: [linux/amd64, linux/arm64]", "base")
    bench.write("shipway.yaml", fleet)
    [blocker] = (await bench.share(ARM64)).plan.blockers
    assert (blocker.image, blocker.path, blocker.line) == ("app", "app/Dockerfile", 1)
    assert "builds on base, which is not built for linux/arm64" in blocker.message


@pytest.mark.parametrize("is_part", [True, False])
async def test_what_stands_moves_no_tag_but_that_of_its_part(bench: Bench, is_part: bool) -> None:
    with closing(SqliteLedger(bench.state)) as ledger:
        step = steps(await bench.plan(ledger))["base"]
    platforms = ("linux/arm64",) if is_part else ("linux/amd64", "linux/arm64")
    delivery = Delivery(
        image="base",
        fingerprint=step.fingerprint,
        reference="reg.example/shop/base:1",
        digest="sha256:" + "a" * 64,
        platforms=platforms,
        size=1,
        seconds=1.0,
        verified=FixedClock().now(),
        run=1,
    )
    shared = steps(await bench.share(ARM64, delivery))["base"]
    assert shared.action == "reuse"
    assert shared.tags == ((part_tag(step.fingerprint, ARM64),) if is_part else ())


async def test_parts_cannot_meet_in_the_embedded_registry(bench: Bench) -> None:
    bench.write("shipway.yaml", FILES["shipway.yaml"].replace("registry: reg.example/shop\n", ""))
    bench.write("app/Dockerfile", "FROM scratch\n")
    with pytest.raises(UsageError, match="embedded registry"):
        await bench.share(ARM64)


# --- what can be built ------------------------------------------------------------------------


async def test_run_for_a_processor_that_nobody_has_is_refused_before_anything_is_built(bench: Bench) -> None:
    [blocker] = (await bench.judged()).plan.blockers
    assert (blocker.image, blocker.path, blocker.line) == ("app", "app/Dockerfile", 1)
    assert blocker.message == "this machine (linux/amd64) cannot run the RUN steps for linux/arm64"
    assert blocker.cause == "nothing runs linux/arm64"
    assert "--install arm64" in str(blocker.help)
    assert "shipway ship --platform linux/arm64" in str(blocker.help)


async def test_without_run_every_platform_can_be_built(bench: Bench) -> None:
    bench.write("app/Dockerfile", "FROM reg.example/shop/base\nCOPY Dockerfile /\n")
    assert (await bench.judged()).plan.blockers == ()


async def test_a_declared_builder_makes_its_platform_possible(bench: Bench) -> None:
    builders = "builders: {pi: {address: 'tcp://pi:1', platforms: [linux/arm64]}}\n"
    bench.write("shipway.yaml", FILES["shipway.yaml"] + builders)
    assert (await bench.judged()).plan.blockers == ()


async def test_a_builder_elsewhere_does_not_reach_the_embedded_registry(bench: Bench) -> None:
    builders = "builders: {pi: {address: 'tcp://pi:1', platforms: [linux/arm64]}}\n"
    fleet = FILES["shipway.yaml"].replace("registry: reg.example/shop\n", builders)
    bench.write("shipway.yaml", fleet)
    bench.write("app/Dockerfile", "FROM scratch\n")
    found = (await bench.judged()).plan.blockers
    assert {blocker.image for blocker in found} == {"base", "app"}
    assert "the builder pi does not reach the embedded registry" in found[0].message


async def test_a_platform_that_another_machine_left_needs_nobody_to_build_it(bench: Bench) -> None:
    with closing(SqliteLedger(bench.state)) as ledger:
        step = steps(await bench.plan(ledger))["app"]
    tagged = Reference.parse("reg.example/shop/app").with_tag(part_tag(step.fingerprint, ARM64))
    manifest = Manifest(OCI_MANIFEST, encode({"schemaVersion": 2, "mediaType": OCI_MANIFEST}))
    await bench.registry.put_manifest(tagged, manifest)
    assert (await bench.judged()).plan.blockers == ()
    assert len((await bench.judged(asks=False)).plan.blockers) == 1
    bench.registry.unreachable.add("reg.example")
    assert len((await bench.judged()).plan.blockers) == 1
