"""Two machines, one platform each, and one that joins them: a real engine and real registries."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shipway.oci.manifest import INDEX_TYPES, MANIFEST_TYPES
from shipway.testing.raw import RawRepository
from shipway.testing.registry import running_registry

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

FLEET = """\
registry: {registry}/{place}
tag: "1"
images:
  base: {{context: base, platforms: [linux/amd64, linux/arm64]}}
  app: {{context: app, platforms: [linux/amd64, linux/arm64]}}
"""
AMD64, ARM64 = "linux/amd64", "linux/arm64"


@dataclass(frozen=True)
class Machine:
    """A machine with a checkout and a state of its own."""

    root: Path
    engine: str
    registry: str
    place: str

    def check_out(self) -> None:
        files = {
            "shipway.yaml": FLEET.format(registry=self.registry, place=self.place),
            "base/Dockerfile": "FROM scratch\nCOPY f /base\n",
            "base/f": "base\n",
            "app/Dockerfile": f"FROM {self.registry}/{self.place}/base\nCOPY f /app\n",
            "app/f": "app\n",
        }
        for path, text in files.items():
            file = self.root / "repo" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def ship(self, *arguments: str, code: int = 0) -> str:
        where = ("-C", str(self.root / "repo"), "--state", str(self.root / "state"))
        argv = [sys.executable, "-m", "shipway", "ship", "--engine", self.engine, *where, *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout + done.stderr

    def states(self, *arguments: str, code: int = 0) -> dict[str, str]:
        where = ("-C", str(self.root / "repo"), "--state", str(self.root / "state"))
        argv = [sys.executable, "-m", "shipway", "ship", "--engine", self.engine, *where, "--json", "-q"]
        done = subprocess.run([*argv, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr + done.stdout
        document: dict[str, Any] = json.loads(done.stdout)
        return {row["image"]: row["state"] for row in document["rows"]}


@dataclass(frozen=True)
class Site:
    """Machines that share nothing but a registry."""

    directory: Path
    engine: str
    registry: str
    place: str

    def machine(self, name: str) -> Machine:
        made = Machine(self.directory / name, self.engine, self.registry, self.place)
        made.check_out()
        return made

    def index(self, image: str) -> tuple[str, list[str]] | None:
        """Digest and platforms of what the tag names; None where there is no such tag."""
        repository = RawRepository(self.registry, f"{self.place}/{image}")
        answer = repository("GET", "manifests/1", headers={"Accept": ", ".join(MANIFEST_TYPES)})
        if answer.status == 404:
            return None
        assert answer.headers["content-type"] in INDEX_TYPES
        platforms = [child["platform"] for child in answer.json["manifests"]]
        named = [f"{each['os']}/{each['architecture']}" for each in platforms]
        return answer.headers["docker-content-digest"], named


@pytest.fixture
def site(tmp_path: Path, engine_name: str) -> Iterator[Site]:
    with running_registry() as registry:
        yield Site(tmp_path, engine_name, registry.address, "shop")


@pytest.fixture(params=["embedded", "distribution"])
def any_site(request: pytest.FixtureRequest, tmp_path: Path, engine_name: str) -> Site:
    if request.param == "embedded":
        found: Site = request.getfixturevalue("site")
        return found
    place = "".join(letter for letter in tmp_path.name.lower() if letter.isalnum())
    return Site(tmp_path, engine_name, request.getfixturevalue("docker_registry"), place)


@pytest.mark.parametrize(
    ("any_site", "order"),
    [("embedded", (AMD64, ARM64)), ("distribution", (ARM64, AMD64))],
    ids=["embedded-amd64-first", "distribution-arm64-first"],
    indirect=["any_site"],
)
def test_two_machines_give_one_index_in_any_order(any_site: Site, order: tuple[str, str]) -> None:
    site = any_site
    for number, platform in enumerate(order):
        machine = site.machine(f"builder{number}")
        assert machine.states("--platform", platform) == {"base": "delivered", "app": "delivered"}
        assert site.index("base") is None, "no tag moves before all platforms are there"
    assert site.machine("joiner").states("--join") == {"base": "delivered", "app": "delivered"}
    found = site.index("base"), site.index("app")
    assert [each[1] for each in found if each] == [[AMD64, ARM64]] * 2
    # a second joiner that knows nothing ends with the very same index
    site.machine("other").ship("--join")
    assert (site.index("base"), site.index("app")) == found


def test_a_lost_platform_is_told_and_a_re_run_keeps_the_index_whole(any_site: Site) -> None:
    site = any_site
    amd, arm, joiner = site.machine("amd"), site.machine("arm"), site.machine("joiner")
    amd.ship("--platform", AMD64)
    told = joiner.ship("--join", code=1)
    assert "base lacks linux/arm64" in told
    assert "shipway ship --platform linux/arm64 base" in told
    assert (site.index("base"), site.index("app")) == (None, None)
    arm.ship("--platform", ARM64)
    joiner.ship("--join")
    whole = site.index("app")
    assert whole is not None and whole[1] == [AMD64, ARM64]
    # a new version, of which one platform is lost: the old index stays as it is
    for machine in (amd, arm, joiner):
        (machine.root / "repo" / "app" / "f").write_text("changed\n")
    arm.ship("--platform", ARM64)
    assert "app lacks linux/amd64" in joiner.ship("--join", code=4)
    assert site.index("app") == whole
    amd.ship("--platform", AMD64)
    joiner.ship("--join")
    after = site.index("app")
    assert after is not None and after != whole and after[1] == [AMD64, ARM64]


def test_a_machine_that_lost_its_state_builds_nothing_again(site: Site) -> None:
    for platform in (AMD64, ARM64):
        site.machine(platform.replace("/", "-")).ship("--platform", platform)
    again = site.machine("fresh").ship("--platform", ARM64)
    assert "built linux/arm64" not in again
    site.machine("joiner").ship("--join")
    whole = site.index("app")
    again = site.machine("fresh-after-join").ship("--platform", ARM64)
    assert "built linux/arm64" not in again
    site.machine("joiner-after-join").ship("--join")
    assert site.index("app") == whole


def test_an_ordinary_ship_takes_what_others_built_and_builds_the_rest(site: Site) -> None:
    site.machine("arm").ship("--platform", ARM64)
    told = site.machine("here").ship()
    assert "built linux/amd64" in told
    assert "built linux/arm64" not in told
    found = site.index("app")
    assert found is not None and found[1] == [AMD64, ARM64]


def test_one_engine_builds_every_platform_of_images_without_run(site: Site) -> None:
    site.machine("alone").ship()
    found = site.index("base"), site.index("app")
    assert [each[1] for each in found if each] == [[AMD64, ARM64]] * 2


def test_run_for_a_foreign_processor_is_refused_before_anything_is_built(site: Site) -> None:
    machine = site.machine("alone")
    text = "FROM --platform=linux/s390x scratch AS a\nRUN x\nFROM scratch\nCOPY --from=a / /\n"
    (machine.root / "repo" / "base" / "Dockerfile").write_text(text)
    told = machine.ship(code=1)
    assert "nothing was built" in told
    assert "cannot run the RUN steps for linux/s390x" in told
    assert "tonistiigi/binfmt --install s390x" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--platform", ARM64, "--join"), "do not go together"),
        (("--platform", "arm64"), "'arm64' is not a platform"),
        (("--join", "--force"), "nothing can be forced"),
    ],
    ids=["two-roles", "no-platform", "forced-join"],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    machine = Machine(tmp_path, "auto", "127.0.0.1:1", "shop")
    machine.check_out()
    assert words in machine.ship(*arguments, code=2)
