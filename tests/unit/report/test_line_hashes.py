"""The expected hashes are those that the tests of GitHub's upload action expect."""

from __future__ import annotations

import pytest

from shipway.checks.finding import Finding
from shipway.place import Place
from shipway.report.findings.linehash import LineHashes, fingerprints

GREETINGS = [
    "e9496ae3ebfced30:1",
    "fb7c023a8b9ccb3f:1",
    "ce8ba1a563dcdaca:1",
    "e20e36e16fcb0cc8:1",
    "b3edc88f2938467e:1",
    "c8e28b0b4002a3a0:1",
    "c129715d7a2bc9a3:1",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["c129715d7a2bc9a3:1"]),
        (
            " a\nb\n  \t\tc\n d",
            ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"],
        ),
        (" hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n", GREETINGS),
        (" hello; \t\nworld!!!\r\r\r  \t\tGreetings\r End\r", GREETINGS),
        (" hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n", GREETINGS),
        (" hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n", GREETINGS),
        (
            "Lorem ipsum dolor sit amet.\n" * 10,
            [
                *(f"a7f2ff13bc495cf2:{count}" for count in range(1, 7)),
                "a7f2ff1481e87703:1",
                "a9cf91f7bbf1862b:1",
                "55ec222b86bcae53:1",
                "cc97dc7b1d7d8f7b:1",
                "c129715d7a2bc9a3:1",
            ],
        ),
    ],
)
def test_lines_hash_as_the_upload_action_hashes_them(text: str, expected: list[str]) -> None:
    hashes = LineHashes(text.encode())
    assert [hashes.of(number) for number in range(1, len(expected) + 1)] == expected
    assert hashes.of(len(expected) + 1) is None
    assert hashes.of(0) is None


def test_characters_outside_the_basic_plane_count_as_two_units() -> None:
    surrogates = 0xD83D * 37 + 0xDC33
    value = ((surrogates * 37 + 0xFFFF) * pow(37, 97)) % 2**64
    assert LineHashes("🐳".encode()).of(1) == f"{value:x}:1"


def test_fingerprints_stay_when_lines_move_and_differ_otherwise() -> None:
    def finding(line: int, subject: str) -> Finding:
        return Finding("SW101", "error", Place("Dockerfile", line), "gone", subject=subject)

    first = fingerprints([finding(1, "a"), finding(2, "b"), finding(3, "a")])
    assert len(set(first)) == 3
    assert fingerprints([finding(7, "a"), finding(8, "b"), finding(9, "a")]) == first
