from __future__ import annotations

import pytest

from shipway.dockerfile.parser import parse
from shipway.dockerfile.pin import pin
from shipway.dockerfile.resolve import resolve
from shipway.dockerfile.syntax import Span
from shipway.errors import DockerfileError

DIGEST = "r.io/x@sha256:" + "a" * 64


def pinned(data: bytes) -> bytes:
    found = resolve(parse(data, "Dockerfile"))
    return pin(data, [(each.span, DIGEST) for each in found.bases if each.reference != "scratch"])


@pytest.mark.parametrize(
    ("line", "reference"),
    [
        ("FROM alpine:3 AS b\n", "alpine:3"),
        ("from  \talpine\n", "alpine"),
        ("FROM --platform=linux/amd64 ${R}/a:${T} # c\n".replace(" # c", ""), "${R}/a:${T}"),
        ('FROM "alpine"\n', '"alpine"'),
        ("FROM scratch\nCOPY --link --from=a:1 /a /a:1\n", "a:1"),
        ("FROM scratch\nRUN --mount=type=bind,from=a:1,target=/x a:1\n", "a:1"),
        ("FROM scratch\nRUN --mount=target=/y \\\n # c\n --mount=from=img,target=/x true\n", "img"),
        ("FROM scratch AS s\nONBUILD COPY --from=img /a /b\nFROM s\n", "img"),
        ("\ufeff# escape=`\r\nFROM `\r\n  # c\r\n  alpine:3 `\r\n  AS x\r\n", "alpine:3"),
    ],
)
def test_only_the_reference_changes(line: str, reference: str) -> None:
    text = "ARG R=r\nARG T=1\n" + line if "${R}" in line else line
    # the first occurrence is the reference itself in every example
    assert pinned(text.encode()) == text.replace(reference, DIGEST, 1).encode()


def test_no_replacements_give_the_same_bytes() -> None:
    data = b"\xef\xbb\xbfFROM a\r\n\xff\r\n"
    assert pin(data, []) == data


def test_bytes_that_are_not_utf8_stay() -> None:
    data = b"# \xff\nFROM a\nRUN echo \xc3 \xfe\n"
    assert pinned(data) == data.replace(b"FROM a", b"FROM " + DIGEST.encode())


def test_same_span_twice_is_one_replacement() -> None:
    data = b"FROM scratch AS s\nONBUILD COPY --from=img /a /b\nFROM s AS t\nFROM s\nCOPY --from=t /x /y\n"
    assert pinned(data).count(DIGEST.encode()) == 1


@pytest.mark.parametrize(
    "data",
    [b"FROM al\\\npine\n", b'FROM scratch\nCOPY --from="a:1" /x /y\nCOPY --from=b"c" /x /y\n'],
)
def test_reference_that_is_cut_or_quoted_in_a_flag_is_refused(data: bytes) -> None:
    with pytest.raises(DockerfileError, match="cannot be replaced in place"):
        pinned(data)


def test_two_texts_for_one_reference_are_refused() -> None:
    span = Span(5, 6, 1, 6)
    with pytest.raises(DockerfileError, match="both"):
        pin(b"FROM a\n", [(span, "b"), (span, "c")])


def test_overlapping_replacements_are_refused() -> None:
    with pytest.raises(DockerfileError, match="overlap"):
        pin(b"FROM abc\n", [(Span(5, 7, 1, 6), "b"), (Span(6, 8, 1, 7), "c")])


@pytest.mark.parametrize("text", ["a b", "$X", "", "a\nRUN x", "'a'", "a\\"])
def test_what_is_no_plain_reference_is_refused(text: str) -> None:
    with pytest.raises(DockerfileError, match="no literal image reference"):
        pin(b"FROM a\n", [(Span(5, 6, 1, 6), text)])


@pytest.mark.parametrize("span", [Span(0, 4, 1, 1), Span(4, 6, 1, 5), Span(7, 8, 2, 1)])
def test_span_that_is_no_reference_does_not_slip_through(span: Span) -> None:
    with pytest.raises(DockerfileError, match="would not read"):
        pin(b"FROM a\n# c\n", [(span, "b")])
