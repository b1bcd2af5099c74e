"""Whatever stands in a fleet file: a clear error or a fleet; and what ``init`` writes reads back."""

from __future__ import annotations

import json
import string
import tempfile
from pathlib import Path

import jsonschema
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shipway.errors import ConfigError
from shipway.fleet.file import read_fleet_file
from shipway.fleet.implied import default_repository
from shipway.fleet.init import render_fleet_file
from shipway.fleet.load import load_fleet
from shipway.fleet.model import BuildInputs, Declaration, Fleet, Image, Problem
from shipway.fleet.schema import schema_text
from shipway.fleet.settings.fleet import FLEET
from shipway.fleet.settings.image import IMAGE
from shipway.fleet.settings.sources import GROUP_TABLE, REPOSITORY_TABLE
from shipway.place import Place
from shipway.values import Platform

VALIDATOR = jsonschema.Draft202012Validator(json.loads(schema_text()))

KEYS = sorted(
    {setting.name for setting in (*FLEET, *IMAGE, *GROUP_TABLE, *REPOSITORY_TABLE)} | {"name", "nope"}
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.sampled_from(["", "a", "a/b", "linux/amd64", "A=1", "x y"]),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([*KEYS, "api", "web"]), inner, max_size=4),
    ),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.sampled_from(KEYS), TREES, max_size=4)


@given(DOCUMENTS)
@settings(max_examples=150, deadline=None)
def test_what_the_schema_refuses_is_refused_with_a_place(document: object) -> None:
    try:
        read_fleet_file(json.dumps(document), "shipway.json")
    except ConfigError as error:
        assert error.place is not None
    else:
        VALIDATOR.validate(document)


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_any_text_is_a_fleet_file_or_a_clear_error(text: str) -> None:
    try:
        read_fleet_file(text, "shipway.yaml")
    except ConfigError as error:
        assert error.message


NAMES = st.text(string.ascii_letters + string.digits + "._", min_size=1, max_size=8).filter(
    lambda text: text[0] not in "._"
)
PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8) | st.sampled_from(
    [
        "yes",
        "null",
        "1.10",
        "a: b",
        "# x",
        "{a}",
        "'",
        '"',
        "\n",
        "\t",
        "~",
        "\x85",
        "\u2028",
        "\U0001f6a2",
        "- a",
    ]
)
SOME = PRINTABLE.filter(bool)
PATHS = st.sampled_from([".", "a", "a/b", "services/api", "../other", "x y", "- z", "#", "null"])
ARG_NAMES = st.text(string.ascii_uppercase, min_size=1, max_size=3)
LABELS = st.dictionaries(SOME, PRINTABLE, max_size=2)
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,5}", fullmatch=True)
INPUTS = st.builds(
    BuildInputs,
    dockerfile=PATHS.map(lambda path: f"{path}/Dockerfile".removeprefix("./")),
    context=PATHS | st.just("https://example.com/x.git#main"),
    target=st.none() | SOME,
    args=st.dictionaries(ARG_NAMES, st.none() | PRINTABLE, max_size=2),
    contexts=st.dictionaries(
        SOME, st.sampled_from(["lib", "docker-image://alpine", "target:i0"]), max_size=2
    ),
    platforms=st.lists(
        st.sampled_from([Platform("linux", "amd64"), Platform("linux", "arm", "v7")]), unique=True
    ).map(tuple),
    labels=LABELS,
    secrets=st.lists(SOME, max_size=2).map(tuple),
    ssh=st.lists(SOME, max_size=1).map(tuple),
    cache_from=st.lists(SOME, max_size=1).map(tuple),
    cache_to=st.lists(SOME, max_size=1).map(tuple),
    inline=st.none() | SOME,
    secret_args=st.frozensets(ARG_NAMES, max_size=2),
)


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    images = []
    for name in draw(st.lists(NAMES, max_size=3, unique=True)):
        inputs = draw(INPUTS)
        place = Place(draw(SOME), 1)
        repository = draw(st.none() | st.sampled_from(["ghcr.io/acme/shop/x", "docker.io/acme/y"]))
        image = Image(
            name,
            inputs,
            repository or draw(st.none() | st.just(default_repository("ghcr.io/acme", name))),
            draw(st.none() | TAGS),
            tuple(draw(st.lists(TAGS, max_size=2))),
            declarations=(Declaration("compose", name, place, inputs),),
        )
        images.append(image)
    problems = tuple(
        Problem("x", draw(PRINTABLE), Place(draw(SOME), 1)) for _ in range(draw(st.integers(0, 2)))
    )
    return Fleet(tuple(images), problems, {"": "."})


def facts(image: Image) -> tuple[object, ...]:
    inputs = image.inputs
    return (
        image.name,
        image.repository,
        image.tag,
        image.tags,
        inputs.context,
        inputs.inline or inputs.dockerfile,
        inputs.target,
        dict(inputs.args),
        dict(inputs.contexts),
        inputs.platforms,
        dict(inputs.labels),
        (inputs.secrets, inputs.ssh, inputs.cache_from, inputs.cache_to),
        inputs.secret_args,
    )


@given(fleets())
@settings(max_examples=100, deadline=None)
def test_what_is_written_reads_back_as_the_same_images(fleet: Fleet) -> None:
    text = render_fleet_file(fleet)
    VALIDATOR.validate(yaml.safe_load(text) or {})
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "shipway.yaml").write_text(text, encoding="utf-8")
        loaded = load_fleet(Path(directory))
    assert [facts(image) for image in loaded.images] == [facts(image) for image in fleet.images]
