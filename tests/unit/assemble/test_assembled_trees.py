"""File trees that no engine of the contract test makes: newer flags, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from shipway.assemble.base import BaseImage
from shipway.assemble.nodes import Inline, Modes, Node
from shipway.assemble.root import Root
from shipway.assemble.sources import context_source
from shipway.assemble.stages import StageState, Task, absolute, assemble
from shipway.dockerfile.context import Context
from shipway.dockerfile.ignore import parse_ignore
from shipway.dockerfile.parser import parse
from shipway.dockerfile.resolve import resolve
from shipway.dockerfile.tree import ContextTree
from shipway.errors import CannotAssemble
from shipway.values import Platform, Reference

AMD64 = Platform.parse("linux/amd64")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt", "dir/c.txt", "dir/sub/d.txt", "dir/sub/e.md", "other/f.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
        (tmp_path / name).chmod(0o644)
    for directory in ("dir", "dir/sub", "other"):
        (tmp_path / directory).chmod(0o755)
    return tmp_path


def base_of(*entries: tuple[str, Node], **config: Any) -> BaseImage:
    root = Root()
    root.apply(entries)
    document = {"os": "linux", "architecture": "amd64", "config": config}
    return BaseImage(Reference.parse("r.example/base"), document, (), root)


def run(
    text: str, context: Path, base: BaseImage | None = None, ignore: bytes = b"", **args: str
) -> StageState:
    build = resolve(parse(text.encode(), "Dockerfile"), args=args)
    source = context_source(Context(ContextTree(context), parse_ignore(ignore, "ignore")), Modes())
    bases = {0: base} if base is not None else {}
    return assemble(Task(build, args, AMD64, source, bases=bases))


def paths(state: StageState) -> list[str]:
    """Every path of the last layer, directories with a slash."""
    return [path + "/" * (node.kind == "dir") for path, node in state.layers[-1]]


def content(state: StageState, path: str) -> bytes:
    node = state.files().get(path)
    assert node is not None and node.content is not None
    return b"".join(node.content.pieces())


def refusal(text: str, context: Path, base: BaseImage | None = None) -> str:
    with pytest.raises(CannotAssemble) as caught:
        run(text, context, base)
    return caught.value.message


# --- newer flags ----------------------------------------------------------------------------------


def test_heredocs_become_files(context: Path) -> None:
    text = "FROM scratch\nENV N=World\nCOPY <<A <<-'B' /d/\nHello \"$N\" '$N' ${NONE}.\nA\n\t\ttabs $N\nB\n"
    state = run(text, context)
    assert paths(state) == ["d/", "d/A", "d/B"]
    assert content(state, "d/A") == b"Hello \"World\" 'World' .\n"
    assert content(state, "d/B") == b"tabs $N\n"
    assert [oct(node.mode) for _, node in state.layers[-1]] == ["0o755", "0o644", "0o644"]


def test_a_heredoc_beside_a_file_comes_after_it(context: Path) -> None:
    state = run("FROM scratch\nCOPY <<a.txt a.txt --chown /d/\nx\na.txt\n".replace(" --chown", ""), context)
    assert content(state, "d/a.txt") == b"x\n"


def test_excluded_paths_count_from_each_source(context: Path) -> None:
    assert paths(run("FROM scratch\nCOPY --exclude=sub dir /d/\n", context)) == ["d/", "d/c.txt"]
    assert paths(run("FROM scratch\nCOPY --exclude=**/*.md dir /d/\n", context)) == [
        "d/",
        "d/c.txt",
        "d/sub/",
        "d/sub/d.txt",
    ]
    assert paths(run("FROM scratch\nCOPY --exclude=* --exclude=!sub/e.md dir /d/\n", context)) == [
        "d/",
        "d/sub/",
        "d/sub/e.md",
    ]
    assert paths(run("FROM scratch\nCOPY --exclude=a.txt a.txt /d/\n", context)) == ["d/", "d/a.txt"]


def test_parents_are_kept_from_the_pivot_on(context: Path) -> None:
    assert paths(run("FROM scratch\nCOPY --parents dir/sub/d.txt /x/\n", context)) == [
        *("x/", "x/dir/", "x/dir/sub/", "x/dir/sub/d.txt")
    ]
    assert paths(run("FROM scratch\nCOPY --parents dir/./sub/d.txt a.txt /x/\n", context)) == [
        *("x/", "x/a.txt", "x/sub/", "x/sub/d.txt")
    ]
    assert paths(run("FROM scratch\nCOPY --parents **/*.txt /x/\n", context)) == [
        *("x/", "x/a.txt", "x/b.txt", "x/dir/", "x/dir/c.txt", "x/dir/sub/", "x/dir/sub/d.txt"),
        *("x/other/", "x/other/f.txt"),
    ]
    assert "nothing to copy" in refusal("FROM scratch\nCOPY --parents dir/none /x/\n", context)


def test_a_linked_layer_stands_on_nothing(context: Path) -> None:
    base = base_of(("lib", Node("link", 0o777, target="usr/lib")), ("tmp", Node("dir", 0o1777, 3, 3)))
    state = run("FROM base\nCOPY --link a.txt /lib/\nCOPY --link b.txt /tmp/\n", context, base)
    assert [paths(state), [path for path, _ in state.layers[0]]] == [
        ["tmp/", "tmp/b.txt"],
        ["lib", "lib/a.txt"],
    ]
    assert dict(state.layers[1])["tmp"] == Node("dir", 0o755)
    assert state.files().get("lib") == Node("dir", 0o755)


def test_a_linked_layer_needs_no_files_of_the_base(context: Path) -> None:
    base = BaseImage(Reference.parse("r.example/base"), {"config": {"WorkingDir": "/w"}}, ())
    assert paths(run("FROM base\nCOPY --link --chown=5 a.txt x/\n", context, base)) == [
        "w/",
        "w/x/",
        "w/x/a.txt",
    ]
    assert "not known" in refusal("FROM base\nCOPY a.txt /\n", context, base)


def test_chmod_onto_directories_that_are_there(context: Path) -> None:
    state = run("FROM scratch\nCOPY --chmod=0711 a.txt /\nCOPY --chmod=755 dir /d/\n", context)
    assert state.files().get("a.txt") == Node("file", 0o711, content=dict(state.layers[0])["a.txt"].content)
    assert {oct(node.mode) for _, node in state.layers[1]} == {"0o755"}


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("COPY none /x", "line 2: COPY: there is nothing to copy: none: missing"),
        ("COPY a[ /x", "bad-pattern"),
        ("COPY --chmod=711 a.txt /new/", "engines differ about the mode"),
        ("COPY --chmod=u+x a.txt /", "not in octal"),
        ("COPY --chmod=17777 a.txt /", "not in octal"),
        ("COPY --chown=nobody a.txt /", "there is no 'nobody' in /etc/passwd"),
        ("COPY a.txt /f\nCOPY b.txt /f/g", "/f is no directory"),
        ("COPY a.txt /f\nWORKDIR /f/g", "/f is no directory"),
        ("COPY dir /d/\nCOPY a.txt /d/sub/\nCOPY clash /d/", "cannot be replaced by a file"),
        ("COPY dir /d/\nCOPY over /d/", "is no directory, and one shall be copied over it"),
        ("COPY pipe /d/", "is a device, a pipe or a socket"),
        ("COPY ${A:?needed} /d/", "cannot be expanded"),
        ("STOPSIGNAL NEVER", "'NEVER' is no signal"),
        ("EXPOSE 99999", "EXPOSE 99999"),
        ("HEALTHCHECK --interval=never CMD x", "no duration"),
    ],
)
def test_what_engines_refuse_or_differ_about_is_refused(lines: str, reason: str, context: Path) -> None:
    (context / "clash").mkdir()
    (context / "clash/sub").write_text("a file where a directory is")
    (context / "over/c.txt").mkdir(parents=True)
    (context / "over/c.txt/f").write_text("a directory where a file is")
    os.mkfifo(context / "pipe")
    assert reason in refusal(f"FROM scratch\n{lines}\n", context)


def test_content_that_only_the_base_has_is_not_copied_on(context: Path) -> None:
    root = Root()
    root.apply([("f", Node("file", 0o644))])
    base = BaseImage(Reference.parse("r.example/base"), {}, (), root)
    text = "FROM base AS one\nFROM scratch\nCOPY --from=one /f /\n"
    assert "/f of stage one comes from its base image" in refusal(text, context, base)


def test_a_loop_of_links_in_the_base_ends(context: Path) -> None:
    base = base_of(("a", Node("link", 0o777, target="b")), ("b", Node("link", 0o777, target="/a")))
    assert "form a loop" in refusal("FROM base\nCOPY a.txt /a/\n", context, base)


# --- what a base brings ---------------------------------------------------------------------------


def test_triggers_of_the_base_image_run_first(context: Path) -> None:
    base = base_of(OnBuild=["COPY a.txt /t/", 'ENV T="1 2"'], Env=["A=b"])
    state = run("FROM base\nENV U=$T\n", context, base)
    assert paths(state) == ["t/", "t/a.txt"]
    assert state.settings.config["Env"][0] == "A=b"
    assert state.settings.config["Env"][2:] == ["T=1 2", "U=1 2"]
    assert "OnBuild" not in state.settings.config
    assert "a trigger of ONBUILD: RUN: it needs a build engine" in refusal(
        "FROM base\n", context, base_of(OnBuild=["RUN x"])
    )
    assert "reads from elsewhere" in refusal("FROM base\n", context, base_of(OnBuild=["COPY --from=x /a /b"]))


def test_names_come_from_files_of_the_image_or_of_an_earlier_line(context: Path) -> None:
    (context / "passwd").write_text("app:x:7:8::/:/bin/sh\n")
    state = run("FROM scratch\nCOPY passwd /etc/\nCOPY --chown=app a.txt /x/\n", context)
    assert dict(state.layers[-1])["x/a.txt"].uid == 7
    assert dict(state.layers[-1])["x"].gid == 8
    held = base_of(
        ("etc", Node("dir", 0o755)), ("etc/passwd", Node("file", 0o644, content=Inline(b"u:x:1:2::")))
    )
    state = run("FROM base\nUSER u\nWORKDIR /w/x\n", context, held)
    assert {(node.uid, node.gid) for _, node in state.layers[-1]} == {(1, 2)}


def test_the_base_is_not_changed_by_who_builds_on_it(context: Path) -> None:
    base = base_of(("d", Node("dir", 0o755)), Env=["A=1"], Labels={"l": "1"})
    for _ in range(2):
        state = run("FROM base\nCOPY a.txt /d/\nENV B=2\nLABEL m=2\n", context, base)
        assert paths(state) == ["d/", "d/a.txt"]
    assert base.config == {"Env": ["A=1"], "Labels": {"l": "1"}}
    assert base.root is not None and base.root.get("d/a.txt") is None


# --- names and modes ------------------------------------------------------------------------------


def test_names_that_are_no_utf_8_survive(context: Path) -> None:
    Path(os.fsdecode(os.fsencode(context) + b"/dir/\xff\xfe")).write_text("odd")
    state = run("FROM scratch\nCOPY dir /d/\n", context)
    assert os.fsencode(paths(state)[-1]) == b"d/\xff\xfe"


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o027, 0o077])
def test_the_umask_of_a_checkout_does_not_show(umask: int) -> None:
    modes = Modes.like(0o666 & ~umask)
    assert modes.normal(0o666 & ~umask) == 0o644
    assert modes.normal(0o777 & ~umask) == 0o755
    assert modes.normal(0o4711) == 0o4711
    assert modes.normal(0o400) == 0o400


@pytest.mark.parametrize(
    ("path", "made"),
    [
        ("x", "/w/x"),
        ("x/", "/w/x/"),
        (".", "/w/"),
        ("", "/w/"),
        ("x/.", "/w/x/"),
        ("..", "/"),
        ("../..", "/"),
        ("/a//b/../c/", "/a/c/"),
        ("//a", "/a"),
        ("/", "/"),
    ],
)
def test_destinations_keep_their_slash(path: str, made: str) -> None:
    assert absolute("/w", path) == made


def test_directories_that_are_there_take_over_owner_and_mode_below_the_destination(context: Path) -> None:
    base = base_of(("d", Node("dir", 0o700, 3, 3)), ("d/sub", Node("dir", 0o711, 4, 4)))
    state = run("FROM base\nCOPY --chown=9:9 dir /d/\n", context, base)
    assert state.files().get("d") == Node("dir", 0o700, 3, 3)
    assert state.files().get("d/sub") == Node("dir", 0o755, 9, 9)


def test_links_of_the_base_are_followed_inside_the_image(context: Path) -> None:
    base = base_of(
        ("usr", Node("dir", 0o755)),
        ("usr/in", Node("link", 0o777, target="/opt/../var")),
        ("usr/up", Node("link", 0o777, target="../../../etc")),
    )
    assert paths(run("FROM base\nCOPY a.txt /usr/in/x/\n", context, base)) == [
        "var/",
        "var/x/",
        "var/x/a.txt",
    ]
    assert paths(run("FROM base\nWORKDIR /usr/up/y\n", context, base)) == ["etc/", "etc/y/"]
