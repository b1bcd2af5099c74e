"""Which engine the plan gives each image, and what it says when an image cannot be assembled."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet
from shipway.fleet.model import Fleet
from shipway.planning.engines import EngineChoice
from shipway.planning.plan import Plan, Step
from shipway.report.plan_text import plan_text
from shipway.values import Platform

FILES = {
    "plain": "FROM scratch\nCOPY f /\n",
    "runs": "FROM alpine\nRUN x\n",
    "forced": "FROM scratch\nCOPY f /\n",
    "insists": "FROM alpine\nRUN x\n",
    "attested": "FROM scratch\nCOPY f /\n",
}
FLEET = """\
registry: r.example/shop
tag: "1"
images:
  plain: {context: plain}
  runs: {context: runs}
  forced: {context: forced, engine: buildah}
  insists: {context: insists, engine: assemble}
  attested: {context: attested, attest: {sbom: true}}
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    for name, text in FILES.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(text)
        (tmp_path / name / "f").write_text("f")
    (tmp_path / "shipway.yaml").write_text(FLEET)
    return load_fleet(tmp_path)


def chosen(fleet: Fleet, asked: str = "auto", action: str = "build") -> Plan:
    steps = tuple(
        Step(image.name, action, (), f"r.example/{image.name}:1", "f")  # type: ignore[arg-type]
        for image in fleet.images
    )
    choice = EngineChoice(fleet, asked, {}, Platform("linux", "amd64"), Builds())
    return choice.applied(Plan((steps,)))


def engines(plan: Plan) -> dict[str, str | None]:
    return {step.image: step.engine for step in plan.steps}


def test_each_image_gets_what_it_needs(fleet: Fleet) -> None:
    plan = chosen(fleet)
    assert engines(plan) == {
        "plain": "assemble",
        "runs": "auto",
        "forced": "buildah",
        "insists": "assemble",
        "attested": "auto",
    }
    because = {step.image: step.engine_because for step in plan.steps}
    assert because["runs"] == "line 2: RUN needs a build engine"
    assert because["attested"] == "BuildKit is to attest to it"
    assert because["plain"] is because["forced"] is None


def test_who_insists_is_told_before_anything_is_built(fleet: Fleet) -> None:
    assert [blocker.image for blocker in chosen(fleet).blockers] == ["insists"]
    plan = chosen(fleet, "assemble")
    assert [blocker.image for blocker in plan.blockers] == ["runs", "insists", "attested"]
    assert plan.blockers[0].message == "runs cannot be assembled: line 2: RUN needs a build engine"
    assert plan.blockers[0].path == "runs/Dockerfile"


def test_the_command_line_wins(fleet: Fleet) -> None:
    plan = chosen(fleet, "docker")
    assert set(engines(plan).values()) == {"docker"}
    assert plan.blockers == ()


def test_what_stands_needs_no_engine(fleet: Fleet) -> None:
    assert set(engines(chosen(fleet, action="reuse")).values()) == {None}


def test_the_plan_shows_who_builds(fleet: Fleet) -> None:
    lines = plan_text(chosen(fleet)).splitlines()
    assert lines[1].endswith("(assemble)")
    assert not lines[2].endswith(")")
    assert lines[3].endswith("(buildah)")
