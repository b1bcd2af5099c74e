"""What the hadolint on this machine really writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shipway.checks.hadolint import covered
from shipway.checks.table import RULES
from shipway.errors import HostError
from shipway.flows.hadolint import run_hadolint
from shipway.host import SystemHost

pytestmark = pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed")


def write(root: Path, path: str, text: str) -> str:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
    return path


async def found(root: Path, *paths: str) -> list[tuple[str, str]]:
    findings = await run_hadolint(SystemHost(), root, paths, covered(RULES))
    assert findings is not None
    return [(each.rule, str(each.place)) for each in findings]


async def test_tells_shell_and_package_hygiene_of_many_files(tmp_path: Path) -> None:
    one = write(tmp_path, "Dockerfile", "FROM debian\nRUN apt-get install -y foo\nCMD app\n")
    two = write(tmp_path, "api/Dockerfile", "FROM debian:12\nRUN cd /x && echo $FOO\n")
    three = write(tmp_path, "-odd/Dockerfile", "FROM debian:12\nRUN sudo true\n")
    result = await found(tmp_path, one, two, three)
    assert {("DL3008", "Dockerfile:2"), ("SC2086", "api/Dockerfile:2"), ("DL3004", "-odd/Dockerfile:2")} <= {
        *result
    }
    assert not {"DL3006", "DL3025"} & {rule for rule, _ in result}


async def test_a_file_without_findings_gives_none(tmp_path: Path) -> None:
    assert await found(tmp_path, write(tmp_path, "Dockerfile", "FROM debian:12\n")) == []


async def test_its_own_configuration_and_comments_count(tmp_path: Path) -> None:
    write(tmp_path, ".hadolint.yaml", "ignored: [DL3008, DL3015]\n")
    text = "FROM debian:12\n# hadolint ignore=DL3059\nRUN apt-get install -y foo\n"
    assert await found(tmp_path, write(tmp_path, "Dockerfile", text)) == []


async def test_what_only_its_parser_rejects_is_left_out(tmp_path: Path) -> None:
    assert await found(tmp_path, write(tmp_path, "Dockerfile", "FROM debian:12\nRUNN x\n")) == []


async def test_a_missing_file_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="hadolint failed"):
        await found(tmp_path, "none/Dockerfile")
