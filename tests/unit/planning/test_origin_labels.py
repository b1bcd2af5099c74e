"""What an image says of where it comes from."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shipway.dockerfile.parser import parse
from shipway.dockerfile.resolve import resolve
from shipway.errors import InvalidValue
from shipway.planning.labels import Origin, epoch_of, origin_labels
from shipway.values import Digest, Platform, Reference

P = "org.opencontainers.image."
DIGEST = Digest.of(b"base")
ORIGIN = Origin("https://git.example/shop", "1.2", 1_700_000_000)


def labels(text: str, target: str | None = None, pins: dict[str, Reference] | None = None) -> dict[str, str]:
    build = resolve(parse(text.encode(), "Dockerfile"), platform=Platform("linux", "amd64"), target=target)
    return origin_labels(ORIGIN, build, pins or {})


def test_source_version_and_time_are_told() -> None:
    assert labels("FROM scratch\n") == {
        f"{P}source": "https://git.example/shop",
        f"{P}version": "1.2",
        f"{P}created": "2023-11-14T22:13:20Z",
    }
    build = resolve(parse(b"FROM scratch\n", "Dockerfile"), platform=Platform("linux", "amd64"))
    assert origin_labels(Origin(), build, {}) == {}


def test_what_the_dockerfile_says_itself_is_left_alone() -> None:
    found = labels(f'FROM scratch AS a\nLABEL "{P}source"=x\nFROM a\nLABEL {P}version=2 other=3\n')
    assert set(found) == {f"{P}created"}


def test_a_label_of_a_stage_that_is_only_copied_from_does_not_count() -> None:
    found = labels(f"FROM scratch AS a\nLABEL {P}version=2\nFROM scratch\nCOPY --from=a /x /x\n")
    assert found[f"{P}version"] == "1.2"


def test_the_base_is_that_of_the_last_stage_through_its_stages() -> None:
    text = "FROM alpine:3 AS tools\nFROM debian:12 AS one\nFROM one AS two\nCOPY --from=tools /a /a\n"
    found = labels(text)
    assert found[f"{P}base.name"] == "docker.io/library/debian:12"
    assert f"{P}base.digest" not in found
    assert labels(text, target="tools")[f"{P}base.name"] == "docker.io/library/alpine:3"


def test_the_digest_of_a_base_is_told_where_the_build_is_bound_to_it() -> None:
    assert labels(f"FROM r.example/a:1@{DIGEST}\n")[f"{P}base.digest"] == str(DIGEST)
    pinned = Reference("127.0.0.1:5000", "a").with_digest(DIGEST)
    found = labels("FROM r.example/a:1\n", pins={"r.example/a:1": pinned})
    assert (found[f"{P}base.name"], found[f"{P}base.digest"]) == ("r.example/a:1", str(DIGEST))


def test_the_time_is_the_environments_else_the_commits() -> None:
    committed = datetime(2026, 1, 2, tzinfo=UTC)
    assert epoch_of({"SOURCE_DATE_EPOCH": "12"}, committed) == 12
    assert epoch_of({}, committed) == int(committed.timestamp())
    assert epoch_of({}, None) is None


@pytest.mark.parametrize("value", ["", "now", "-1", "1.5"])
def test_a_time_that_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(InvalidValue, match="SOURCE_DATE_EPOCH"):
        epoch_of({"SOURCE_DATE_EPOCH": value}, None)
