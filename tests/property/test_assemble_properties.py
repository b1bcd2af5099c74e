"""Two checkouts of the same files give the same image, whatever their times, umasks and places."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from shipway.engines.assemble.builder import Assembler
from shipway.errors import CannotAssemble
from shipway.ports import BuildRequest
from shipway.testing.memory_registry import MemoryRegistry
from shipway.values import Platform, Reference

AMD64 = Platform.parse("linux/amd64")
TO = Reference("own.example", "shop/app")
NAMES = st.sampled_from(["a", "b", "c.txt", "d.md", "e-é", ".f"])
FOLDERS = st.sampled_from(["", "x/", "x/y/", "z/", "z/w/v/"])
TREES = st.dictionaries(
    st.builds("{}{}".format, FOLDERS, NAMES),
    st.tuples(st.binary(max_size=2000), st.booleans()),
    min_size=1,
    max_size=12,
)
SOURCES = st.sampled_from([".", "*", "x*", "z*/", "*.txt", "./", "[a-c]*"])
DESTINATIONS = st.sampled_from(["/", ".", "/srv/", "sub/deep/", "/srv/./x/"])
FLAGS = st.sampled_from(["", "--chown=5:6 ", "--chmod=755 ", "--link ", "--exclude=x "])
LINES = st.lists(
    st.one_of(
        st.builds("COPY {}{} {}".format, FLAGS, SOURCES, DESTINATIONS),
        st.builds("ADD {} {}".format, SOURCES, DESTINATIONS),
        st.sampled_from(["WORKDIR /w/x", "WORKDIR y", "ENV A=1", "USER 7", "LABEL l=1"]),
    ),
    min_size=1,
    max_size=6,
)


def check_out(files: dict[str, tuple[bytes, bool]], umask: int, time: int, backwards: bool) -> Path:
    """The files as somebody with this umask checks them out at this time."""
    root = Path(tempfile.mkdtemp(prefix="shipway-checkout-"))
    before = os.umask(umask)
    try:
        for name in sorted(files, reverse=backwards):
            content, is_executable = files[name]
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o777 if is_executable else 0o666)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.utime(path, (time, time))
    finally:
        os.umask(before)
    return root


def digest_of(root: Path, text: str, umask: int) -> str:
    """The digest of the manifest, or why there is none: ADD unpacks what looks like an archive."""

    async def build() -> str:
        with tempfile.TemporaryDirectory() as state:
            builder = Assembler(MemoryRegistry(), AMD64, Path(state))
            request = BuildRequest("app", text.encode(), root, AMD64, dockerfile_mode=0o666 & ~umask)
            return (await builder.build(request, TO, TO, lambda line: None)).descriptor.digest

    try:
        return asyncio.run(build())
    except CannotAssemble as refusal:
        return refusal.message


@settings(max_examples=25, deadline=None)
@given(
    files=TREES,
    lines=LINES,
    umasks=st.tuples(*2 * [st.sampled_from([0o000, 0o002, 0o022, 0o027, 0o077])]),
    times=st.tuples(*2 * [st.integers(0, 2_000_000_000)]),
)
def test_checkouts_of_the_same_files_give_the_same_digest(
    files: dict[str, tuple[bytes, bool]],
    lines: list[str],
    umasks: tuple[int, int],
    times: tuple[int, int],
) -> None:
    text = "\n".join(["FROM scratch", *lines, ""])
    roots = [
        check_out(files, umask, time, backwards)
        for umask, time, backwards in zip(umasks, times, (False, True), strict=True)
    ]
    try:
        first, second = (digest_of(root, text, umask) for root, umask in zip(roots, umasks, strict=True))
    finally:
        for root in roots:
            for path in sorted(root.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            root.rmdir()
    assert first == second
