from __future__ import annotations

from typing import Any

import pytest

from shipway.dockerfile.parser import parse
from shipway.dockerfile.resolve import resolve
from shipway.dockerfile.resolved import ResolvedBuild
from shipway.errors import DockerfileError
from shipway.values import Platform

ARM = Platform.parse("linux/arm64")


def build(text: str, **options: Any) -> ResolvedBuild:
    return resolve(parse(text.encode(), "Dockerfile"), **options)


def bases(text: str, **options: Any) -> list[tuple[str, str, int]]:
    found = build(text, **options)
    assert found.problems == ()
    return [(each.reference, each.via, each.line) for each in found.bases]


def sources(text: str, **options: Any) -> list[str | None]:
    found = build(text, **options)
    assert found.problems == ()
    return [each.expanded for each in found.reads]


def reasons(text: str, **options: Any) -> list[tuple[str, str, int]]:
    return [(each.reason, each.source, each.place.line) for each in build(text, **options).problems]


def test_bases_come_from_from_copy_and_mount() -> None:
    text = (
        "ARG REG=a.io\nFROM ${REG}/base:${TAG:-1} AS Build\nCOPY --from=golang:1.22 /a /b\n"
        "RUN --mount=type=bind,from=alpine:3,source=/x true\nFROM scratch\nCOPY --from=BUILD . .\n"
    )
    assert bases(text) == [
        ("a.io/base:1", "from", 2),
        ("golang:1.22", "copy", 3),
        ("alpine:3", "mount", 4),
        ("scratch", "from", 5),
    ]


def test_spans_of_references_are_exact() -> None:
    text = 'FROM --platform=linux/amd64 "a:1" AS b\nFROM b\nCOPY --link --from=c:2 \\\n x /y\n'
    found = build(text)
    assert [text[each.span.start : each.span.end] for each in found.bases if each.span] == ['"a:1"', "c:2"]
    assert [(each.span.line, each.span.column) for each in found.bases if each.span] == [(1, 29), (3, 20)]
    assert found.bases[0].platform == "linux/amd64"


def test_only_reachable_stages_count() -> None:
    text = "FROM a AS one\nFROM b AS two\nCOPY --from=one x /\nFROM c AS three\n"
    assert bases(text, target="TWO") == [("a", "from", 1), ("b", "from", 2)]
    assert [stage.stage.index for stage in build(text, target="two").stages] == [0, 1]


def test_unknown_target_names_the_nearest_stage() -> None:
    found = build("FROM a AS build\n", target="biuld")
    assert (found.target, found.problems[0].reason, found.problems[0].help) == (
        None,
        "bad-target",
        "did you mean build?",
    )
    with pytest.raises(DockerfileError, match="there is no stage 'biuld'"):
        found.require_valid()


def test_a_number_is_no_target() -> None:
    assert reasons("FROM a\n", target="0") == [("bad-target", "0", 0)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM $X\n", [("bad-base", "$X", 1)]),
        ("FROM ${X:?no}\n", [("bad-base", "${X:?no}", 1)]),
        ("FROM a AS s\nFROM $X\nFROM s\n", [("bad-base", "$X", 2)]),
        ("FROM Upper/Case\n", [("bad-base", "Upper/Case", 1)]),
        ("FROM a\nCOPY --from=9 x /\nFROM b\n", [("bad-stage", "9", 2)]),
        ("FROM a\nCOPY --from=0 x /\n", [("bad-stage", "0", 2)]),
        ("FROM a AS s\nCOPY --from=s x /\n", [("bad-stage", "s", 2)]),
        ("FROM a AS s\nCOPY --from=t x /\nFROM b AS t\nFROM s\n", [("bad-stage", "t", 2)]),
        ("FROM a\nCOPY --from=$X x /\n", [("bad-stage", "$X", 2)]),
        ("FROM a\nENV A=${B:?gone}\n", [("expansion", "ENV A=${B:?gone}", 2)]),
        ('ARG A="x\nFROM a\n', [("expansion", '"x', 1)]),
        ("FROM a\nNOPE\n", [("syntax", "", 2)]),
    ],
)
def test_what_keeps_a_build_from_starting(text: str, expected: list[tuple[str, str, int]]) -> None:
    assert reasons(text) == expected


