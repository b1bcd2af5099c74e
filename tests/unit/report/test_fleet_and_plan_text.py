from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from shipway.errors import ConfigError
from shipway.fleet.load import load_fleet
from shipway.fleet.model import Base, BuildInputs, Declaration, Fleet, Image, Problem
from shipway.place import Place
from shipway.planning.plan import Blocker, Plan, Step
from shipway.report.fleet_text import fleet_text
from shipway.report.plan_text import blocker_text, plan_json, plan_text

HEX = "0123456789ab" + "c" * 52


def image(*bases: Base, places: int = 1) -> Image:
    inputs = BuildInputs("api/Dockerfile", "api")
    declared = tuple(
        Declaration("compose", "api", Place(f"deploy/compose.{number}.yaml", number), inputs)
        for number in range(1, places + 1)
    )
    return Image("api", inputs, declarations=declared, bases=bases)


def fleet(*images: Image, problems: tuple[Problem, ...] = ()) -> Fleet:
    return Fleet(images, problems, roots={"": "/fleet"})


@pytest.mark.parametrize(
    ("reference", "shown"),
    [
        (f"docker.io/library/python:3.13@sha256:{HEX}", "python:3.13"),
        (f"docker.io/acme/tool@sha256:{HEX}", "acme/tool@0123456789ab"),
        ("ghcr.io/acme/tool:1", "ghcr.io/acme/tool:1"),
        ("scratch", "scratch"),
        ("${BASE}", "${BASE}"),
    ],
)
def test_bases_have_the_names_that_people_write(reference: str, shown: str) -> None:
    text = fleet_text(fleet(image(Base(reference, "external", 1))))
    assert text.splitlines()[2].split()[3] == shown


def test_a_base_of_the_fleet_is_named_by_its_image_once() -> None:
    bases = (Base("ghcr.io/a/base:1", "fleet", 1, "base"), Base("ghcr.io/a/base:1", "fleet", 4, "base"))
    assert fleet_text(fleet(image(*bases))).splitlines()[2].split() == [
        "api",
        "api/Dockerfile",
        "api",
        "base",
        "deploy/compose.1.yaml:1",
    ]


def test_rows_keep_to_the_width_of_the_terminal() -> None:
    bases = [Base(f"registry.example/team/base-{number}:1", "external", 1) for number in range(6)]
    text = fleet_text(fleet(image(*bases, places=4)), width=100)
    assert max(map(len, text.splitlines())) <= 100
    for number in range(6):
        assert f"registry.example/team/base-{number}:1" in text


def test_problems_come_with_their_place() -> None:
    problem = Problem("missing-context", "there is no directory \x1bgone", Place("compose.yaml", 5, 3))
    assert fleet_text(fleet(problems=(problem,))) == (
        "0 images\nproblem: compose.yaml:5:3: there is no directory ␛gone (missing-context)"
    )


def test_paths_of_other_repositories_start_at_the_fleet(tmp_path: Path) -> None:
    for directory in ("fleet", "agents/run"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "agents/run/Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "fleet/shipway.yaml").write_text("repositories: {agents: {path: ../agents}}\n")
    row = fleet_text(load_fleet(tmp_path / "fleet")).splitlines()[2]
    assert row.split()[1:3] == ["../agents/run/Dockerfile", "../agents/run"]


PLAN = Plan(
    (
        (
            Step(
                "base",
                "reuse",
                ("same inputs",),
                f"r.example/base:1@sha256:{HEX}",
                "f",
                digest=f"sha256:{HEX}",
            ),
        ),
        (Step("api", "build", ("Dockerfile changed", "base moved"), "r.example/api:2", "f"),),
    ),
    (Blocker("api", "COPY source \udcff is missing", "api/Dockerfile", 3, "it was\nmoved", "write it anew"),),
    ("tracked files differ",),
)


def test_a_plan_is_told_wave_by_wave() -> None:
    problem = Problem("unreadable-file", "no YAML", Place("x.yaml"))
    assert plan_text(PLAN, [problem]).splitlines() == [
        "wave 1",
        "  reuse  base  r.example/base:1@0123456789ab  same inputs",
        "wave 2",
        "  build  api  r.example/api:2  Dockerfile changed; base moved",
        "1 image to build, 1 stand as delivered",
        "note: tracked files differ",
        "problem: x.yaml: no YAML (unreadable-file)",
        "blocked: api/Dockerfile:3: api: COPY source \ufffd is missing",
        "  cause it was",
        "        moved",
        "  next  write it anew",
    ]


def test_a_stand_in_is_told_behind_why_it_is_built() -> None:
    step = Step("api", "build", ("never delivered",), "r.example/api:2", "f", stand_in=True)
    assert plan_text(Plan(((step,),))).splitlines()[1].endswith("never delivered (stand-in)")
    assembled = msgspec.structs.replace(step, engine="assemble")
    assert plan_text(Plan(((assembled,),))).splitlines()[1].endswith("never delivered (assemble, stand-in)")
    assert json.loads(plan_json(Plan(((step,),))))["waves"][0][0]["stand_in"] is True


def test_reasons_wrap_within_the_terminal() -> None:
    step = Step(
        "api", "build", tuple(f"reason number {number}" for number in range(12)), "r.example/api:2", "f"
    )
    lines = plan_text(Plan(((step,),)), width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert "reason number 11" in " ".join(" ".join(lines).split())


def test_a_blocker_needs_neither_cause_nor_help() -> None:
    assert blocker_text(Blocker("api", "no", "f", 1)) == "blocked: f:1: api: no"


def test_a_blocker_of_the_fleet_or_of_a_whole_file_names_no_image_and_no_line() -> None:
    assert blocker_text(Blocker(None, "no", "f", 0)) == "blocked: f: no"


def test_the_line_of_a_blocker_and_of_a_problem_is_shown_where_it_can_be_read() -> None:
    files = {"f": b"one\ntwo\n"}

    def sources(path: str) -> bytes:
        if path not in files:
            raise ConfigError(f"there is no file {path}")
        return files[path]

    problem = Problem("k", "bad", Place("f", 1, 2))
    assert fleet_text(fleet(problems=(problem,)), sources).splitlines()[1:] == [
        "problem: f:1:2: bad (k)",
        "  1 | one",
        "    |  ^",
    ]
    plan = Plan((), (Blocker("api", "no", "f", 2, "why"), Blocker("web", "no", "gone", 2)))
    assert plan_text(plan, [problem], sources).splitlines()[1:] == [
        "problem: f:1:2: bad (k)",
        "  1 | one",
        "    |  ^",
        "blocked: f:2: api: no",
        "  2 | two",
        "  cause why",
        "blocked: gone:2: web: no",
    ]


def test_a_plan_as_json_can_hold_any_bytes() -> None:
    document = json.loads(plan_json(PLAN, [Problem("k", "m", Place("p", 2, 1))]))
    assert document["schema"] == "shipway.plan/1"
    assert document["blockers"][0]["message"] == "COPY source \ufffd is missing"
    assert document["problems"] == [{"kind": "k", "message": "m", "path": "p", "line": 2}]
    plan_json(PLAN).encode("utf-8")
