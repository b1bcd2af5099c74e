from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from shipway.errors import ConfigError
from shipway.fleet.file import declare, read_fleet_file
from shipway.fleet.schema import SCHEMA_FILE, schema_text
from shipway.fleet.settings.fleet import FLEET
from shipway.fleet.settings.image import IMAGE
from shipway.fleet.settings.sources import GROUP_TABLE, REPOSITORY_TABLE

ROOT = Path(__file__).parents[3]
VALIDATOR = jsonschema.Draft202012Validator(json.loads(schema_text()))

GOOD = [
    "{}",
    "registry: ghcr.io/acme/shop\ntag: '{branch}-{sha7}'\ntags: [latest, 1.0]\nversion: 2\n",
    "platforms: linux/amd64\ndiscover: false\n",
    "platforms: [linux/amd64, linux/arm/v7]\ndiscover: [compose.yaml]\n",
    "args: {A: 1, B: true, C: null, D: x}\nenv-files: [build.env]\nsecret-args: [D]\nlabels: {a: b}\n",
    "args: [A=1, B]\nlabels: [a=b]\n",
    "images: {api: {context: ., target: prod}, web: }\n",
    "images: [{name: api, context: .}]\n",
    "groups: {back: {tag: 0.1.18, images: [api]}, front: }\nimages: {api: {context: .}}\n",
    "repositories: {a: {path: ../a}, b: {git: 'https://h/x.git', ref: main, images: [api]}}\n",
]
BAD = [
    "[]",
    "unknown: 1",
    "tag: []",
    "tag: true",
    "tags: {a: b}",
    "platforms: [amd64]",
    "args: {A: [1]}",
    "args: 3",
    "args: ['=x']",
    "labels: {a: null}",
    "labels: [a]",
    "images: 3",
    "images: {api: .}",
    "images: {api: {contxt: .}}",
    "images: {'a b': {context: .}}",
    "images: [{context: .}]",
    "groups: {back: {context: .}}",
    "repositories: {a: {}}",
    "repositories: {a: {path: x, git: y}}",
    "repositories: {a: {path: x, ref: y}}",
    "repositories: {a: }",
    "discover: 3",
]


def test_the_published_schema_is_the_generated_one() -> None:
    assert (ROOT / SCHEMA_FILE).read_text() == schema_text()


def test_the_schema_is_valid_draft_2020_12() -> None:
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize("text", GOOD)
def test_schema_and_reader_accept_the_same(text: str) -> None:
    read_fleet_file(text, "shipway.yaml")
    VALIDATOR.validate(yaml.safe_load(text))


@pytest.mark.parametrize("text", BAD)
def test_schema_and_reader_refuse_the_same(text: str) -> None:
    with pytest.raises(ConfigError):
        read_fleet_file(text, "shipway.yaml")
    assert not VALIDATOR.is_valid(yaml.safe_load(text))


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/**/shipway.yaml")), ids=str)
def test_the_examples_are_valid(path: Path) -> None:
    VALIDATOR.validate(yaml.safe_load(path.read_text()))
    file = read_fleet_file(path.read_bytes(), "shipway.yaml")
    for name, section in (file.images or {}).items():
        declare(name, section, ".")


@pytest.mark.parametrize("table", [FLEET, IMAGE, GROUP_TABLE, REPOSITORY_TABLE])
def test_every_setting_is_declared_once_and_described(table: tuple[object, ...]) -> None:
    names = [setting.name for setting in table]  # type: ignore[attr-defined]
    assert len(set(names)) == len(names)
    assert all(setting.description.endswith(".") for setting in table)  # type: ignore[attr-defined]
