"""Real BuildKit outcomes for COPY, ADD and mount sources and ignore files, decided without an engine.

The table beside this file stands alone; the larger one runs where it is present.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shipway.dockerfile.context import Context
from shipway.dockerfile.ignore import load_ignore
from shipway.dockerfile.parser import parse
from shipway.dockerfile.resolve import resolve
from shipway.dockerfile.resolved import Origin
from shipway.dockerfile.sources import SourceReport, read_sources
from shipway.dockerfile.trace import StageTree, Traced, copy_into, starting_tree
from shipway.dockerfile.tree import ContextTree
from shipway.values import Platform

HERE = Path(__file__).parent
SHARED = HERE.parents[3] / "shared" / "vectors" / "copy-sources.json"


@dataclass(frozen=True)
class Fault:
    reason: str
    source: str
    line: int
    path: str = ""
    nearest: str | None = None


def load(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text())["vectors"] if path.exists() else []


def lay(vector: dict[str, Any], root: Path) -> str:
    """Write the tree of a vector; returns the Dockerfile's path."""
    dockerfile = vector.get("opts", {}).get("dockerfile", "Dockerfile")
    context = root / vector.get("opts", {}).get("context", ".")
    context.mkdir(parents=True, exist_ok=True)
    texts = {dockerfile: vector["dockerfile"], **vector.get("files", {})}
    if "dockerfile_dockerignore" in vector:
        texts[f"{dockerfile}.dockerignore"] = vector["dockerfile_dockerignore"]
    for entry in vector["tree"]:
        name, arrow, target = entry.partition("->")
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if arrow:
            place.symlink_to(target)
        elif name.endswith("/"):
            place.mkdir(exist_ok=True)
        else:
            place.write_text("x\n")
    for name, text in texts.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode())
    if "dockerignore" in vector:
        (context / ".dockerignore").write_bytes(vector["dockerignore"].encode())
    return str(dockerfile)


def reports(vector: dict[str, Any], root: Path) -> tuple[list[Fault], list[SourceReport]]:
    """Every fault of a vector over its platforms, and what is read for each of them."""
    dockerfile = lay(vector, root)
    opts = vector.get("opts", {})
    context = opts.get("context", ".")
    main = Context(ContextTree(root / context), load_ignore(root, context, dockerfile))
    contexts = opts.get("contexts", {})
    named = {name: Context(ContextTree(root / at), load_ignore(root, at)) for name, at in contexts.items()}
    faults: list[Fault] = []
    found: list[SourceReport] = []
    for platform in opts.get("platform", "linux/amd64").split(","):
        build = resolve(
            parse((root / dockerfile).read_bytes(), dockerfile),
            target=opts.get("target"),
            args=opts.get("build_args", {}),
            platform=Platform.parse(platform),
            contexts=contexts,
        )
        faults += [Fault(each.reason, each.source, each.place.line) for each in build.problems]
        if build.problems:
            continue
        report = read_sources(build, main, named)
        found.append(report)
        faults += [Fault("ignore-file", each.pattern, each.place.line) for each in report.ignore_problems]
        faults += [
            Fault(str(each.reason), each.read.source, each.read.line, each.path, each.nearest)
            for each in report.failures
        ]
    return faults, found


def agrees(fault: Fault, wanted: dict[str, Any]) -> bool:
    if fault.reason not in {wanted["reason"], *wanted.get("accept", [])}:
        return False
    if fault.reason in ("syntax", "ignore-file"):
        return True
    return fault.source == wanted["source"] and fault.line == wanted.get("line", fault.line)


def check(vector: dict[str, Any], root: Path) -> None:
    faults, found = reports(vector, root)
    wanted = vector["expected"]
    if wanted["outcome"] == "ok":
        assert faults == []
    else:
        expected = [wanted, *wanted.get("also", [])]
        assert all(any(agrees(fault, each) for fault in faults) for each in expected), faults
        # several words of one line may fail in the same way; BuildKit names the first of them
        known = {(each["reason"], each.get("line")) for each in expected}
        others = [fault for fault in faults if (fault.reason, fault.line) not in known]
        assert all(any(agrees(fault, each) for each in expected) for fault in others), others
    if "path" in wanted:
        assert wanted["path"] in {fault.path for fault in faults}
    if "nearest" in wanted:
        assert wanted["nearest"] in {fault.nearest for fault in faults}
    if "files" in wanted:
        assert [report.files() for report in found] == [tuple(wanted["files"])] * len(found)


