"""Comments by which a Dockerfile switches off BuildKit's checks and hadolint's rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipway.checks.facts import Facts
from shipway.checks.rules.sw304_shell_form_command import RULE as SHELL_FORM
from shipway.checks.rules.sw331_label_key import RULE as LABEL_KEY
from shipway.fleet.builds import Builds
from shipway.fleet.model import BuildInputs, Fleet, Image


def facts_of(root: Path, text: str) -> Facts:
    (root / "Dockerfile").write_text(text)
    image = Image("image", BuildInputs(dockerfile="Dockerfile", context="."))
    return Facts(Fleet((image,), roots={"": str(root)}), Builds(), str(root))


def lines(root: Path, text: str) -> list[int]:
    return [finding.place.line for finding in SHELL_FORM.run(facts_of(root, text))]


@pytest.mark.parametrize(
    "comment",
    [
        "# check=skip=JSONArgsRecommended",
        "# check=skip=all",
        "# CHECK = skip=StageNameCasing, JSONArgsRecommended",
        "# check=error=true;skip=JSONArgsRecommended",
        "# syntax=docker/dockerfile:1\n# check=skip=JSONArgsRecommended",
        "# hadolint global ignore=DL3006,DL3025",
    ],
)
def test_the_head_silences_the_whole_file(tmp_path: Path, comment: str) -> None:
    assert lines(tmp_path, f"{comment}\nFROM debian:12 AS a\nCMD app\nFROM debian:12\nCMD app\n") == []


@pytest.mark.parametrize(
    "comment",
    [
        "# check=skip=MaintainerDeprecated",
        "# check=error=true",
        "# a note\n# check=skip=JSONArgsRecommended",
        "# check=experimental=JSONArgsRecommended",
        "# hadolint ignore=DL3025",
        "# hadolint global ignore=DL3006",
        "# hadolint shell=/bin/bash",
    ],
)
def test_other_comments_in_the_head_silence_nothing(tmp_path: Path, comment: str) -> None:
    assert len(lines(tmp_path, f"{comment}\nFROM debian:12\nCMD app\n")) == 1


@pytest.mark.parametrize(
    "comment",
    [
        "# check=skip=JSONArgsRecommended",
        "# check=skip=JSONArgsRecommended the program handles signals",
        "# check=skip=all",
        "# hadolint ignore=DL3025",
        "# hadolint ignore=DL3006, DL3025",
        "# hadolint ignore=DL3025\n# why: it handles signals",
    ],
)
def test_a_comment_silences_the_instruction_below_it_alone(tmp_path: Path, comment: str) -> None:
    text = f"FROM debian:12 AS a\n{comment}\nCMD app\nFROM debian:12\nCMD app\n"
    assert lines(tmp_path, text) == [text[: text.rindex("CMD")].count("\n") + 1]


def test_a_blank_line_parts_comment_and_instruction(tmp_path: Path) -> None:
    assert lines(tmp_path, "FROM debian:12\n# hadolint ignore=DL3025\n\nCMD app\n") == [4]


def test_hadolint_can_be_silenced_for_a_stage(tmp_path: Path) -> None:
    text = "# hadolint stage ignore=DL3025\nFROM debian:12 AS a\nCMD app\nFROM debian:12\nCMD app\n"
    assert lines(tmp_path, text) == [5]


def test_a_here_document_holds_no_comments(tmp_path: Path) -> None:
    text = "FROM debian:12\nRUN <<EOF\n# check=skip=all\nEOF\nCMD app\n"
    assert lines(tmp_path, text) == [5]


def test_skipping_all_of_buildkit_keeps_rules_it_does_not_have(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, "# check=skip=all\nFROM debian:12\nLABEL Build..Date=1\n")
    assert len(list(LABEL_KEY.run(facts))) == 1
