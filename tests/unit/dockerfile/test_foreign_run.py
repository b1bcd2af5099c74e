"""Which builds need emulation: only those that run something of another processor."""

from __future__ import annotations

import pytest

from shipway.dockerfile.emulation import foreign_run, runs_natively
from shipway.dockerfile.parser import parse
from shipway.dockerfile.resolve import resolve
from shipway.values import Platform

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


def line_of(
    text: str, platform: Platform = ARM64, native: Platform = AMD64, target: str | None = None
) -> int:
    """The line of the stage that needs emulation, 0 for none."""
    build = resolve(
        parse(text.encode(), "Dockerfile"), target=target, args={}, platform=platform, contexts={}
    )
    found = foreign_run(build, native)
    return found.line if found else 0


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("FROM a\nRUN x\n", 1),
        ("FROM a\nCOPY f /\nENV a=b\nWORKDIR /w\nCMD x\n", 0),
        ("FROM --platform=$BUILDPLATFORM a AS b\nRUN x\nFROM scratch\nCOPY --from=b / /\n", 0),
        ("FROM --platform=$BUILDPLATFORM a AS b\nFROM b AS c\nRUN x\nFROM scratch\nCOPY --from=c / /\n", 0),
        ("FROM --platform=linux/$BUILDARCH a AS b\nRUN x\nFROM scratch\nCOPY --from=b / /\n", 0),
        ("FROM --platform=linux/amd64 a AS b\nRUN x\nFROM scratch\nCOPY --from=b / /\n", 0),
        ("FROM --platform=$TARGETPLATFORM a AS b\nRUN x\nFROM scratch\nCOPY --from=b / /\n", 1),
        ("FROM a AS unused\nRUN x\nFROM b\nCOPY f /\n", 0),
        ("FROM a AS b\nFROM b\nRUN x\n", 2),
        ("FROM a AS b\nONBUILD RUN x\nFROM b\nCOPY f /\n", 3),
    ],
)
def test_only_a_run_of_another_processor_needs_emulation(text: str, line: int) -> None:
    assert line_of(text) == line
    assert line_of(text, AMD64) == 0


def test_a_stage_of_a_constant_platform_counts_on_every_other_machine() -> None:
    text = "FROM --platform=linux/amd64 a AS b\nRUN x\nFROM scratch\nCOPY --from=b / /\n"
    assert line_of(text, ARM64, native=ARM64) == 1


def test_stages_after_the_target_do_not_count() -> None:
    assert line_of("FROM a AS first\nCOPY f /\nFROM first\nRUN x\n", target="first") == 0


def test_a_processor_runs_its_smaller_relatives() -> None:
    assert runs_natively(AMD64, Platform("linux", "386"))
    assert runs_natively(ARM64, Platform("linux", "arm", "v7"))
    assert not runs_natively(Platform("linux", "386"), AMD64)
    assert not runs_natively(AMD64, Platform("windows", "amd64"))
