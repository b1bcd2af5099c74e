"""What an image finally runs as, through its stages and the images of the fleet below."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipway.checks.facts import Facts
from shipway.checks.quality import Service, final_user, has_healthcheck, quality_summary, services
from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet


def facts_of(root: Path, files: dict[str, str]) -> Facts:
    """A repository with an image in each directory, published as registry.example.com/shop/<directory>."""
    names = sorted(files)
    for name in names:
        (root / name).mkdir()
        (root / name / "Dockerfile").write_text(files[name])
    lines = [f"  {name}: {{build: {name}, image: 'registry.example.com/shop/{name}:1'}}\n" for name in names]
    (root / "compose.yaml").write_text("services:\n" + "".join(lines))
    builds = Builds()
    return Facts(load_fleet(root, builds=builds), builds, str(root))


def service(facts: Facts, name: str) -> Service:
    return next(each for each in services(facts) if each.build.image.name == name)


BASE = "FROM registry.example.com/shop/base:1\n"
CMD = 'CMD ["app"]\n'


@pytest.mark.parametrize(
    ("dockerfile", "name", "root"),
    [
        ("FROM debian:12\n", None, True),
        ("FROM debian:12\nUSER app\n", "app", False),
        ("FROM debian:12\nUSER app\nUSER root\n", "root", True),
        ("FROM debian:12\nUSER root\nUSER app\n", "app", False),
        ("FROM debian:12\nUSER 0:1000\n", "0:1000", True),
        ("FROM debian:12\nARG U=0\nUSER $U\n", "0", True),
        ("FROM debian:12\nUSER ${U:?}\n", "${U:?}", False),
        ("FROM debian:12\nUSER $UNSET\n", "", False),
        ("FROM debian:12 AS a\nUSER app\nFROM a\n", "app", False),
        ("FROM debian:12 AS a\nUSER app\nFROM debian:12\nCOPY --from=a /x /x\n", None, True),
        ("FROM gcr.io/distroless/base:nonroot\n", None, False),
        ("FROM nginxinc/nginx-unprivileged:1.29\n", None, False),
        ("FROM scratch\n", None, True),
    ],
)
def test_the_last_user_of_the_final_stage_counts(
    tmp_path: Path, dockerfile: str, name: str | None, root: bool
) -> None:
    user = final_user(service(facts_of(tmp_path, {"api": dockerfile + CMD}), "api").under)
    assert (user.name, user.root) == (name, root)


@pytest.mark.parametrize(("user", "root"), [("USER app\n", False), ("USER 0\n", True), ("", True)])
def test_the_user_comes_from_an_image_of_the_fleet(tmp_path: Path, user: str, root: bool) -> None:
    files = {"base": "FROM debian:12\n" + user, "mid": BASE, "api": BASE.replace("base", "mid") + CMD}
    assert final_user(service(facts_of(tmp_path, files), "api").under).root is root


def test_a_health_check_is_inherited_until_it_is_switched_off(tmp_path: Path) -> None:
    files = {
        "base": "FROM debian:12\nHEALTHCHECK CMD true\n",
        "api": BASE + CMD,
        "off": BASE + "healthcheck none\n" + CMD,
        "on": BASE.replace("base", "off") + "HEALTHCHECK --interval=1s CMD true\n" + CMD,
    }
    facts = facts_of(tmp_path, files)
    found = {name: has_healthcheck(service(facts, name).under) for name in ("api", "off", "on")}
    assert found == {"api": True, "off": False, "on": True}


def test_images_that_run_nothing_are_no_services(tmp_path: Path) -> None:
    files = {
        "base": "FROM debian:12\n",
        "files": "FROM scratch\nCOPY x /\n",
        "api": BASE,
        "tool": 'FROM scratch\nENTRYPOINT ["/t"]\n',
    }
    facts = facts_of(tmp_path, files)
    assert {each.build.image.name for each in services(facts)} == {"api", "tool"}


def test_images_that_build_on_each_other_come_to_an_end(tmp_path: Path) -> None:
    files = {"base": "FROM registry.example.com/shop/api:1\n", "api": BASE, "top": BASE + CMD}
    facts = facts_of(tmp_path, files)
    assert final_user(service(facts, "top").under).root


def test_an_image_counts_when_every_declaration_of_it_does(tmp_path: Path) -> None:
    stages = f"FROM debian:12 AS plain\n{CMD}FROM plain\nHEALTHCHECK CMD true\nUSER 1\n"
    facts_of(tmp_path, {"api": stages})
    lines = ['context = "api"', 'target = "plain"', 'tags = ["registry.example.com/shop/api:1"]']
    bake = "\n".join(['target "api" {', *lines, "}", ""])
    (tmp_path / "docker-bake.hcl").write_text(bake)
    builds = Builds()
    facts = Facts(load_fleet(tmp_path, builds=builds), builds, str(tmp_path))
    assert [len(each) for each in facts.builds_of.values()] == [2]
    summary = quality_summary(facts)
    assert summary == {"multi-stage": (0, 1), "non-root": (0, 1), "healthcheck": (0, 1)}


def test_the_summary_counts_good_images_of_those_that_run(tmp_path: Path) -> None:
    files = {
        "base": "FROM debian:12\nUSER 1\n",
        "api": f"FROM golang:1 AS b\n{BASE}COPY --from=b /a /a\nHEALTHCHECK CMD true\n{CMD}",
        "web": f"FROM debian:12\n{CMD}",
    }
    summary = quality_summary(facts_of(tmp_path, files))
    assert summary == {"multi-stage": (1, 2), "non-root": (1, 2), "healthcheck": (1, 2)}


def test_the_summary_of_nothing_is_nothing(tmp_path: Path) -> None:
    assert set(quality_summary(facts_of(tmp_path, {})).values()) == {(0, 0)}
