"""What others say about the same files: hadolint, and BuildKit's own ``--check``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FILES_A_RUN = 200


@dataclass(frozen=True)
class Hadolint:
    """``about_sources`` are findings on the lines of claims that speak of a path that is not there,
    ``unparsed`` the files that it gave up on (DL1000), ``others`` all other findings."""

    about_sources: int = 0
    unparsed: int = 0
    others: int = 0


def hadolint(program: str, root: Path, dockerfiles: Sequence[str]) -> Hadolint:
    """Run hadolint over the Dockerfiles of a clone; it reads no build context."""
    findings: list[dict[str, object]] = []
    for start in range(0, len(dockerfiles), FILES_A_RUN):
        files = dockerfiles[start : start + FILES_A_RUN]
        argv = [program, "--no-fail", "--format", "json", *files]
        done = subprocess.run(argv, cwd=root, capture_output=True, check=False)
        findings += json.loads(done.stdout or b"[]")
    unparsed = {each["file"] for each in findings if each["code"] == "DL1000"}
    about = [each for each in findings if _about_a_path(str(each["message"]))]
    return Hadolint(len(about), len(unparsed), len(findings) - len(unparsed) - len(about))


def _about_a_path(message: str) -> bool:
    return any(
        words in message.lower() for words in ("not found", "does not exist", "no such file", "ignored by")
    )
