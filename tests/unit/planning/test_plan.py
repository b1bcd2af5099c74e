"""The plan says what is built and why, and what stands for what is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shipway.errors import ConfigError
from shipway.fleet.model import Base, BuildInputs, Fleet, Image
from shipway.planning.destination import destination
from shipway.planning.export import bake, dot, mermaid
from shipway.planning.inputs import Inputs
from shipway.planning.plan import Choices, Delivered, Plan, Step, make_plan
from shipway.planning.tags import TagFacts
from shipway.values import Digest, Platform

FACTS = TagFacts(datetime(2026, 1, 1, tzinfo=UTC), "a" * 40, "main")
TAG = "main-aaaaaaa-1767225600"
DIGEST = Digest.of(b"manifest")
OLD = Inputs("d0", {"app.py": "0"})
NEW = Inputs("d0", {"app.py": "1"})
BASE = Image("base", BuildInputs("base/Dockerfile", "base"), "ghcr.io/acme/base", "1.0")
API = Image(
    "api",
    BuildInputs("api/Dockerfile", ".", args={"MODE": "${fast}"}, platforms=(Platform.parse("linux/arm64"),)),
    "ghcr.io/acme/api",
    tags=("latest",),
    bases=(
        Base("ghcr.io/acme/base:1.0", "fleet", 1, "base"),
        Base("docker.io/library/alpine", "external", 5),
    ),
)
FLEET = Fleet((BASE, API))
WAVES = [["base"], ["api"]]
INPUTS = {"base": OLD, "api": NEW}


DEFAULT = Choices()


def planned(known: dict[str, Delivered], choices: Choices = DEFAULT) -> dict[str, Step]:
    plan = make_plan(FLEET, WAVES, INPUTS, known, FACTS, choices)
    return {step.image: step for step in plan.steps}


def test_what_was_never_delivered_is_built_with_all_its_tags() -> None:
    step = planned({})["api"]
    assert (step.action, step.why) == ("build", ("never delivered",))
    assert step.reference == f"ghcr.io/acme/api:{TAG}"
    assert step.tags == (TAG, "latest")
    assert step.needs == ("base",)
    assert step.platforms == ("linux/arm64",)


def test_what_stands_is_reused_by_its_digest() -> None:
    known = {"api": Delivered(NEW.fingerprint, NEW, DIGEST, "ghcr.io/acme/api:main-0-1")}
    step = planned(known)["api"]
    assert step.action == "reuse"
    assert step.reference == f"ghcr.io/acme/api:main-0-1@{DIGEST}"
    assert step.digest == str(DIGEST)
    assert step.tags == ("main-0-1", "latest")


def test_a_fixed_tag_that_was_changed_is_given_to_what_stands() -> None:
    known = {"base": Delivered(OLD.fingerprint, OLD, DIGEST, "ghcr.io/acme/base:0.9")}
    step = planned(known)["base"]
    assert (step.action, step.tags) == ("reuse", ("1.0",))


def test_a_change_is_named() -> None:
    known = {"api": Delivered(OLD.fingerprint, OLD)}
    assert planned(known)["api"].why == ("files changed: app.py",)


def test_a_delivery_that_the_registry_lost_is_built_again() -> None:
    known = {"base": Delivered(OLD.fingerprint, OLD, lost=True)}
    assert planned(known)["base"].why == ("the registry no longer has the delivered image",)


@pytest.mark.parametrize("force", [frozenset({"base"}), frozenset({"*"})])
def test_what_is_forced_is_built_though_it_stands(force: frozenset[str]) -> None:
    known = {"base": Delivered(OLD.fingerprint, OLD, DIGEST, "ghcr.io/acme/base:1.0")}
    step = planned(known, Choices(force=force))["base"]
    assert (step.action, step.why) == ("build", ("forced",))


def test_outside_git_the_default_scheme_is_the_time_alone() -> None:
    plan = make_plan(FLEET, WAVES, INPUTS, {}, TagFacts(FACTS.time), Choices())
    assert plan.steps[1].tags[0] == "1767225600"


def test_an_own_scheme_that_cannot_be_filled_is_refused() -> None:
    with pytest.raises(ConfigError, match="sha7"):
        make_plan(FLEET, WAVES, INPUTS, {}, TagFacts(FACTS.time), Choices(tag="{sha7}"))


@pytest.mark.parametrize(
    ("repository", "registry", "expected"),
    [
        (None, None, "shipway.local/api"),
        ("api", None, "shipway.local/api"),
        ("docker.io/acme/api", None, "docker.io/acme/api"),
        ("ghcr.io/acme/api", "10.0.0.7:5000/shop", "10.0.0.7:5000/shop/api"),
        (None, "registry.test", "registry.test/api"),
    ],
)
def test_the_destination_is_what_files_say_unless_the_user_says_otherwise(
    repository: str | None, registry: str | None, expected: str
) -> None:
    image = Image("api", BuildInputs("Dockerfile", "."), repository)
    assert str(destination(image, registry)) == expected


def test_charts_show_every_edge() -> None:
    plan = Plan((tuple(planned({}).values()),))
    assert "i_base --> i_api" in mermaid(plan)
    assert '"base" -> "api"' in dot(plan)


def test_a_bake_file_links_bases_and_escapes_templates() -> None:
    import json

    document = json.loads(bake(Plan((tuple(planned({}).values()),)), FLEET))
    target = document["target"]["api"]
    assert document["group"]["default"]["targets"] == ["base", "api"]
    assert target["contexts"] == {"ghcr.io/acme/base:1.0": "target:base"}
    assert target["args"] == {"MODE": "$${fast}"}
    assert target["dockerfile"] == "api/Dockerfile"
    assert document["target"]["base"]["dockerfile"] == "Dockerfile"
    assert target["tags"] == [f"ghcr.io/acme/api:{TAG}", "ghcr.io/acme/api:latest"]


def test_a_bake_file_names_a_base_that_stands_by_its_digest() -> None:
    import json

    steps = planned({"base": Delivered(OLD.fingerprint, OLD, DIGEST, "ghcr.io/acme/base:1.0")})
    document = json.loads(bake(Plan((tuple(steps.values()),)), FLEET))
    assert list(document["target"]) == ["api"]
    assert document["target"]["api"]["contexts"] == {
        "ghcr.io/acme/base:1.0": f"docker-image://ghcr.io/acme/base:1.0@{DIGEST}"
    }
