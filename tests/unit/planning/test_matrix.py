"""The plan as job matrices, and what a job refuses when its bases are not those that were handed on."""

from __future__ import annotations

import json

import pytest

from shipway.fleet.model import BuildInputs, Fleet, Image
from shipway.planning.expected import unexpected
from shipway.planning.matrix import MOST_JOBS, github_matrix
from shipway.planning.plan import Choices, Plan, Step
from shipway.values import Digest

DIGEST = str(Digest.of(b"base"))
OTHER = str(Digest.of(b"other"))
FLEET = Fleet(tuple(Image(name, BuildInputs(f"{name}/Dockerfile", name)) for name in ("base", "api")))


def built(name: str, *needs: str, platforms: tuple[str, ...] = ()) -> Step:
    reference = f"ghcr.io/acme/{name}:1"
    return Step(name, "build", ("never delivered",), reference, "sha256:0", ("1",), platforms, needs)


def stands(name: str, digest: str = DIGEST) -> Step:
    reference = f"ghcr.io/acme/{name}@{digest}"
    return Step(name, "reuse", ("unchanged",), reference, "sha256:0", digest=digest)


def outputs(*waves: tuple[Step, ...]) -> dict[str, str]:
    lines = github_matrix(Plan(waves)).splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def jobs(text: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(text)["include"]
    return found


def test_each_wave_that_builds_something_is_a_matrix() -> None:
    found = outputs((stands("old"),), (built("base"), stands("tools")), (built("api", "base"),))
    assert (found["builds"], found["waves"], set(found)) == (
        "2",
        "2",
        {"builds", "waves", "wave-1", "wave-2"},
    )
    assert [job["images"] for job in jobs(found["wave-1"])] == ["base"]
    assert [job["images"] for job in jobs(found["wave-2"])] == ["api"]


def test_bases_that_stand_are_handed_on_by_digest() -> None:
    found = outputs((stands("base"), built("tools")), (built("api", "base", "tools"),))
    assert jobs(found["wave-2"])[0]["arguments"] == f"--only --base=base={DIGEST} api"


def test_nothing_to_build_is_no_wave() -> None:
    assert outputs((stands("base"),)) == {"builds": "0", "waves": "0"}


def test_platforms_tell_which_machine_a_job_needs() -> None:
    found = outputs((built("base", platforms=("linux/amd64", "linux/arm64")),))
    assert jobs(found["wave-1"])[0]["platforms"] == "linux/amd64 linux/arm64"


def test_a_matrix_has_no_more_jobs_than_github_takes() -> None:
    names = [f"app{number}" for number in range(2 * MOST_JOBS + 1)]
    found = jobs(outputs(tuple(map(built, names)))["wave-1"])
    assert len(found) == MOST_JOBS
    assert {len(job["images"].split()) for job in found} == {2, 3}
    assert sorted(name for job in found for name in job["images"].split()) == sorted(names)


@pytest.mark.parametrize(
    ("base", "choices", "said"),
    [
        (stands("base"), Choices(frozenset({"api"}), only=True, bases={"base": DIGEST}), None),
        (built("base"), Choices(frozenset({"api"})), None),
        (
            built("base"),
            Choices(frozenset({"api"}), only=True),
            "base would be built, and --only asks for api",
        ),
        (stands("base", OTHER), Choices(bases={"base": DIGEST}), f"base does not stand as {DIGEST}"),
        (built("base"), Choices(bases={"base": DIGEST}), f"base does not stand as {DIGEST}"),
        (stands("base"), Choices(bases={"tools": DIGEST}), "tools was handed on as a base"),
    ],
    ids=["as handed on", "free", "not asked for", "another digest", "not delivered", "not needed"],
)
def test_a_job_builds_on_what_was_handed_on_or_not_at_all(
    base: Step, choices: Choices, said: str | None
) -> None:
    found = list(unexpected(Plan(((base,), (built("api", "base"),))), FLEET, choices))
    assert [blocker.message.startswith(said or "") for blocker in found] == ([True] if said else [])
