"""Every build has a cache of its own."""

from __future__ import annotations

import pytest

from shipway.planning.caches import scoped
from shipway.values import Platform

ARM = Platform("linux", "arm", "v7")
AMD = Platform("linux", "amd64")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("r.example/cache", "type=registry,ref=r.example/cache:api-linux-arm-v7"),
        ("r.example:5000/cache", "type=registry,ref=r.example:5000/cache:api-linux-arm-v7"),
        ("r.example/cache:main", "type=registry,ref=r.example/cache:main-api-linux-arm-v7"),
        ("r.example/{image}/cache", "type=registry,ref=r.example/api/cache:linux-arm-v7"),
        ("r.example/{image}:c-{platform}", "type=registry,ref=r.example/api:c-linux-arm-v7"),
        ("type=gha,mode=max", "type=gha,mode=max,scope=api-linux-arm-v7"),
        ("type=gha,scope=x", "type=gha,scope=x-api-linux-arm-v7"),
        ("type=local,dest=/c", "type=local,dest=/c/api-linux-arm-v7"),
        ("type=inline", "type=inline"),
    ],
)
def test_a_destination_names_image_and_platform(text: str, expected: str) -> None:
    assert scoped("api", ARM, (), (text,)).destinations == (expected,)


def test_a_source_follows_the_destination_at_the_same_place_only() -> None:
    caches = scoped(
        "api", AMD, ("r.example/c:1", "type=gha", "r.example/other"), ("r.example/c:1", "type=gha")
    )
    assert caches.sources == (
        "type=registry,ref=r.example/c:1-api-linux-amd64",
        "type=gha,scope=api-linux-amd64",
        "r.example/other",
    )


def test_a_directory_is_read_where_it_was_written() -> None:
    caches = scoped("api", AMD, ("type=local,src=/c",), ("type=local,dest=/c",))
    assert caches.sources == ("type=local,src=/c/api-linux-amd64",)


def test_no_two_builds_share_a_destination() -> None:
    names = [(image, platform) for image in ("api", "web") for platform in (AMD, ARM)]
    found = {scoped(image, platform, (), ("r.example/c",)).destinations for image, platform in names}
    assert len(found) == len(names)
