"""Builders in the fleet file: who builds which platforms, and where they answer."""

from __future__ import annotations

import re

import pytest

from shipway.errors import ConfigError
from shipway.fleet.file import read_fleet_file
from shipway.fleet.model import BuilderSettings
from shipway.values import Platform

ARM64 = Platform("linux", "arm64")


def test_builders_keep_their_order_and_their_files_are_relative_to_the_fleet_file() -> None:
    text = """\
builders:
  pi: {address: "tcp://pi:1234", platforms: linux/aarch64, ca: tls/ca.pem, server-name: builder}
  desk: {engine: docker, platforms: [linux/amd64, linux/386]}
  farm: {buildx: farm, platforms: [linux/riscv64]}
"""
    first, second, third = read_fleet_file(text, "ci/shipway.yaml").builders
    assert first == BuilderSettings(
        "pi", "buildkit", (ARM64,), "tcp://pi:1234", ca="ci/tls/ca.pem", server_name="builder"
    )
    assert (second.name, second.engine, second.address) == ("desk", "docker", None)
    assert second.platforms == (Platform("linux", "amd64"), Platform("linux", "386"))
    assert (third.engine, third.buildx) == ("buildkit", "farm")


@pytest.mark.parametrize(
    ("engine", "address", "sees"),
    [
        ("docker", None, True),
        ("buildkit", "unix:///run/buildkit/buildkitd.sock", True),
        ("buildkit", "tcp://pi:1234", False),
        ("buildkit", None, False),
    ],
)
def test_only_what_runs_here_reaches_loopback(engine: str, address: str | None, sees: bool) -> None:
    assert BuilderSettings("x", engine, (ARM64,), address).sees_loopback is sees


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{address: 'tcp://a:1'}", "needs `platforms`"),
        ("{address: 'tcp://a:1', platforms: []}", "needs `platforms`"),
        ("{platforms: [linux/arm64]}", "needs either `address`, `buildx` or `driver`"),
        ("{address: 'tcp://a:1', buildx: b, platforms: [linux/arm64]}", "either `address`, `buildx` or"),
        ("{driver: docker-container, buildx: b, platforms: [linux/arm64]}", "either `address`, `buildx` or"),
        ("{driver: d, engine: buildah, platforms: [linux/arm64]}", "goes with `engine: buildkit` only"),
        ("{engine: buildah, address: 'tcp://a:1', platforms: [linux/arm64]}", "`address` goes with"),
        ("{engine: docker, buildx: b, platforms: [linux/arm64]}", "`buildx` goes with"),
        ("{buildx: b, ca: ca.pem, platforms: [linux/arm64]}", "`ca` goes with `address` only"),
        ("{engine: kaniko, platforms: [linux/arm64]}", "kaniko"),
        ("{adress: 'tcp://a:1', platforms: [linux/arm64]}", "unknown key `adress`"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(entry: str, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        read_fleet_file(f"builders:\n  arm: {entry}\n", "shipway.yaml")
    assert caught.value.place is not None
    assert caught.value.place.line == 2
