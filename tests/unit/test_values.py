"""Values parse as the specifications say and refuse everything else."""

from __future__ import annotations

import pytest

from shipway.errors import InvalidValue
from shipway.place import Place
from shipway.values import Digest, Duration, Platform, Reference

HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("alpine", "docker.io/library/alpine"),
        ("alpine:3.20", "docker.io/library/alpine:3.20"),
        ("acme/api", "docker.io/acme/api"),
        ("index.docker.io/acme/api:1", "docker.io/acme/api:1"),
        ("docker.io/alpine", "docker.io/library/alpine"),
        ("localhost/api", "localhost/api"),
        ("localhost:5000/api", "localhost:5000/api"),
        ("registry.example.com/a/b/c:v1", "registry.example.com/a/b/c:v1"),
        ("10.0.0.7:5000/a__b/c-d.e:main-1", "10.0.0.7:5000/a__b/c-d.e:main-1"),
        (f"ghcr.io/acme/api@sha256:{HEX}", f"ghcr.io/acme/api@sha256:{HEX}"),
        (f"ghcr.io/acme/api:1@sha256:{HEX}", f"ghcr.io/acme/api:1@sha256:{HEX}"),
        ("[::1]:5000/api", "[::1]:5000/api"),
        ("Host/api", "Host/api"),
    ],
)
def test_a_reference_is_normalised_as_docker_does_it(written: str, canonical: str) -> None:
    reference = Reference.parse(written)
    assert str(reference) == canonical
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    ("written", "cause"),
    [
        ("", "not a repository name"),
        ("ghcr.io/Acme/api", "lower-case"),
        ("ghcr.io/acme/api:", "not a tag"),
        ("ghcr.io/acme/api:-x", "not a tag"),
        ("ghcr.io/acme//api", "not a repository name"),
        ("ghcr.io/acme/api_", "not a repository name"),
        ("exa$mple.com/api", "not a registry host"),
    ],
)
def test_what_is_no_reference_is_refused_with_its_cause(written: str, cause: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Reference.parse(written)
    assert cause in (caught.value.cause or "")


def test_a_reference_with_a_broken_digest_is_refused() -> None:
    with pytest.raises(InvalidValue, match="not a digest"):
        Reference.parse("alpine@sha256:abc")


def test_tag_and_digest_replace_each_other() -> None:
    reference = Reference.parse("ghcr.io/acme/api:1")
    digest = Digest.of(b"x")
    assert str(reference.with_digest(digest)) == f"ghcr.io/acme/api@{digest}"
    assert str(reference.with_digest(digest).with_tag("2")) == "ghcr.io/acme/api:2"
    assert reference.familiar == "ghcr.io/acme/api:1"
    assert Reference.parse("docker.io/library/alpine:3").familiar == "alpine:3"


@pytest.mark.parametrize(
    "text", ["sha256:" + HEX.upper(), "sha256:" + HEX[:-1], "md5:" + HEX, HEX, "sha512:" + HEX]
)
def test_only_sha256_and_sha512_in_lower_case_are_digests(text: str) -> None:
    with pytest.raises(InvalidValue):
        Digest.parse(text)


def test_a_digest_is_computed_from_bytes() -> None:
    assert str(Digest.of(b"test")) == f"sha256:{HEX}"
    assert Digest.parse(str(Digest.of(b"test", "sha512"))).algorithm == "sha512"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("linux/amd64", "linux/amd64"),
        ("Linux/x86_64", "linux/amd64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("linux/amd64/v1", "linux/amd64"),
    ],
)
def test_platforms_have_one_spelling(written: str, canonical: str) -> None:
    assert str(Platform.parse(written)) == canonical


@pytest.mark.parametrize("text", ["linux", "", "linux/amd64/v1/x", "linux//v8", "li nux/amd64"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        Platform.parse(text)


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("90s", 90, "1m30s"),
        ("1h30m", 5400, "1h30m"),
        ("500ms", 0.5, "0.5s"),
        ("2d", 172800, "48h"),
        ("0", 0, "0s"),
    ],
)
def test_durations_are_written_as_go_writes_them(text: str, seconds: float, shown: str) -> None:
    duration = Duration.parse(text)
    assert duration.seconds == pytest.approx(seconds)
    assert str(duration) == shown


@pytest.mark.parametrize("text", ["", "5", "-1s", "1y", "1h 30m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        Duration.parse(text)


def test_a_place_names_only_what_is_known() -> None:
    assert str(Place("Dockerfile")) == "Dockerfile"
    assert str(Place("Dockerfile", 3)) == "Dockerfile:3"
    assert str(Place("Dockerfile", 3, 7)) == "Dockerfile:3:7"
