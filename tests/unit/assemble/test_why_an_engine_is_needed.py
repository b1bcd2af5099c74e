"""What Assemble takes, and the reason that it gives for what it leaves to an engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipway.assemble.applies import bases_of, stages_on_files, why_not
from shipway.dockerfile.context import Context
from shipway.dockerfile.parser import parse
from shipway.dockerfile.resolve import resolve
from shipway.dockerfile.resolved import ResolvedBuild
from shipway.dockerfile.sources import read_sources
from shipway.dockerfile.tree import ContextTree


def build_of(text: str, target: str | None = None, **contexts: str) -> ResolvedBuild:
    return resolve(parse(text.encode(), "Dockerfile"), target=target, contexts=contexts)


@pytest.mark.parametrize(
    "text",
    [
        "FROM scratch\nCOPY a /\n",
        "FROM alpine\nENV A=1\nLABEL b=2\nCMD x\nENTRYPOINT y\nEXPOSE 1\nUSER u\nVOLUME /v\nSTOPSIGNAL 9\n",
        'FROM alpine\nHEALTHCHECK CMD x\nSHELL ["a"]\nONBUILD RUN x\nARG A\nMAINTAINER m\nWORKDIR /w\n',
        "FROM alpine AS one\nFROM scratch\nCOPY --from=one /a /\n",
        "FROM a AS one\nRUN x\nFROM scratch\nCOPY a /\n",
        "FROM scratch\nCOPY --link --chown=1 --chmod=755 --exclude=b --parents a /\n",
        "FROM scratch\nCOPY <<X /f\ntext\nX\n",
        "# syntax=docker/dockerfile:1\nFROM scratch\nCOPY a /\n",
        "FROM scratch\nCOPY --from=scratch * /\n",
    ],
)
def test_what_runs_nothing_needs_no_engine(text: str) -> None:
    assert why_not(build_of(text)) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("FROM alpine\nRUN x\n", "line 2: RUN needs a build engine"),
        ("FROM alpine AS one\nRUN x\nFROM one\nCOPY a /\n", "line 2: RUN needs a build engine"),
        ("FROM a AS one\nRUN x\nFROM scratch\nCOPY --from=one /a /\n", "line 2: RUN needs a build engine"),
        ("FROM scratch AS one\nONBUILD RUN x\nFROM one\n", "line 2: RUN needs a build engine"),
        (
            "FROM scratch\nADD https://x.example/y /\n",
            "line 2: ADD https://x.example/y is fetched from elsewhere",
        ),
        ("FROM scratch\nADD git@x.example:y /\n", "line 2: ADD git@x.example:y is fetched from elsewhere"),
        ("FROM scratch\nADD --keep-git-dir a /\n", "line 2: ADD --keep-git-dir needs a build engine"),
        ("FROM scratch\nCOPY --from=alpine /a /\n", "line 2: COPY /a reads from the image alpine"),
        ("# syntax=acme/frontend\nFROM scratch\n", "it is written for the frontend acme/frontend"),
        (
            "# syntax=docker/dockerfile:1-labs\nFROM scratch\n",
            "it is written for the frontend docker/dockerfile:1-labs",
        ),
        ("FROM\n", None),
    ],
)
def test_the_reason_names_line_and_instruction(text: str, reason: str | None) -> None:
    found = why_not(build_of(text))
    assert found is not None
    assert reason is None or found == reason


def test_a_stage_on_a_directory_needs_an_engine() -> None:
    assert "a directory that a stage builds on" in (why_not(build_of("FROM base\n", base="dir")) or "")
    assert "elsewhere" in (
        why_not(build_of("FROM scratch\nCOPY --from=r a /\n", r="https://x.example/y")) or ""
    )


def test_only_files_that_add_would_unpack_count(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("plain")
    (tmp_path / "packed.tgz").write_bytes(b"\x1f\x8b\x08 and so on")
    context = Context(ContextTree(tmp_path))

    def reason(text: str) -> str | None:
        build = build_of(text)
        return why_not(build, read_sources(build, context), str(tmp_path))

    assert reason("FROM scratch\nADD plain.txt /\n") is None
    assert reason("FROM scratch\nCOPY packed.tgz /\n") is None
    assert reason("FROM scratch\nADD --unpack=false packed.tgz /\n") is None
    assert reason("FROM scratch\nADD *.* /\n") == "line 2: ADD unpacks packed.tgz"


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("FROM a\nENV A=1\n", []),
        ("FROM a\nCOPY x /\n", [0]),
        ("FROM a\nWORKDIR /w\n", [0]),
        ("FROM a\nCOPY --link x /\nADD --link y /\n", []),
        ("FROM a\nCOPY --link --chmod=755 x /\n", [0]),
        ("FROM scratch\nCOPY x /\n", []),
        ("FROM a AS one\nFROM one\nCOPY x /\n", [0]),
        ("FROM a AS one\nENV A=1\nFROM scratch\nCOPY --from=one /x /\n", [0]),
        ("FROM a AS one\nENV A=1\nFROM b\nCOPY x /\n", [1]),
    ],
)
def test_files_of_a_base_are_read_only_where_something_meets_them(text: str, stages: list[int]) -> None:
    assert sorted(stages_on_files(build_of(text))) == stages


def test_bases_are_told_with_their_platform() -> None:
    build = build_of(
        "ARG V=1\nFROM --platform=linux/arm64 a:$V AS one\nFROM one AS two\nFROM named\n",
        named="docker-image://b:2",
    )
    assert bases_of(build) == {2: ("b:2", None)}
    assert bases_of(build_of("FROM --platform=linux/arm64 a:1\n")) == {0: ("a:1", "linux/arm64")}
