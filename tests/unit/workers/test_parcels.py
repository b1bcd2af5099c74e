"""What travels: a request comes back as it was, and nothing of this machine goes with it."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import msgspec
import pytest

from shipway.errors import BuildFailed, CannotAssemble, DiskFull, EngineError, RateLimited, ShipwayError
from shipway.oci.manifest import OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor
from shipway.ports import BuildRequest, Built
from shipway.values import Digest, Platform, Reference
from shipway.workers.parcel import (
    MAIN,
    Answer,
    Context,
    Parcel,
    decode,
    encode,
    error_of,
    failure_of,
    parcel,
    request_of,
)

BASE = Reference.parse("registry.example/shop/base").with_digest(Digest.of(b"base"))
DESTINATION = Reference.parse("registry.example/shop/api")
CONTEXT = Context(BASE, Descriptor(OCI_LAYER_GZIP, str(Digest.of(b"layer")), 5))
FULL = BuildRequest(
    name="api",
    dockerfile=b"FROM scratch\n# \xff\n",
    context=Path("/repo/api"),
    platform=Platform.parse("linux/arm/v7"),
    ignore=b"*.log\n",
    target="final",
    args={"A": "1"},
    contexts={"docs": "/repo/docs", "tools": f"docker-image://{BASE}"},
    labels={"a": "b"},
    registries_plain=frozenset({"plain.example"}),
    registries_insecure=frozenset({"insecure.example"}),
    bases=frozenset({BASE}),
    epoch=7,
    cache_from=("type=registry,ref=x",),
    cached=False,
)


def test_a_request_comes_back_as_it_was_with_the_paths_of_the_other_machine(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("authority")
    request = replace(FULL, authorities={"registry.example": authority})
    sent = encode(parcel(request, DESTINATION, {MAIN: CONTEXT, "docs": CONTEXT}, "buildah", insists=True))
    assert b"/repo" not in sent and bytes(tmp_path) not in sent
    got = decode(sent, Parcel)
    assert (got.destination, got.engine, got.insists) == (DESTINATION, "buildah", True)
    assert got.authorities == {"registry.example": b"authority"}
    there = {MAIN: Path("/there/0"), "docs": Path("/there/1")}
    assert request_of(got, there, {"registry.example": Path("/there/ca")}) == replace(
        request,
        context=there[MAIN],
        contexts={"docs": "/there/1", "tools": f"docker-image://{BASE}"},
        authorities={"registry.example": Path("/there/ca")},
    )


@pytest.mark.parametrize(
    "secret",
    [{"secrets": ("id=a,env=A",)}, {"ssh": ("default",)}, {"secret_args": frozenset({"A"})}],
    ids=["secret", "ssh", "arg"],
)
def test_a_build_with_secrets_does_not_travel(secret: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="does not travel"):
        parcel(replace(FULL, **secret), DESTINATION, {}, "auto")  # type: ignore[arg-type]


def test_a_path_that_was_left_in_a_request_does_not_travel() -> None:
    with pytest.raises(TypeError):
        encode(Parcel(FULL, DESTINATION, {}, {}, "auto"))


@pytest.mark.parametrize(
    "data",
    [b"nonsense", msgspec.msgpack.encode({"schema": "shipway.parcel/9"})],
    ids=["nonsense", "other version"],
)
def test_what_another_version_wrote_is_told_as_that(data: bytes) -> None:
    with pytest.raises(EngineError, match="do not understand each other"):
        decode(data, Parcel)


def test_a_parcel_of_a_later_schema_is_refused() -> None:
    later = msgspec.structs.replace(parcel(FULL, DESTINATION, {}, "auto"), schema="shipway.parcel/2")
    with pytest.raises(EngineError, match="do not understand each other"):
        decode(encode(later), Parcel)


def test_what_was_built_comes_back() -> None:
    image = Descriptor(OCI_MANIFEST, str(Digest.of(b"image")), 5)
    built = Built(image, BASE, "buildah 1.28", (image,))
    assert decode(encode(Answer(3, built)), Answer) == Answer(3, built)


@pytest.mark.parametrize(
    "error",
    [
        BuildFailed("it failed", cause="a cause", help="a help", transient=True),
        CannotAssemble("it runs something"),
        RateLimited("too many", status=429, reason="rate"),
        DiskFull("full", help="free some"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_come_back_as_what_they_were(error: ShipwayError) -> None:
    again = error_of(
        decode(encode(Answer(0, failure=failure_of(error))), Answer).failure or failure_of(error)
    )
    assert type(again) is type(error)
    assert vars(again) == vars(error)


def test_every_field_of_a_request_is_looked_after_here() -> None:
    """A new one travels by itself; one that names files or secrets must be taken out in ``parcel``."""
    known = {field.name for field in fields(BuildRequest)}
    assert known <= {
        *("name", "dockerfile", "context", "platform", "ignore", "target", "args", "contexts", "labels"),
        *("secrets", "ssh", "secret_args", "registries_plain", "bases", "registries_insecure"),
        *("authorities", "epoch", "cache_from", "cache_to", "dockerfile_mode", "cached", "attest"),
    }
