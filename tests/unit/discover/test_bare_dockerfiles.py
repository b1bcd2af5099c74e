"""Dockerfiles that nothing declares are images too, with the context that their sources tell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from shipway.fleet.discover.dockerfiles import DOCKERFILES
from shipway.fleet.model import Declaration, Problem, Reading
from shipway.fleet.tree import FileTree
from shipway.place import Place


def read(root: Path, files: Mapping[str, str]) -> Reading:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tree = FileTree(root)
    return DOCKERFILES.read(DOCKERFILES.finds(tree), tree)


def one(root: Path, files: Mapping[str, str]) -> Declaration:
    reading = read(root, files)
    assert reading.problems == ()
    (declaration,) = reading.declarations
    return declaration


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Dockerfile", "shop"),
        ("Dockerfile.worker", "worker"),
        ("Dockerfile-dev", "dev"),
        ("Containerfile", "shop"),
        ("Containerfile.x", "x"),
        ("docker/Dockerfile", "shop"),
        ("api/Dockerfile", "api"),
        ("services/api/docker/Dockerfile", "api"),
        ("services/api/Dockerfile.dev", "api-dev"),
        ("docker/api.Dockerfile", "api"),
        ("docker/api.dockerfile", "api"),
        (".devcontainer/Dockerfile", "devcontainer"),
    ],
)
def test_an_image_is_named_after_its_file_or_directory(tmp_path: Path, path: str, name: str) -> None:
    root = tmp_path / "Shop"
    root.mkdir()
    found = one(root, {path: "FROM scratch\n"})
    assert (found.kind, found.name, found.place, found.inputs.dockerfile) == (
        "dockerfile",
        name,
        Place(path, 1),
        path,
    )


@pytest.mark.parametrize(
    "path",
    [
        "Dockerfile.dockerignore",
        "Dockerfile.j2",
        "Dockerfile.rego",
        "api.Dockerfile.tmpl",
        "Dockerfile.md",
        "Dockerfiles",
        "myDockerfile",
    ],
)
def test_other_files_are_no_dockerfiles(tmp_path: Path, path: str) -> None:
    assert read(tmp_path, {path: "FROM scratch\n"}) == Reading()


def test_what_is_copied_tells_the_context(tmp_path: Path) -> None:
    files = {
        "a/own/Dockerfile": "FROM scratch\nCOPY here.txt /\n",
        "a/own/here.txt": "",
        "a/root/Dockerfile": "FROM scratch\nCOPY a/own /\n",
        "a/between/Dockerfile": "FROM scratch\nCOPY own/here.txt between /\n",
        "a/all/Dockerfile": "FROM scratch\nCOPY . /\n",
        "a/none/Dockerfile": "FROM scratch\nRUN true\n",
    }
    reading = read(tmp_path, files)
    assert {found.name: found.inputs.context for found in reading.declarations} == {
        "own": "a/own",
        "root": ".",
        "between": "a",
        "all": "a/all",
        "none": "a/none",
    }
    assert reading.problems == ()


def test_only_what_the_build_reads_of_its_context_counts(tmp_path: Path) -> None:
    text = """FROM scratch AS unused
COPY nowhere /
FROM scratch AS tools
COPY src /
FROM alpine
ADD https://example.com/x /
COPY --from=tools /nowhere /
COPY $FROM_THE_BASE/x /
COPY src /src
"""
    assert one(tmp_path, {"a/Dockerfile": text, "src/x": ""}).inputs.context == "."


def test_what_is_ignored_is_not_in_a_context(tmp_path: Path) -> None:
    files = {"a/Dockerfile": "FROM scratch\nCOPY x /\n", "a/x": "", "x": "", "a/.dockerignore": "x\n"}
    assert one(tmp_path, files).inputs.context == "."
    files = {"a/Dockerfile.dockerignore": "", **files}
    assert one(tmp_path, files).inputs.context == "a"


def test_the_ignore_file_of_one_dockerfile_is_not_that_of_another(tmp_path: Path) -> None:
    text = "FROM scratch\nCOPY x /\n"
    files = {f"a/{name}": text for name in ("one.Dockerfile", "three.Dockerfile", "two.Dockerfile")}
    files |= {"a/x": "", "a/three.Dockerfile.dockerignore": "x\n"}
    assert [problem.place.path for problem in read(tmp_path, files).problems] == ["a/three.Dockerfile"]


def test_a_context_that_nothing_tells_is_a_problem(tmp_path: Path) -> None:
    reading = read(tmp_path, {"a/Dockerfile": "FROM scratch\nCOPY x \\\n  y /\n", "a/x": ""})
    assert reading.declarations[0].inputs.context == "a"
    message = "no directory from a up to the root holds all that is copied; a lacks y"
    assert reading.problems == (Problem("context-unknown", message, Place("a/Dockerfile", 2)),)


@pytest.mark.parametrize(
    ("files", "context"),
    [
        (["x", "y"], "."),
        (["a/b/x", "x", "y"], "."),
        (["a/x", "a/y", "x"], "a"),
        (["a/b/x", "y"], "a/b"),
        ([], "a/b"),
    ],
)
def test_where_no_context_holds_everything_it_is_the_one_that_lacks_least(
    tmp_path: Path, files: list[str], context: str
) -> None:
    text = "FROM scratch\nCOPY x y gone /o/\n"
    reading = read(tmp_path, {"a/b/Dockerfile": text, **dict.fromkeys(files, "")})
    assert reading.declarations[0].inputs.context == context
    assert [problem.kind for problem in reading.problems] == ["context-unknown"]


def test_a_file_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/Dockerfile").symlink_to("/nowhere")
    reading = read(tmp_path, {"b/Dockerfile": "FROM scratch\n"})
    assert [found.name for found in reading.declarations] == ["b"]
    assert [(problem.kind, problem.place.path) for problem in reading.problems] == [
        ("unreadable-file", "a/Dockerfile")
    ]
