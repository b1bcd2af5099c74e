"""One set of findings in every format, held against ``findings/``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shipway.checks.finding import Edit, Finding, Fix
from shipway.checks.runner import CheckResult
from shipway.errors import ConfigError
from shipway.place import Place
from shipway.report.findings.presentation import Presentation
from shipway.report.findings.table import FORMATS

SNAPSHOTS = Path(__file__).parent / "findings"
ENDINGS = {"text": "txt", "concise": "txt", "junit": "xml", "github": "txt", "markdown": "md"}

API = "services/api/Dockerfile"
WEB = "web and more/Dockerfile#1"
FILES = {
    API: (
        b"\xef\xbb\xbfFROM python:3.13 AS build\r\n"
        b"COPY\tmissing.txt\t/app/\r\n"
        b'COPY ["d\xc3\xbcnn \xe6\x97\xa5\xe6\x9c\xac.txt", "\xf0\x9f\x90\xb3.txt", "/app/"]\r\n'
        b"RUN pip install \\\r\n    --no-cache-dir \\\r\n    -r requirements.txt\r\n"
    ),
    WEB: b"FROM docker.io/library/node:latest\nENV TOKEN="
    + b"x" * 200
    + b" NEXT=1\nCMD node \x1b[31m app.js\n",
    "clean/Dockerfile": b"FROM scratch\n",
}

# Rules that no table knows, so that texts of real ones can change without these snapshots.
FINDINGS = (
    Finding(
        "EX101",
        "error",
        Place(API, 2, 6),
        "COPY source missing.txt is not in the context .",
        image="api",
        subject="missing.txt",
        cause="it exists under services/api, which is the directory of the Dockerfile",
        help="build with the context services/api: set `context: services/api` in shipway.yaml",
        fix=Fix("display", "context: services/api", ()),
    ),
    Finding(
        "EX101",
        "error",
        Place(API, 2, 6),
        "COPY source missing.txt is not in the context .",
        image="worker",
        subject="missing.txt",
        cause="it exists under services/api, which is the directory of the Dockerfile",
        help="build with the context services/api: set `context: services/api` in shipway.yaml",
        fix=Fix("display", "context: services/api", ()),
    ),
    Finding(
        "EX102",
        "warning",
        Place(API, 3, 22),
        "COPY source 🐳.txt is ignored, 100% of it:\nby .dockerignore, line 3",
        image="api",
        subject="🐳.txt",
        end=Place(API, 3, 27),
    ),
    Finding(
        "EX301",
        "info",
        Place(API, 4, 1),
        "RUN takes three lines",
        end=Place(API, 6, 24),
        help="write it on one | or <two>",
    ),
    Finding(
        "EX201",
        "error",
        Place(WEB, 1, 6),
        "node:latest is not pinned",
        subject="docker.io/library/node:latest",
        fix=Fix("safe", "pin node to 24", (Edit(WEB, 23, 34, "node:24"),)),
    ),
    Finding(
        "EX303",
        "warning",
        Place(WEB, 2, 212),
        "NEXT is set & never used",
        subject="NEXT",
        fix=Fix("unsafe", "remove NEXT", (Edit(WEB, 245, 252, ""),)),
    ),
    Finding("EX304", "info", Place(WEB, 3), "CMD has \x1b[31m control characters in it"),
    Finding("EX305", "warning", Place("gone/Dockerfile", 7, 3), "a file that is not there", image="gone"),
    Finding("EX306", "warning", Place("clean/Dockerfile"), "the file as a whole: @someone, `code`, *stars*"),
    Finding("EX307", "error", Place("../agents/Dockerfile", 1), "in another repository", image="agent"),
    Finding(
        "EX401", "error", Place(""), "registry.example:5000 refuses \udcff pushes", cause="no credentials"
    ),
)

RESULT = CheckResult(
    FINDINGS,
    suppressed=2,
    baselined=1,
    stale=3,
    summary={"images": 4, "dockerfiles": 4, "quality": {"multi-stage": [3, 4], "non-root": [4, 4]}},
)


def sources(path: str) -> bytes:
    if path not in FILES:
        raise ConfigError(f"cannot read {path}")
    return FILES[path]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_what_it_said(name: str, golden: Callable[[Path, str], None]) -> None:
    presentation = Presentation(files=("clean/Dockerfile", "empty/Dockerfile"), width=80)
    text = FORMATS[name](RESULT, sources, presentation)
    golden(SNAPSHOTS / f"{name}.{ENDINGS.get(name, 'json')}", text)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_that_there_is_nothing(name: str, golden: Callable[[Path, str], None]) -> None:
    text = FORMATS[name](CheckResult(()), sources, Presentation(files=("clean/Dockerfile",)))
    golden(SNAPSHOTS / f"{name}-none.{ENDINGS.get(name, 'json')}", text)


def test_colours_mark_severity_and_carets(golden: Callable[[Path, str], None]) -> None:
    golden(SNAPSHOTS / "text-colour.txt", FORMATS["text"](RESULT, sources, Presentation(color=True)))
