"""Where images are, in one notation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipway.errors import InvalidValue
from shipway.oci.locator import Locator
from shipway.values import Digest

DIGEST = Digest.of(b"image")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ghcr.io/acme/api:1.0", Locator("registry", "ghcr.io/acme/api", "1.0")),
        ("docker://alpine", Locator("registry", "docker.io/library/alpine")),
        (f"localhost:5000/api@{DIGEST}", Locator("registry", "localhost:5000/api", None, DIGEST)),
        (f"localhost/api:1@{DIGEST}", Locator("registry", "localhost/api", "1", DIGEST)),
        ("oci:some/dir", Locator("oci", "some/dir")),
        ("oci:/dir:1.0", Locator("oci", "/dir", "1.0")),
        (f"oci:/dir@{DIGEST}", Locator("oci", "/dir", None, DIGEST)),
        ("docker-archive:a.tar", Locator("docker-archive", "a.tar")),
        (
            "docker-archive:a.tar:localhost:5000/api:1",
            Locator("docker-archive", "a.tar", "localhost:5000/api:1"),
        ),
    ],
)
def test_each_notation_is_read(text: str, wanted: Locator) -> None:
    assert Locator.parse(text) == wanted


@pytest.mark.parametrize("text", ["oci:", "docker-archive::name", "", "UPPER/Case:1", "oci:dir@sha256:abc"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        Locator.parse(text)


@pytest.mark.parametrize(
    ("text", "title", "tag"),
    [
        ("ghcr.io/acme/api:1.0", "api", "1.0"),
        ("oci:/data/layout:1.0", "layout", "1.0"),
        ("oci:/data/layout:ghcr.io/acme/api:1.0", "api", "1.0"),
        ("docker-archive:/data/api.tar", "api", None),
        ("docker-archive:/data/api.tar:acme/web:2", "web", "2"),
    ],
)
def test_title_and_tag_are_those_of_the_image(text: str, title: str, tag: str | None) -> None:
    locator = Locator.parse(text)
    assert (locator.title, locator.tag) == (title, tag)


_PATHS = st.from_regex(r"[a-z./_-]{1,20}", fullmatch=True)
_NAMES = st.none() | st.from_regex(r"[a-z0-9][a-z0-9._/:-]{0,20}", fullmatch=True)


@given(st.sampled_from(["oci", "docker-archive"]), _PATHS, _NAMES)
def test_a_locator_reads_what_it_writes(kind: str, place: str, name: str | None) -> None:
    text = f"{kind}:{place}" + (f":{name}" if name else "")
    assert str(Locator.parse(text)) == text
