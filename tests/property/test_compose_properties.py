"""Whatever a file holds: reading it ends with values, a ShipwayError or named problems, never otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shipway.document import Node, Plain, parse, parse_all
from shipway.errors import InvalidValue, ShipwayError
from shipway.fleet.discover.compose.reader import COMPOSE_NAMED
from shipway.fleet.discover.dotenv import parse_env
from shipway.fleet.discover.interpolate import interpolate
from shipway.fleet.discover.reader import Reader
from shipway.fleet.discover.skaffold import SKAFFOLD
from shipway.fleet.tree import FileTree

YAML_WORDS = st.one_of(
    st.sampled_from(list("ab{}[],'\"|>#~1$\n\t\r\x85\ufeff\x00")),
    st.sampled_from(
        [": ", "- ", "  ", "&x ", "*x", "<<", "!t ", "!!str ", "---\n", "...\n", "%YAML 1.2\n", "? "]
    ),
)
YAML_LIKE = st.one_of(st.text(), st.lists(YAML_WORDS, max_size=40).map("".join))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
TEMPLATES = st.lists(
    st.sampled_from(["$", "{", "}", "${", "A", "B_1", ":-", "-", ":?", "?", ":+", "+", " ", "$$", "x", "1"]),
    max_size=20,
).map("".join)
VARIABLES: st.SearchStrategy[Mapping[str, str]] = st.dictionaries(
    st.sampled_from(["A", "B_1"]), st.text(max_size=3)
)
SCALAR_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@given(st.one_of(YAML_LIKE, st.binary()))
@settings(max_examples=500)
def test_any_text_is_a_document_or_a_named_error(text: str | bytes) -> None:
    try:
        nodes = parse_all(text, "f")
    except ShipwayError as error:
        assert error.place is not None
        assert error.place.path == "f"
        return
    for node in nodes:
        node.plain()


@given(VALUES)
def test_what_another_writer_writes_is_read_back(value: Plain) -> None:
    written = yaml.safe_dump({"key": value}, allow_unicode=False)
    assert parse(written, "f").plain() == {"key": value}


@given(VALUES)
def test_every_place_lies_in_the_text(value: Plain) -> None:
    written = yaml.safe_dump({"key": value}, allow_unicode=False)
    lines = written.split("\n")

    def check(node: Node) -> None:
        assert 1 <= node.place.line <= len(lines)
        assert 1 <= node.place.column <= len(lines[node.place.line - 1]) + 1
        for child in (*node.mapping.values(), *node.sequence):
            check(child)

    check(parse(written, "f"))


@given(st.one_of(st.text(), TEMPLATES), VARIABLES)
@settings(max_examples=500)
def test_a_text_is_filled_in_or_refused(text: str, variables: Mapping[str, str]) -> None:
    try:
        done = interpolate(text, variables)
    except InvalidValue:
        return
    # With ``:?`` an empty value counts as none.
    assert all(SCALAR_NAME.match(unset.name) and not variables.get(unset.name) for unset in done.unset)


@given(st.text())
def test_a_text_with_its_dollars_doubled_stays_itself(text: str) -> None:
    assert interpolate(text.replace("$", "$$"), {}).text == text


@given(st.text(), st.text())
def test_a_value_is_never_filled_in_again(before: str, value: str) -> None:
    escaped = before.replace("$", "$$")
    assert interpolate(f"{escaped}${{A}}", {"A": value}).text == before + value


@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(["A", "=", "'", '"', "\\", "\n", "$B", "#", " ", "export "])).map("".join),
    )
)
def test_any_env_file_is_variables_or_a_named_error(text: str) -> None:
    try:
        values = parse_env(text, ".env", {"B": "b"})
    except ShipwayError as error:
        assert error.place is not None
        return
    assert all(values.keys())


WORDS = st.sampled_from(
    [
        "api",
        "web",
        ".",
        "../x",
        "$A",
        "${A:-x}",
        "${A",
        "service:api",
        "compose.yaml",
        "A=1",
        "a\x00b",
        "a/API",
    ]
)
LEAVES = st.one_of(
    WORDS, WORDS, st.lists(WORDS, max_size=2), st.dictionaries(WORDS, WORDS, max_size=2), SCALARS, VALUES
)


def shaped(keys: str, **required: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Mappings with the ``required`` keys and some of ``keys``, and seldom something else."""
    optional = dict.fromkeys(keys.split(), LEAVES)
    mapping = st.fixed_dictionaries(required, optional=optional)
    return st.integers(0, 9).flatmap(lambda number: mapping if number else VALUES)


def listed(entry: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(st.lists(entry, max_size=2), entry)


BUILD = st.one_of(
    shaped("context dockerfile target args labels additional_contexts tags platforms cache_from ssh"),
    shaped("context dockerfile_inline", secrets=listed(st.one_of(WORDS, shaped("source target")))),
    st.builds(lambda bake: {"x-bake": bake}, shaped("tags platforms contexts secret ssh cache-from")),
    WORDS,
)
SERVICE = shaped("image platform extends", build=BUILD)
COMPOSE_FILES = shaped(
    "name include",
    services=st.dictionaries(st.sampled_from(["api", "web"]), SERVICE, min_size=1),
    secrets=st.dictionaries(st.sampled_from(["api", "web"]), shaped("file environment")),
)
DOCKER = shaped("dockerfile target buildArgs cacheFrom ssh", secrets=listed(shaped("id src env")))
ARTIFACT = st.one_of(
    shaped("context platforms", image=WORDS, docker=DOCKER),
    shaped("context", image=WORDS, kaniko=DOCKER, requires=listed(shaped("alias", image=WORDS))),
)
ARTIFACTS = shaped("platforms", artifacts=st.lists(ARTIFACT, max_size=3))
PATCH = st.fixed_dictionaries(
    {"op": st.just("add"), "path": st.just("/build/artifacts/-"), "value": ARTIFACT}
)
SKAFFOLD_FILES = st.fixed_dictionaries(
    {"apiVersion": st.just("skaffold/v4beta1"), "build": ARTIFACTS},
    optional={
        "requires": listed(shaped("path git")),
        "profiles": listed(shaped("name", build=ARTIFACTS, patches=listed(PATCH))),
    },
)


def _assert_reads(reader: Reader, root: Path, name: str, content: object) -> None:
    (root / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    reading = reader.read([name], FileTree(root))
    assert all(problem.place.path and problem.message for problem in reading.problems)
    assert all(found.inputs.context and found.inputs.dockerfile for found in reading.declarations)


@given(COMPOSE_FILES)
@settings(max_examples=300, deadline=None)
def test_any_shape_of_a_compose_file_is_read(
    tmp_path_factory: pytest.TempPathFactory, content: object
) -> None:
    _assert_reads(COMPOSE_NAMED, tmp_path_factory.getbasetemp(), "compose.yaml", content)


@given(SKAFFOLD_FILES)
@settings(max_examples=300, deadline=None)
def test_any_shape_of_a_skaffold_file_is_read(
    tmp_path_factory: pytest.TempPathFactory, content: object
) -> None:
    _assert_reads(SKAFFOLD, tmp_path_factory.getbasetemp(), "skaffold.yaml", content)