def test_unreachable_from_is_not_asked_for_its_reference() -> None:
    assert reasons("FROM Upper/Case\nFROM b\n") == []


def test_stage_names_match_in_lower_case_for_from_and_any_case_for_copy() -> None:
    text = "FROM scratch AS Base\nFROM base AS next\nCOPY --from=BASE x /\n"
    assert bases(text) == [("scratch", "from", 1)]
    assert build("FROM a AS Base\nFROM Base\n").problems[0].reason == "bad-base"


def test_last_of_two_stages_of_one_name_wins() -> None:
    assert bases("FROM a AS s\nFROM b AS s\nFROM s\n") == [("b", "from", 2)]


def test_mount_from_takes_no_stage_number() -> None:
    assert bases("FROM scratch\nFROM scratch\nRUN --mount=from=0,target=/x y\n") == [
        ("scratch", "from", 2),
        ("0", "mount", 3),
    ]


def test_cache_mount_with_from_needs_its_image() -> None:
    text = "FROM scratch\nRUN --mount=type=cache,from=img,source=/a,target=/b x\n"
    assert bases(text)[1] == ("img", "mount", 2)
    assert [each.kind for each in build(text).reads] == ["mount"]


def test_secret_and_plain_cache_mounts_read_nothing() -> None:
    flags = "--mount=type=cache,target=/b --mount=type=secret,id=a --mount=type=tmpfs,target=/c"
    text = f"FROM scratch\nRUN {flags} x\n"
    assert build(text).reads == ()


@pytest.mark.parametrize("name", ["base", "docker.io/library/base", "base:latest"])
def test_named_context_replaces_an_image(name: str) -> None:
    found = build("FROM base\nCOPY --from=base a /\n", contexts={name: "docker-image://r.io/x:1"})
    assert [(each.reference, each.via, each.context) for each in found.bases] == [
        ("r.io/x:1", "context", name)
    ] * 2


def test_named_context_replaces_a_stage_and_what_it_needs() -> None:
    text = "FROM a AS dep\nCOPY gone /\nFROM b\nCOPY --from=dep x /\n"
    found = build(text, contexts={"dep": "target:other"})
    assert [(each.reference, each.via) for each in found.bases] == [
        ("b", "from"),
        ("target:other", "context"),
    ]
    assert [each.source for each in found.reads] == ["x"]


def test_number_beats_a_named_context() -> None:
    found = build("FROM scratch\nFROM scratch\nCOPY --from=0 x /\n", contexts={"0": "dir"})
    assert found.reads[0].origin.stage == 0


def test_local_and_remote_contexts_are_read_not_pulled() -> None:
    found = build(
        "FROM ext\nCOPY --from=lib a /\nCOPY --from=web b /\n",
        contexts={"ext": "dir", "lib": "../lib", "web": "https://h.test/x.git"},
    )
    assert found.bases == ()
    assert [(each.kind, each.origin.kind, each.origin.name) for each in found.reads] == [
        ("from", "context", "ext"),
        ("copy", "context", "lib"),
        ("copy", "remote", "web"),
    ]


