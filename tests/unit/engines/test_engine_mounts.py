"""Build secrets and SSH agents: there before the build, and in no line of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shipway.engines.mounts import mounts
from shipway.engines.request import Workspace, workspace
from shipway.errors import BuildFailed
from shipway.ports import BuildRequest
from shipway.values import Platform

REQUEST = BuildRequest("api", b"FROM scratch\n", None, Platform("linux", "amd64"))


@pytest.fixture
def place() -> Iterator[Workspace]:
    with workspace(REQUEST) as made:
        yield made


def test_secrets_are_spelt_the_way_every_engine_reads(place: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "npmrc"
    file.write_text("token\n")
    request = replace(REQUEST, secrets=(f"id=a,src={file}", "id=b,env=B", "id=C"))
    assert mounts(request, place, {"B": "bbbb", "C": "cccc"}).options == (
        *("--secret", f"type=file,id=a,src={file}"),
        *("--secret", "type=env,id=b,env=B"),
        *("--secret", "type=env,id=C,env=C"),
    )


def test_a_path_that_parsers_read_differently_is_handed_on_under_another_name(
    place: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "a,b"
    file.write_bytes(b"\xff secret")
    option = mounts(replace(REQUEST, secrets=(f'id=a,"src={file}"',)), place, {}).options[1]
    copy = Path(option.partition("src=")[2])
    assert copy.parent == place.private
    assert copy.read_bytes() == b"\xff secret"


def test_the_lines_of_a_secret_are_masked_but_not_its_brackets(place: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("{\n  first-line\nsecond-line\n}\n")
    request = replace(
        REQUEST,
        secrets=(f"id=a,src={file}", "id=b,env=B"),
        args={"TOKEN": "arg", "OPEN": "shown"},
        secret_args=frozenset({"TOKEN"}),
    )
    assert set(mounts(request, place, {"B": "variable"}).masked) == {
        "first-line",
        "second-line",
        "variable",
        "arg",
    }


@pytest.mark.parametrize(
    ("secret", "cause"),
    [
        ("id=a,env=NOWHERE", "the environment has no NOWHERE"),
        ("id=a,src=/nowhere/at/all", "/nowhere/at/all: No such file or directory"),
        ("id=a", "a: No such file or directory"),
    ],
)
def test_a_secret_that_is_not_there_is_an_error_before_the_build(
    place: Workspace, secret: str, cause: str
) -> None:
    with pytest.raises(BuildFailed, match="no value for its secret a") as caught:
        mounts(replace(REQUEST, secrets=(secret,)), place, {})
    assert caught.value.cause == cause


def test_an_agent_that_is_not_there_is_an_error_before_the_build(place: Workspace, tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="no SSH agent or key default") as caught:
        mounts(replace(REQUEST, ssh=("default",)), place, {})
    assert caught.value.cause == "SSH_AUTH_SOCK is not set"
    key = tmp_path / "key"
    with pytest.raises(BuildFailed, match="no SSH agent or key git"):
        mounts(replace(REQUEST, ssh=(f"git={key}",)), place, {})
    key.touch()
    assert mounts(replace(REQUEST, ssh=(f"git={key}",)), place, {}).options == ("--ssh", f"git={key}")
    socket = {"SSH_AUTH_SOCK": str(key)}
    assert mounts(replace(REQUEST, ssh=("default",)), place, socket).options == ("--ssh", "default")
