"""A fingerprint covers what a build reads and nothing else: every kind of change, and generated contexts."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet
from shipway.planning.collect import collect
from shipway.planning.inputs import Inputs
from shipway.values import Platform

AMD64 = Platform("linux", "amd64")
ARM64 = Platform("linux", "arm64")
DOCKERFILE = """\
FROM docker.io/library/alpine:3.20 AS build
ARG MODE=fast
ARG TARGETARCH
ARG SOURCE_DATE_EPOCH
COPY --chmod=644 src/ /src/
RUN --mount=type=bind,source=conf,target=/conf --mount=type=secret,id=npm make
FROM scratch
COPY --from=build /src /src
COPY --from=shared lib /lib
COPY entry link /
"""
FLEET = """\
registry: registry.test/acme
images:
  api:
    context: ctx
    args: {MODE: slow}
    contexts: {shared: shared}
    secrets: ["id=npm,src=npmrc"]
    labels: {team: shop}
"""


def write(root: Path) -> None:
    files = {
        "shipway.yaml": FLEET,
        "npmrc": "token",
        "shared/lib/a.py": "a",
        "shared/unread": "u",
        "ctx/Dockerfile": DOCKERFILE,
        "ctx/.dockerignore": "**/*.log\n",
        "ctx/src/main.py": "main",
        "ctx/src/deep/er/x.py": "x",
        "ctx/src/noise.log": "1",
        "ctx/conf/settings": "s",
        "ctx/entry": "#!/bin/sh\n",
        "ctx/unread.txt": "u",
    }
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "ctx/entry").chmod(0o755)
    (root / "ctx/link").symlink_to("src/main.py")
    (root / "ctx/src/out").symlink_to("../../../outside")


def inputs_of(root: Path, environ: dict[str, str] | None = None, native: Platform = AMD64) -> Inputs:
    builds = Builds()
    fleet = load_fleet(root, builds=builds)
    collected = collect(fleet, [image.name for image in fleet.images], environ or {}, native, builds)
    assert collected.blockers == ()
    return collected.inputs["api"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "repo")
    return tmp_path / "repo"


def edit(path: str, before: str, after: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        text = (root / path).read_text()
        assert before in text
        (root / path).write_text(text.replace(before, after))

    return change


def link_to(target: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        (root / "ctx/link").unlink()
        (root / "ctx/link").symlink_to(target)

    return change


UNREAD: dict[str, Callable[[Path], object]] = {
    "unrelated-file": lambda root: (root / "ctx/unread.txt").write_text("other"),
    "added-outside-of-copy": lambda root: (root / "ctx/added.txt").write_text("new"),
    "unread-of-named-context": lambda root: (root / "shared/unread").write_text("other"),
    "ignored-file": lambda root: (root / "ctx/src/noise.log").write_text("2"),
    "ignore-file-excludes-nothing-read": edit("ctx/.dockerignore", "log", "log\n*.tmp"),
    "mtime": lambda root: os.utime(root / "ctx/entry", (1, 1)),
    "umask-077": lambda root: [(root / "ctx/entry").chmod(0o700), (root / "ctx/src/main.py").chmod(0o600)],
    "umask-002": lambda root: [(root / "ctx/entry").chmod(0o775), (root / "ctx/src").chmod(0o2775)],
    "comment": edit("ctx/Dockerfile", "ARG MODE", "# a comment\nARG MODE"),
    "layout": edit("ctx/Dockerfile", "COPY entry link /", "copy entry \\\n   link /"),
    "unreachable-stage": edit("ctx/Dockerfile", "FROM scratch", "FROM a\nCOPY unread.txt /\nFROM scratch"),
    "comment-in-the-fleet-file": edit("shipway.yaml", "images:", "# images\nimages:"),
    "value-of-a-secret": lambda root: (root / "npmrc").write_text("another token"),
    "place-of-a-secret": edit("shipway.yaml", "src=npmrc", "src=/home/me/.npmrc"),
    "content-outside-behind-a-link": lambda root: (root.parent / "outside").write_text("of the machine"),
    "revision-label": edit("shipway.yaml", "team: shop", "team: shop, org.opencontainers.image.revision: a"),
    "created-label": edit("shipway.yaml", "team: shop", "team: shop, org.opencontainers.image.created: now"),
    "epoch": edit("shipway.yaml", "MODE: slow", 'MODE: slow, SOURCE_DATE_EPOCH: "17"'),
    "arg-that-nothing-declares": edit("shipway.yaml", "MODE: slow", "MODE: slow, OTHER: x"),
    "proxy": edit("shipway.yaml", "MODE: slow", "MODE: slow, HTTP_PROXY: http://proxy.test"),
    "context-that-nothing-reads": edit("shipway.yaml", "shared: shared", "shared: shared, other: ctx"),
    "tag": edit("shipway.yaml", "images:", "tag: '9'\nimages:"),
    "renamed-dockerfile": lambda root: [
        (root / "ctx/Dockerfile").rename(root / "ctx/Containerfile"),
        edit("shipway.yaml", "context: ctx", "context: ctx\n    dockerfile: ctx/Containerfile")(root),
    ],
}  # fmt: skip

READ: dict[str, Callable[[Path], object]] = {
    "byte": lambda root: (root / "ctx/src/main.py").write_text("maim"),
    "byte-of-a-mount": lambda root: (root / "ctx/conf/settings").write_text("t"),
    "byte-of-a-named-context": lambda root: (root / "shared/lib/a.py").write_text("b"),
    "executable-bit": lambda root: (root / "ctx/entry").chmod(0o644),
    "setuid-bit": lambda root: (root / "ctx/entry").chmod(0o4755),
    "renamed-file": lambda root: (root / "ctx/src/deep/er/x.py").rename(root / "ctx/src/deep/er/y.py"),
    "added-file": lambda root: (root / "ctx/src/new.py").write_text(""),
    "added-empty-directory": lambda root: (root / "ctx/src/empty").mkdir(),
    "removed-file": lambda root: (root / "ctx/src/deep/er/x.py").unlink(),
    "link-target": link_to("src/deep/er/x.py"),
    "target-of-a-link-that-leads-out": lambda root: [
        (root / "ctx/src/out").unlink(),
        (root / "ctx/src/out").symlink_to("../../../elsewhere"),
    ],
    "ignore-file-excludes-what-is-read": lambda root: (root / "ctx/.dockerignore").write_text("**/x.py\n"),
    "instruction": edit("ctx/Dockerfile", "make\n", "make all\n"),
    "json-form": edit("ctx/Dockerfile", "COPY entry link /", 'COPY ["entry", "link", "/"]'),
    "syntax": edit("ctx/Dockerfile", "FROM docker.io", "# syntax=docker/dockerfile:1.7-labs\nFROM docker.io"),
    "arg": edit("shipway.yaml", "MODE: slow", "MODE: slower"),
    "target": edit("shipway.yaml", "context: ctx", "context: ctx\n    target: build"),
    "platform": edit("shipway.yaml", "context: ctx", "context: ctx\n    platforms: [linux/arm64]"),
    "another-platform": edit("shipway.yaml", "args:", "platforms: [linux/amd64, linux/arm64]\n    args:"),
    "label": edit("shipway.yaml", "team: shop", "team: web"),
    "base": edit("ctx/Dockerfile", "alpine:3.20", "alpine:3.21"),
    "secret-id": edit("shipway.yaml", "id=npm,", "id=pypi,"),
    "ssh": edit("shipway.yaml", "labels:", "ssh: [default]\n    labels:"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(UNREAD))
def test_what_a_build_does_not_read_changes_nothing(root: Path, name: str) -> None:
    before = inputs_of(root)
    UNREAD[name](root)
    assert inputs_of(root) == before


@pytest.mark.parametrize("name", sorted(READ))
def test_what_a_build_reads_changes_the_fingerprint(root: Path, name: str) -> None:
    before = inputs_of(root)
    READ[name](root)
    assert inputs_of(root).fingerprint != before.fingerprint


def test_another_checkout_in_another_order_has_the_same_fingerprint(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "clone"
    for path in sorted((each for each in root.rglob("*") if not each.is_dir()), reverse=True):
        place = other / path.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place, follow_symlinks=False)
        if not path.is_symlink():
            place.chmod(0o700 if path.stat().st_mode & 0o100 else 0o600)
    assert inputs_of(other) == inputs_of(root)


def test_the_order_of_platforms_does_not_count(root: Path) -> None:
    (root / "ctx/Dockerfile").write_text(
        "FROM scratch AS amd64\nCOPY entry /\nFROM scratch AS arm64\nCOPY link /\nFROM $TARGETARCH\n"
    )
    edit("shipway.yaml", "context: ctx", "context: ctx\n    platforms: [linux/arm64, linux/amd64]")(root)
    before = inputs_of(root)
    edit("shipway.yaml", "[linux/arm64, linux/amd64]", "[linux/amd64, linux/arm64]")(root)
    assert inputs_of(root) == before


def test_an_image_without_platforms_counts_for_the_platform_it_is_built_for(root: Path) -> None:
    assert inputs_of(root, native=ARM64).fingerprint != inputs_of(root).fingerprint


@pytest.mark.parametrize("architecture", ["amd", "arm"])
def test_an_arg_that_differs_for_one_platform_counts(root: Path, architecture: str) -> None:
    text = "ARG FLAVOUR=${{TARGETARCH/{}/x}}\nFROM scratch\nARG FLAVOUR\nCOPY entry /$FLAVOUR\n"
    (root / "ctx/Dockerfile").write_text(text.format(architecture))
    edit("shipway.yaml", "context: ctx", "context: ctx\n    platforms: [linux/amd64, linux/arm64]")(root)
    before = inputs_of(root)
    (root / "ctx/Dockerfile").write_text(text.format("mips"))
    assert inputs_of(root).fingerprint != before.fingerprint


def test_an_arg_from_the_environment_counts_with_its_value(root: Path) -> None:
    edit("shipway.yaml", "{MODE: slow}", "[MODE]")(root)
    one, two = inputs_of(root, {"MODE": "a"}), inputs_of(root, {"MODE": "b", "OTHER": "x"})
    assert one.fingerprint != two.fingerprint
    assert inputs_of(root, {"MODE": "a", "HOME": "/other"}) == one


def test_nothing_of_a_secret_arg_is_kept_not_even_within_another(root: Path) -> None:
    (root / "ctx/Dockerfile").write_text(
        "ARG TOKEN\nARG INDEX=https://${TOKEN#ca}@pypi\nFROM scratch\nARG TOKEN INDEX\nCOPY entry /\n"
    )
    edit("shipway.yaml", "{MODE: slow}", "{TOKEN: canary}\n    secret-args: [TOKEN]")(root)
    before = inputs_of(root)
    assert b"nary" not in before.encode()
    edit("shipway.yaml", "TOKEN: canary", "TOKEN: canary2")(root)
    assert inputs_of(root) == before


def test_files_outside_of_the_context_never_enter(root: Path) -> None:
    (root.parent / "outside").write_text("a secret of the machine")
    files = inputs_of(root).files
    assert files["src/out"] == "link:../../../outside"
    assert sorted(files) == sorted(
        ["conf/settings", "entry", "link", "shared:lib/a.py", "src/deep/er/x.py", "src/main.py", "src/out"]
    )


def test_a_source_that_leads_out_of_the_context_is_refused(root: Path) -> None:
    (root.parent / "outside").write_text("a secret of the machine")
    edit("ctx/Dockerfile", "COPY entry link /", "COPY entry src/out /")(root)
    builds = Builds()
    collected = collect(load_fleet(root, builds=builds), ["api"], {}, AMD64, builds)
    assert [blocker.line for blocker in collected.blockers] == [10]
    assert "outside" not in collected.inputs["api"].files


def test_what_only_the_base_can_name_counts_as_the_whole_context(root: Path) -> None:
    (root / "ctx/Dockerfile").write_text("FROM docker.io/acme/with-env:1\nCOPY ${APP}entry /\n")
    before = inputs_of(root)
    (root / "ctx/unread.txt").write_text("other")
    assert inputs_of(root).fingerprint != before.fingerprint


def test_what_a_base_of_the_fleet_defers_to_its_children_is_read_by_them(root: Path) -> None:
    (root / "base").mkdir()
    (root / "base/Dockerfile").write_text("FROM scratch\nONBUILD COPY unread.txt /\n")
    (root / "ctx/Dockerfile").write_text("FROM registry.test/acme/base\nCOPY entry /\n")
    (root / "shipway.yaml").write_text(
        "registry: registry.test/acme\nimages:\n  base: {context: base}\n  api: {context: ctx}\n"
    )
    before = inputs_of(root)
    (root / "ctx/unread.txt").write_text("other")
    assert inputs_of(root).fingerprint != before.fingerprint


def test_an_image_layout_counts_by_its_index(root: Path) -> None:
    (root / "layout").mkdir()
    (root / "layout/index.json").write_text("{}")
    edit("shipway.yaml", "shared: shared", "shared: shared, below: 'oci-layout://layout'")(root)
    edit("ctx/Dockerfile", "FROM scratch", "FROM below")(root)
    before = inputs_of(root)
    (root / "layout/index.json").write_text('{"manifests": []}')
    assert inputs_of(root).fingerprint != before.fingerprint


NAMES = st.text("abc.-", min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))
FILES = st.dictionaries(NAMES, st.binary(max_size=4), max_size=5)


@settings(max_examples=60, deadline=None)
@given(read=FILES, unread=FILES, other_read=FILES, other_unread=FILES)
def test_two_contexts_agree_exactly_where_what_is_read_agrees(
    read: dict[str, bytes],
    unread: dict[str, bytes],
    other_read: dict[str, bytes],
    other_unread: dict[str, bytes],
) -> None:
    def made(name: str, files: dict[str, bytes], others: dict[str, bytes], names: list[str]) -> Inputs:
        root = Path(directory) / name
        for folder, content in (("src", files), ("doc", others)):
            (root / "ctx" / folder).mkdir(parents=True)
            for each in names:
                if each in content:
                    (root / "ctx" / folder / each).write_bytes(content[each])
        (root / "ctx/Dockerfile").write_text("FROM scratch\nCOPY src /src\n")
        (root / "shipway.yaml").write_text("images: {api: {context: ctx}}\n")
        return inputs_of(root)

    names = sorted({*read, *unread, *other_read, *other_unread})
    with tempfile.TemporaryDirectory() as directory:
        first = made("one", read, unread, names)
        second = made("two", other_read, other_unread, names[::-1])
    assert (first.fingerprint == second.fingerprint) == (read == other_read)
