"""Rules of image quality over arbitrary Dockerfiles: no traceback, places in the file, safe fixes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.fixes import mend
from shipway.checks.quality import quality_summary
from shipway.checks.table import RULES
from shipway.dockerfile.parser import parse
from shipway.dockerfile.resolve import resolve
from shipway.fleet.builds import Builds
from shipway.fleet.model import BuildInputs, Fleet, Image

QUALITY = [rule for rule in RULES if rule.id.startswith("SW3")]

KEYWORDS = st.sampled_from(
    [
        *(
            "FROM",
            "from",
            "From",
            "RUN",
            "run",
            "COPY",
            "copy",
            "ADD",
            "ENV",
            "env",
            "LABEL",
            "ARG",
            "arg",
            "USER",
        ),
        *(
            "WORKDIR",
            "EXPOSE",
            "CMD",
            "ENTRYPOINT",
            "HEALTHCHECK",
            "MAINTAINER",
            "VOLUME",
            "SHELL",
            "ONBUILD",
        ),
    ]
)
WORDS = st.sampled_from(
    [
        *(
            "a",
            "A=1",
            "B=$A",
            "C=${A:-x}",
            "${A}",
            "$",
            "${",
            "as",
            "AS",
            "As",
            "Base",
            "base",
            "scratch",
            "/",
            ".",
        ),
        *("debian:12", "--from=base", "--from=Base", "--platform=$TARGETPLATFORM", "--platform=linux/amd64"),
        *(
            '["a", "b"]',
            "['a']",
            '["a",]',
            "#",
            "# note",
            '"q r"',
            "'",
            '"',
            "\\",
            "8080:80",
            "53/UDP",
            "http",
        ),
        *(
            "NONE",
            "root",
            "0",
            "app",
            "apt-get install gcc",
            "<<EOF",
            "é",
            "\udce9",
            "Ada <a@b>",
            "key value",
        ),
    ]
)
SEPARATORS = st.sampled_from([" ", "  ", "\t", " \\\n", " \\\n\n  ", " \\\n# c\n", " \\\r\n\r\n"])
ENDS = st.sampled_from(["\n", "\n\n", "\r\n", "\n# check=skip=all\n", "\n# hadolint ignore=DL3025\n", " \n"])


@st.composite
def lines(draw: st.DrawFn) -> str:
    parts = [draw(KEYWORDS)]
    for word in draw(st.lists(WORDS, max_size=4)):
        parts += [draw(SEPARATORS), word]
    return "".join((*parts, draw(ENDS)))


DOCKERFILES = st.builds(
    lambda head, body: head + "".join(body),
    st.sampled_from(
        ["", "\ufeff", "# check=skip=x\n", "# escape=`\n", "FROM debian:12\n", "FROM scratch AS base\n"]
    ),
    st.lists(lines(), max_size=8),
)


def facts_of(root: Path, text: str, edited: dict[Path, bytes] | None = None) -> Facts:
    (root / "Dockerfile").write_bytes(text.encode("utf-8", errors="surrogateescape"))
    image = Image("image", BuildInputs(dockerfile="Dockerfile", context="."))
    return Facts(Fleet((image,), roots={"": str(root)}), Builds(edited or {}), str(root))


def found(facts: Facts) -> list[Finding]:
    return [finding for rule in QUALITY for finding in rule.run(facts)]


def meaning(data: bytes) -> list[object]:
    """The variables of each stage, and what else its instructions ask for, in one case."""
    dockerfile = parse(data, "Dockerfile")
    build = resolve(dockerfile)
    steps = [
        (each.keyword, each.args)
        for each in dockerfile.instructions
        if each.keyword not in ("FROM", "LABEL", "ENV", "MAINTAINER", "EXPOSE", "ONBUILD")
    ]
    pairs = [each.args[:2] for each in dockerfile.instructions if each.keyword in ("ENV", "LABEL")]
    named = [[word.strip("\"'") for word in pair] for pair in pairs if "authors" not in "".join(pair)]
    stages = [(stage.name, stage.base) for stage in dockerfile.stages]
    return [stages, [dict(stage.env) for stage in build.stages], steps, named, len(dockerfile.instructions)]


@settings(deadline=None, max_examples=200)
@given(DOCKERFILES)
def test_rules_name_places_in_the_file_and_never_fail(text: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        facts = facts_of(Path(directory), text)
        findings = found(facts)
        quality_summary(facts)
    last = text.count("\n") + 1
    assert all(0 < finding.place.line <= last and finding.place.column >= 0 for finding in findings)
    assert {finding.rule for finding in findings} <= {rule.id for rule in QUALITY}


@settings(deadline=None, max_examples=200)
@given(DOCKERFILES)
def test_safe_fixes_keep_what_is_built(text: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        facts = facts_of(root, text)
        before = facts.data("Dockerfile") if facts.dockerfiles else b""
        done = mend(found(facts), unsafe=False, read=facts.data, dockerfiles=facts.dockerfiles)
    assert not [each for each in done.skipped if "more of the file" in each.reason]
    for after in done.files.values():
        assert meaning(after) == meaning(before)
