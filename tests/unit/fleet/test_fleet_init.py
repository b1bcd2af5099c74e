from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jsonschema
import yaml

from shipway.fleet.init import render_fleet_file
from shipway.fleet.load import discover_fleet, load_fleet
from shipway.fleet.model import Fleet, Problem
from shipway.fleet.schema import schema_text
from shipway.place import Place

Write = Callable[..., Path]

COMPOSE = """\
services:
  api:
    image: ghcr.io/acme/shop/api:1.10
    build:
      context: .
      dockerfile: services/api/Dockerfile
      target: prod
      args: {A: "yes", B: "#1", TOKEN: }
      additional_contexts: {lib: "service:base", here: ./lib}
      labels: {"org.x": "a: b"}
      platforms: [linux/amd64, linux/arm/v7]
      tags: ["ghcr.io/acme/shop/api:latest"]
  base: {image: ghcr.io/acme/shop/base, build: base}
  far: {image: ghcr.io/acme/shop/far, build: "https://example.com/x.git#main"}
  inline:
    image: ghcr.io/acme/shop/inline
    build: {dockerfile_inline: "FROM alpine\\nRUN echo \\"hi\\"\\n"}
"""
FILES = {
    "compose.yaml": COMPOSE,
    "services/api/Dockerfile": "FROM lib AS prod\n",
    "base/Dockerfile": "FROM scratch\n",
    "lib/x": "",
}


def facts(fleet: Fleet) -> list[object]:
    return [
        (
            image.name,
            image.repository,
            image.tag,
            image.tags,
            image.inputs.context,
            image.inputs.inline or image.inputs.dockerfile,
            image.inputs.target,
            dict(image.inputs.args),
            dict(image.inputs.contexts),
            dict(image.inputs.labels),
            image.inputs.platforms,
            image.bases,
        )
        for image in fleet.images
    ]


def test_the_file_gives_the_images_that_were_discovered(repository: Write) -> None:
    root = repository(FILES)
    found = discover_fleet(root)
    text = render_fleet_file(found)
    jsonschema.validate(yaml.safe_load(text), yaml.safe_load(schema_text()))
    (root / "shipway.yaml").write_text(text)
    loaded = load_fleet(root)
    assert facts(loaded) == facts(found)
    assert len(loaded.images) == 4
    assert loaded.registry == "ghcr.io/acme/shop"
    assert loaded.problems == found.problems


def test_every_image_says_where_it_was_found_and_problems_are_told(repository: Write) -> None:
    text = render_fleet_file(
        discover_fleet(repository({"compose.yaml": "services:\n  api: {build: gone}\n"}))
    )
    assert text.startswith("# yaml-language-server: $schema=shipway.schema.json\n")
    assert "  # compose.yaml:2:3\n  api:\n    context: gone\n" in text
    assert "there is no directory gone (missing-context)" in text
    assert "# registry: registry.example.com/team\n" in text


def test_images_of_several_registries_keep_their_repositories(repository: Write) -> None:
    compose = "services:\n  a: {image: acme/a, build: a}\n  b: {image: ghcr.io/acme/b, build: b}\n"
    text = render_fleet_file(discover_fleet(repository({"compose.yaml": compose})))
    assert "repository: docker.io/acme/a" in text
    assert "repository: ghcr.io/acme/b" in text
    assert "# registry:" in text


def test_nothing_found_gives_a_file_to_start_from(repository: Write, tmp_path: Path) -> None:
    root = repository({"x": ""})
    (root / "shipway.yaml").write_text(render_fleet_file(discover_fleet(root)))
    assert load_fleet(root).images == ()


def test_links_follow_images_to_the_names_that_tell_them_apart(repository: Write) -> None:
    build = "{context: ., additional_contexts: {b: 'service:base'}}"
    compose = f"services:\n  base: {{build: base}}\n  api: {{build: {build}}}\n"
    one = {"compose.yaml": compose, "base/Dockerfile": "FROM scratch\n", "Dockerfile": "FROM b\n"}
    root = repository({f"{place}/{path}": text for place in ("x", "y") for path, text in one.items()})
    found = discover_fleet(root)
    text = render_fleet_file(found)
    (root / "shipway.yaml").write_text(f"discover: false\n{text}")
    loaded = load_fleet(root)
    assert [(image.name, [base.image for base in image.bases]) for image in loaded.images] == [
        ("x-base", [None]),
        ("x-api", ["x-base"]),
        ("y-base", [None]),
        ("y-api", ["y-base"]),
    ]


def test_comments_hold_no_character_that_ends_a_line_or_a_file(repository: Write) -> None:
    problem = Problem("odd", "a\nb\x00c\x85d\u2028e", Place("x.yaml", 1))
    text = render_fleet_file(Fleet((), (problem,)))
    assert "# - x.yaml:1: a b?c d e (odd)\n" in text
