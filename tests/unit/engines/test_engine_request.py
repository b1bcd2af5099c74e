"""Requests as command lines and files."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from shipway.engines.request import (
    Workspace,
    image_name,
    kept_name,
    options,
    require_loopback,
    secret_environment,
    workspace,
)
from shipway.errors import BuildFailed, EngineError, HostError
from shipway.ports import BuildRequest
from shipway.values import Platform, Reference

REQUEST = BuildRequest("api", b"FROM scratch\n", None, Platform("linux", "arm", "v7"))
FULL = replace(
    REQUEST,
    target="final",
    args={"A": "1 2", "TOKEN": "hush"},
    secret_args=frozenset({"TOKEN", "UNUSED"}),
    labels={"a.b": "c=d"},
    contexts={"assets": "/srv/assets"},
)


def test_every_part_of_a_request_becomes_an_option() -> None:
    assert options(FULL, Workspace(Path("/p"), Path("/c")), "n:1") == [
        *("--file", "/p/Dockerfile", "--platform", "linux/arm/v7", "--tag", "n:1", "--target", "final"),
        *("--build-arg", "A=1 2", "--build-arg", "TOKEN", "--label", "a.b=c=d"),
        *("--build-context", "assets=/srv/assets"),
    ]


def test_secret_args_go_through_the_environment() -> None:
    assert secret_environment(FULL) == {"TOKEN": "hush"}


def test_the_files_of_a_build_are_private_and_go_away(tmp_path: Path) -> None:
    with workspace(replace(REQUEST, context=tmp_path, ignore=b"*.log\n")) as place:
        assert place.dockerfile.read_bytes() == b"FROM scratch\n"
        assert place.ignore.read_bytes() == b"*.log\n"
        assert place.ignore.name == f"{place.dockerfile.name}.dockerignore"
        assert stat.S_IMODE(place.private.stat().st_mode) == 0o700
        assert place.context == tmp_path
    assert not place.private.exists()
    assert tmp_path.exists()


def test_without_a_context_an_empty_directory_stands_in() -> None:
    with workspace(REQUEST) as place:
        assert list(place.context.iterdir()) == []
        assert place.context != place.private
        assert place.ignore.exists()
    assert not place.context.exists()


def test_a_missing_context_is_refused_before_the_engine_starts(tmp_path: Path) -> None:
    with (
        pytest.raises(BuildFailed, match="there is no directory"),
        workspace(replace(REQUEST, context=tmp_path / "gone")),
    ):
        pass


def test_a_relative_context_cannot_be_taken_for_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "--rm").mkdir()
    monkeypatch.chdir(tmp_path)
    with workspace(replace(REQUEST, context=Path("--rm"))) as place:
        assert place.context == tmp_path / "--rm"


def test_a_place_that_cannot_be_written_is_an_error_of_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(HostError, match="temporary directory"), workspace(REQUEST):
        pass


def test_names_are_of_one_build_alone_but_of_one_kind() -> None:
    first, second = image_name(REQUEST), image_name(REQUEST)
    assert first != second
    assert kept_name(first) == kept_name(second)
    assert kept_name(image_name(replace(REQUEST, name="web"))) != kept_name(first)
    assert kept_name(image_name(replace(REQUEST, context=Path("/other")))) != kept_name(first)
    assert kept_name(image_name(replace(REQUEST, platform=Platform("linux", "arm64")))) != kept_name(first)


@pytest.mark.parametrize("name", ["shop/API", "Ünï côde", "---", "a" * 60])
def test_any_name_of_an_image_gives_a_valid_name_in_the_store(name: str) -> None:
    text = image_name(replace(REQUEST, name=name))
    assert str(Reference.parse(text)) == text


@pytest.mark.parametrize(
    "name", ["127.0.0.1:5000/base@sha256:" + "0" * 64, "alpine:3", "localhost/other:1", "x"]
)
def test_nothing_of_others_is_kept_or_moved(name: str) -> None:
    assert kept_name(name) is None


@pytest.mark.parametrize("registry", ["127.0.0.1:5000", "localhost:5000", "[::1]:5000", "127.8.9.1:1"])
def test_staging_is_on_loopback(registry: str) -> None:
    require_loopback(Reference(registry, "a", "b"))


@pytest.mark.parametrize(
    "registry", ["ghcr.io", "10.0.0.1:5000", "localhost.example.org:5000", "127.0.0.1.nip.io"]
)
def test_no_engine_pushes_to_another_machine(registry: str) -> None:
    with pytest.raises(EngineError, match="on this machine only"):
        require_loopback(Reference(registry, "a", "b"))