def built(vector: dict[str, Any], root: Path) -> list[str] | None:
    """The files of the image as traced from the COPYs; None where a trace cannot tell."""
    dockerfile = lay(vector, root)
    opts = vector.get("opts", {})
    build = resolve(
        parse((root / dockerfile).read_bytes(), dockerfile),
        target=opts.get("target"),
        args=opts.get("build_args", {}),
        platform=Platform.parse(opts.get("platform", "linux/amd64")),
    )
    context = opts.get("context", ".")
    main = Context(ContextTree(root / context), load_ignore(root, context, dockerfile))
    outcomes = iter(read_sources(build, main).outcomes)
    trees: dict[int, StageTree | None] = {}
    for stage in build.stages:
        tree = starting_tree(stage, trees)
        for step in stage.steps:
            found = [next(outcomes) for _ in getattr(step, "reads", ())]
            if tree is not None:
                places = [_place_of(each.read.origin, main, trees) for each in found]
                tree = copy_into(tree, step, [Traced(*pair) for pair in zip(found, places, strict=True)])
        trees[stage.stage.index] = tree
    tree = trees[build.target] if build.target is not None else None
    return None if tree is None else sorted(_listing(tree))


def _place_of(origin: Origin, main: Context, trees: dict[int, StageTree | None]) -> Context | None:
    if origin.kind == "main":
        return main
    tree = StageTree() if origin.name == "scratch" else trees.get(origin.stage)
    return Context(tree) if tree is not None else None


def _listing(tree: StageTree) -> list[str]:
    links = {path: f"{path}->{target}" for path, target in tree.targets.items()}
    return [links.get(path, path) for path in Context(tree).below("")]


BUILT = [
    vector
    for vector in load(SHARED)
    if "result" in vector["expected"] and not {"contexts", "platform"} & set(vector.get("opts", {}))
]


@pytest.mark.parametrize("vector", BUILT, ids=lambda vector: vector["id"])
def test_trace_holds_what_buildkit_built(vector: dict[str, Any], tmp_path: Path) -> None:
    assert built(vector, tmp_path) in (None, sorted(vector["expected"]["result"]))


@pytest.mark.parametrize(
    ("dockerfile", "files"),
    [
        ("COPY a.c /x\nCOPY d /x2\n", ["x", "x2/b.c", "x2/l->b.c"]),
        ("WORKDIR /w\nCOPY a.c d/b.c .\n", ["w/a.c", "w/b.c"]),
        ("COPY d/l /o/\nCOPY d/l /p\n", ["o/l", "p"]),
        ("COPY --parents d/b.c *.c /o/\n", ["o/a.c", "o/d/b.c"]),
        ("COPY <<one <<two /o/\n1\none\n2\ntwo\n", ["o/one", "o/two"]),
        ("WORKDIR /empty\n", ["empty/"]),
        ("COPY a.c /d\nCOPY d /d/e\n", None),
        ("COPY d/l* /o/\n", None),
        ("ADD a.c /x\n", None),
        ("ADD http://h.test/x /x\n", None),
        ('RUN ["x"]\n', None),
        ("COPY gone /x\n", None),
        ("COPY d /d\nCOPY a.c /d/l/x\n", None),
    ],
)
def test_trace_of_a_stage(dockerfile: str, files: list[str] | None, tmp_path: Path) -> None:
    vector = {"tree": ["a.c", "d/b.c", "d/l->b.c"], "dockerfile": f"FROM scratch\n{dockerfile}"}
    assert built(vector, tmp_path) == files


@pytest.mark.parametrize("vector", load(HERE / "source_vectors.json"), ids=lambda vector: vector["id"])
def test_decides_each_rule(vector: dict[str, Any], tmp_path: Path) -> None:
    check(vector, tmp_path)


@pytest.mark.parametrize("vector", load(SHARED), ids=lambda vector: vector["id"])
def test_decides_as_buildkit_did(vector: dict[str, Any], tmp_path: Path) -> None:
    check(vector, tmp_path)