@pytest.mark.parametrize(
    ("lines", "args", "expected"),
    [
        ("ENV E=prod\nARG E=dev", {}, "dev"),
        ("ENV E=prod\nARG E", {}, "prod"),
        ("ENV E=prod\nARG E", {"E": "arg"}, "arg"),
        ("ARG E=dev\nENV E=prod", {"E": "arg"}, "prod"),
        ("ARG E=dev", {"E": ""}, ""),
        ("ARG A=1 E=$A", {}, "1"),
        ("ENV A=0\nENV A=1 E=$A", {}, "0"),
        ("ARG G\nARG E=$G", {}, "global"),
        ("ARG G=own\nARG E=$G", {}, "own"),
        ("ARG E='$G'", {}, "$G"),
        ("ENV E one two", {}, "one two"),
        ("ARG TARGETARCH\nARG E=$TARGETARCH", {}, "arm64"),
        ("ARG TARGETARCH=amd64\nARG E=$TARGETARCH", {}, "amd64"),
        ("ARG BUILDPLATFORM\nARG E=$BUILDPLATFORM", {}, "linux/amd64"),
        ("ARG TARGETSTAGE\nARG E=$TARGETSTAGE", {}, "last"),
        ("ARG E=$TARGETARCH", {}, ""),
        ("ARG X\nARG E=${X:-$PATH}", {}, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ],
)
def test_value_of_a_variable(lines: str, args: dict[str, str], expected: str) -> None:
    text = f"ARG G=global\nFROM scratch AS last\n{lines}\nCOPY f$E /\n"
    assert sources(text, args=args, platform=ARM) == [f"f{expected}"]


def test_values_pass_through_from_but_not_through_copy() -> None:
    text = (
        "FROM scratch AS a\nARG E=1\nENV F=2\nFROM a AS b\nCOPY $E$F /\nFROM scratch\nCOPY --from=b x$E /\n"
    )
    assert sources(text) == ["12", "x"]


def test_trigger_runs_in_the_child_with_its_variables_and_is_blamed_on_its_from() -> None:
    text = "FROM scratch AS a\nARG E=1\nONBUILD COPY $E /\nFROM a AS b\nFROM b\n"
    found = build(text)
    assert [(each.expanded, each.stage, each.line) for each in found.reads] == [("1", 1, 4)]


def test_trigger_span_is_in_the_onbuild_line() -> None:
    text = "FROM scratch AS a\nONBUILD COPY --from=img:1 x /\nFROM a\n"
    base = build(text).bases[1]
    assert base.span is not None
    assert (text[base.span.start : base.span.end], base.line) == ("img:1", 3)


def test_used_args_are_those_with_an_effect() -> None:
    text = "ARG REG=r\nARG IDLE=1\nFROM $REG/x AS a\nARG A\nARG B=2\nARG C\nFROM scratch AS b\nARG D=4\n"
    found = build(text, target="a", args={"A": "1", "NONE": "x", "HTTP_PROXY": "p", "D": "5"})
    assert [(each.name, each.value, each.origin) for each in found.args] == [
        ("REG", "r", "global"),
        ("A", "1", "build-arg"),
        ("B", "2", "default"),
    ]
    assert found.unused_args == ("NONE",)


def test_unset_variables_are_named_and_open_on_an_image() -> None:
    read = build("FROM python\nCOPY $HOME_DIR/x /\n").reads[0]
    assert (read.expanded, read.unset, read.open_env) == ("/x", frozenset({"HOME_DIR"}), True)


def test_failed_expansion_of_a_source_is_kept_with_the_source() -> None:
    reads = build("FROM scratch\nCOPY 'a ${X:?no} b /\n").reads
    assert [each.error is None for each in reads] == [False, False, True]


def test_destination_counts_from_workdir() -> None:
    text = "FROM scratch AS a\nWORKDIR /w\nWORKDIR x/../y\nFROM a\nCOPY f g/\nCOPY f /abs\nCOPY f .\n"
    steps = build(text).stages[1].steps
    assert [getattr(step, "destination", None) for step in steps] == ["/w/y/g/", "/abs", "/w/y/"]


def test_heredocs_are_no_context_reads() -> None:
    assert sources("FROM scratch\nCOPY <<A f <<B /d/\n1\nA\n2\nB\n") == ["f"]


def test_everything_is_there_for_a_file_that_does_not_parse() -> None:
    found = build("FROM a:1\nBAD\nFROM b:2\nCOPY --from=0 x /\n")
    assert [each.reference for each in found.bases] == ["a:1", "b:2"]
    with pytest.raises(DockerfileError, match="unknown instruction: BAD"):
        found.require_valid()
