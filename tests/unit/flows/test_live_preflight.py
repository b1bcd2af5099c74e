"""What probes see and what they make of it: a world that is told what to answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from shipway.checks.facts import Facts
from shipway.checks.live import rule_for
from shipway.engines.emulation import EngineEmulation
from shipway.errors import Denied, NotFound, RegistryError, TlsFailed, Unauthorized
from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet
from shipway.flows.live.preflight import findings_of, probe
from shipway.flows.live.probed import Probed, World
from shipway.host import SystemHost
from shipway.ports import Account, Engine, EngineInfo, EngineSurvey, EngineTrust, PushProof, Quota, Reached
from shipway.registry.diagnose import _REASONS, _STATUSES
from shipway.registry.wordings import WORDINGS
from shipway.testing.clock import START, FixedClock
from shipway.testing.engine import ScriptedEngine
from shipway.values import Platform, Reference

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
HOST = "registry.acme.example"
FILES = {
    "shipway.yaml": f'registry: {HOST}/shop\nimages:\n  api: {{context: api, tag: "1.0"}}\n',
    "api/Dockerfile": "FROM docker.io/library/alpine:3.20\nRUN true\n",
}


RIGHT = Reached("https://there", time=START, expires=START + timedelta(days=90))
CARLA = Account("config.json", "carla")
PROVEN = PushProof()


@dataclass
class Told:
    """An inspector that answers what it was told; nothing in it is wrong at first."""

    reached: Reached = RIGHT
    account_: Account = CARLA
    proof: PushProof = PROVEN
    platforms_: tuple[Platform, ...] = (AMD64, ARM64)
    quota_: Quota | None = None
    immutable: bool = False
    errors: dict[str, Exception] = field(default_factory=dict)
    hang: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)
    trusts: list[EngineTrust] = field(default_factory=list)

    async def _enter(self, what: str) -> None:
        self.asked.append(what)
        if what in self.hang:
            await asyncio.sleep(3600)
        if what in self.errors:
            raise self.errors[what]

    async def reach(self, registry: str, trust: EngineTrust | None = None) -> Reached:
        if trust is not None:
            self.trusts.append(trust)
        await self._enter(f"{'trust' if trust else 'reach'} {registry}")
        return self.reached

    async def account(self, reference: Reference) -> Account:
        await self._enter("account")
        return self.account_

    async def prove_push(self, repository: Reference) -> PushProof:
        await self._enter("push")
        return self.proof

    async def platforms(self, reference: Reference) -> tuple[Platform, ...]:
        await self._enter(f"platforms {reference}")
        return self.platforms_

    async def quota(self, repository: Reference) -> Quota | None:
        await self._enter("quota")
        return self.quota_

    async def is_immutable(self, reference: Reference) -> bool:
        await self._enter(f"immutable {reference}")
        return self.immutable


class Machine(SystemHost):
    """A host with ``free`` bytes on every disk and the given files."""

    def __init__(self) -> None:
        self.free = 100 << 30
        self.texts = {"/proc/version": "Linux", "/proc/sys/fs/binfmt_misc/status": "enabled"}

    def free_bytes(self, path: Path) -> int:
        return self.free

    def read_text(self, path: Path) -> str | None:
        return self.texts.get(str(path))


class Poor(ScriptedEngine):
    """An engine without named contexts, with storage on this machine."""

    async def survey(self) -> EngineSurvey:
        info = EngineInfo(self.name, "1.0", self.native)
        advice = "trust {registry}"
        return EngineSurvey(info, storage=Path("/images"), named_contexts=False, advice=advice)


@dataclass
class Scene:
    root: Path
    told: Told = field(default_factory=Told)
    machine: Machine = field(default_factory=Machine)
    engine: Engine = field(default_factory=Poor)
    seconds: float = 4.5
    heard: list[Probed] = field(default_factory=list)

    def write(self, files: dict[str, str]) -> Scene:
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)
        return self

    async def probe(self) -> tuple[Probed, ...]:
        async def engine() -> Engine:
            await self.engine.probe()
            return self.engine

        builds = Builds()
        facts = Facts(load_fleet(self.root, builds=builds), builds, str(self.root))
        world = World(
            inspector=self.told,
            engine=engine,
            emulation=EngineEmulation(self.machine, engine),
            wanted="auto",
            host=self.machine,
            clock=FixedClock(),
            state=Path("/state"),
            on_probed=self.heard.append,
            seconds=self.seconds,
        )
        return await probe(facts, world)

    async def rules(self) -> list[str]:
        return sorted(f"{each.rule} {each.severity}" for each in findings_of(await self.probe()))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path).write(FILES)


async def test_where_nothing_is_wrong_every_probe_says_so(scene: Scene) -> None:
    told = await scene.probe()
    assert {each.state for each in told} == {"ok"}
    assert sorted(each.probe for each in told if each.subject == HOST) == [
        "credentials",
        "engine trust",
        "registry",
    ]
    assert [each.subject for each in told if each.probe == "push"] == [f"{HOST}/shop/api"]
    assert [each.seen for each in told if each.probe == "base"] == ["linux/amd64, linux/arm64"]
    assert sorted(map(str, scene.heard)) == sorted(map(str, told))


# --- registries -------------------------------------------------------------------------------


async def test_a_registry_that_fails_is_told_once_and_nothing_else_is_asked_of_it(scene: Scene) -> None:
    scene.told.errors[f"reach {HOST}"] = TlsFailed("expired", reason="certificate-expired")
    assert await scene.rules() == ["SW404 error"]
    assert "push" not in scene.told.asked
    assert "platforms docker.io/library/alpine:3.20" in scene.told.asked


@pytest.mark.parametrize("hung", [f"reach {HOST}", "push", f"trust {HOST}"])
async def test_a_registry_that_does_not_answer_stops_nothing(scene: Scene, hung: str) -> None:
    scene.told.hang = frozenset({hung})
    scene.seconds = 0.05
    assert await scene.rules() == ["SW401 error"]


async def test_an_engine_that_does_not_answer_is_a_finding(scene: Scene) -> None:
    class Hung(Poor):
        async def survey(self) -> EngineSurvey:
            await asyncio.sleep(3600)
            raise AssertionError

    scene.engine, scene.seconds = Hung(), 0.05
    assert await scene.rules() == ["SW501 error"]


async def test_credentials_for_another_spelling_explain_a_refusal(scene: Scene) -> None:
    scene.told.account_ = Account(searched=("a",), similar=(f"{HOST}:443 in config.json",))
    scene.told.errors["push"] = Unauthorized("401", status=401, reason="no-credentials")
    [finding] = findings_of(await scene.probe())
    assert finding.rule == "SW424"
    assert f"{HOST}:443" in str(finding.cause)


async def test_an_expired_token_explains_a_refusal(scene: Scene) -> None:
    scene.told.account_ = Account("config.json", expires=START - timedelta(hours=1))
    scene.told.errors["push"] = Unauthorized("401", status=401, reason="wrong-credentials")
    found = findings_of(await scene.probe())
    assert {finding.rule for finding in found} == {"SW423"}


async def test_each_reason_that_the_client_gives_has_a_rule_of_its_own_kind() -> None:
    reasons = {wording.reason for wording in WORDINGS} | set(_REASONS.values())
    reasons |= {verdict[1] for verdict in _STATUSES.values()}
    named = {reason: rule_for(RegistryError("x", reason=reason)).id for reason in reasons - {"refused"}}
    assert [reason for reason, id in named.items() if id == "SW401"] == ["proxy"]
    assert rule_for(RegistryError("x", reason="unreachable")).id == "SW401"
    assert rule_for(Denied("x", reason="refused")).id == "SW431"


async def test_clocks_that_disagree_are_a_warning_beyond_a_minute(scene: Scene) -> None:
    scene.told.reached = Reached("https://there", time=START - timedelta(seconds=60))
    assert await scene.rules() == []
    scene.told.reached = Reached("https://there", time=START - timedelta(seconds=61))
    assert await scene.rules() == ["SW506 warning"] * 2


async def test_a_certificate_with_30_days_left_is_fine_and_one_with_less_is_not(scene: Scene) -> None:
    scene.told.reached = Reached("https://there", expires=START + timedelta(days=30))
    assert await scene.rules() == []
    scene.told.reached = Reached("https://there", expires=START + timedelta(days=29, hours=23))
    assert await scene.rules() == ["SW411 warning"] * 2


async def test_what_the_token_grants_is_shown(scene: Scene) -> None:
    scene.told.proof = PushProof(("repository:shop/api:pull,push",), cancelled=False)
    [push] = [each for each in await scene.probe() if each.probe == "push"]
    assert push.seen == (
        "an upload was opened, the registry drops it, the token grants repository:shop/api:pull,push"
    )


@pytest.mark.parametrize(
    ("used", "limit", "rules"),
    [(89, 100, []), (90, 100, ["SW436 warning"]), (100, 100, ["SW436 error"]), (100, None, [])],
)
async def test_a_quota_is_a_warning_when_nearly_used_up(
    scene: Scene, used: int, limit: int | None, rules: list[str]
) -> None:
    scene.told.reached = Reached("https://there", is_harbor=True)
    scene.told.quota_ = Quota(used << 20, limit << 20 if limit is not None else None)
    assert await scene.rules() == rules


async def test_the_tag_that_would_be_written_may_not_be_immutable(scene: Scene) -> None:
    scene.told.reached, scene.told.immutable = Reached("https://there", is_harbor=True), True
    assert await scene.rules() == ["SW435 error"]
    assert f"immutable {HOST}/shop/api:1.0" in scene.told.asked


async def test_only_harbor_is_asked_what_only_harbor_tells(scene: Scene) -> None:
    scene.told.immutable = True
    assert await scene.rules() == []


# --- bases ------------------------------------------------------------------------------------


async def test_a_missing_base_is_told_from_one_that_cannot_be_read(scene: Scene) -> None:
    at = "platforms docker.io/library/alpine:3.20"
    scene.told.errors[at] = NotFound("404", reason="missing")
    [finding] = findings_of(await scene.probe())
    assert (finding.rule, finding.place.path, finding.place.line, finding.image) == (
        "SW441",
        "api/Dockerfile",
        1,
        "api",
    )
    scene.told.errors[at] = Unauthorized("401", reason="no-credentials")
    assert await scene.rules() == ["SW421 error"]


async def test_a_base_that_two_images_share_is_asked_for_once_and_told_to_both(scene: Scene) -> None:
    images = "images:\n  a: {context: api}\n  b: {context: b}\n"
    scene.write({"shipway.yaml": f"registry: r.example/x\n{images}", "b/Dockerfile": "FROM alpine:3.20\n"})
    at = "platforms docker.io/library/alpine:3.20"
    scene.told.errors[at] = NotFound("404", reason="missing")
    found = findings_of(await scene.probe())
    assert scene.told.asked.count(at) == 1
    assert sorted(finding.place.path for finding in found) == ["api/Dockerfile", "b/Dockerfile"]


# --- the engine -------------------------------------------------------------------------------


async def test_no_engine_is_an_error_and_the_registries_are_still_looked_at(scene: Scene) -> None:
    scene.engine = ScriptedEngine(missing=True)
    [finding] = findings_of(await scene.probe())
    assert (finding.rule, finding.help) == ("SW501", "set missing to False")
    assert "push" in scene.told.asked
    assert scene.told.trusts == []


async def test_distrust_is_an_error_only_where_the_engine_pulls_from(scene: Scene) -> None:
    for registry in (HOST, "docker.io"):
        scene.told.errors[f"trust {registry}"] = TlsFailed("unknown", reason="certificate-authority")
    found = {finding.subject: finding for finding in findings_of(await scene.probe())}
    assert (found[HOST].rule, found[HOST].severity) == ("SW505", "warning")
    assert found["docker.io"].severity == "error"
    assert found[HOST].help == f"trust {HOST}"


async def test_plain_hosts_of_the_fleet_reach_only_engines_that_take_them(scene: Scene) -> None:
    plain = f'registries: {{"{HOST}": {{plain-http: true}}}}\n'
    scene.write({"shipway.yaml": plain + FILES["shipway.yaml"]})
    await scene.probe()
    assert {trust.plain for trust in scene.told.trusts} == {(HOST,)}


@pytest.mark.parametrize(("free", "rules"), [(5 << 30, []), ((5 << 30) - 1, ["SW504 warning"] * 2)])
async def test_little_space_is_a_warning(scene: Scene, free: int, rules: list[str]) -> None:
    scene.machine.free = free
    assert await scene.rules() == rules


async def test_hardly_any_space_is_an_error(scene: Scene) -> None:
    scene.machine.free = (1 << 30) - 1
    assert await scene.rules() == ["SW504 error"] * 2


BOTH = FILES["shipway.yaml"] + "platforms: [linux/amd64, linux/arm64]\n"


async def test_run_for_another_architecture_needs_an_emulator(scene: Scene) -> None:
    scene.write({"shipway.yaml": BOTH})
    assert await scene.rules() == ["SW503 error"]
    scene.machine.texts["/proc/sys/fs/binfmt_misc/qemu-aarch64"] = "disabled\n"
    assert await scene.rules() == ["SW503 error"]
    scene.machine.texts["/proc/sys/fs/binfmt_misc/qemu-aarch64"] = "enabled\ninterpreter /usr/bin/qemu\n"
    assert await scene.rules() == []


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM alpine:3.20\nCOPY . /\n",
        "FROM --platform=$BUILDPLATFORM alpine:3.20 AS a\nRUN true\nFROM alpine:3.20\nCOPY --from=a / /\n",
    ],
)
async def test_what_runs_nothing_of_another_architecture_needs_none(scene: Scene, dockerfile: str) -> None:
    scene.write({"shipway.yaml": BOTH, "api/Dockerfile": dockerfile})
    assert await scene.rules() == []


async def test_an_engine_whose_run_steps_cannot_start_is_named(scene: Scene) -> None:
    class Hindered(Poor):
        async def survey(self) -> EngineSurvey:
            return replace(await super().survey(), obstacle="there is no bridge")

    scene.engine = Hindered()
    [finding] = findings_of(await scene.probe())
    assert (finding.rule, finding.cause) == ("SW502", "there is no bridge")


async def test_named_contexts_need_an_engine_that_has_them(scene: Scene) -> None:
    scene.write({"shipway.yaml": "images:\n  api: {context: api, contexts: {lib: lib}}\n", "lib/a": "a"})
    assert await scene.rules() == ["SW502 error"]
