"""Settings of builders: machines that build some platforms, beside the engine of this one."""

from __future__ import annotations

from collections.abc import Mapping

from shipway.document import Node
from shipway.errors import ConfigError
from shipway.fleet.settings.section import Section, Setting, Table, mapping_schema, named, section_schema
from shipway.fleet.shapes import PLATFORMS, TEXT, Shape, choice

BUILDER_ENGINE = Setting(
    "engine", choice("buildkit", "docker", "buildah", "podman"), "What builds there.", "buildkit"
)
ADDRESS = Setting(
    "address",
    TEXT,
    "Where BuildKit answers, as buildctl --addr takes it: tcp://HOST:PORT, unix://PATH, docker-container://NAME,"
    " kube-pod://NAME; other engines are those of this machine.",
)
BUILDS_FOR = Setting(
    "platforms", PLATFORMS, "Platforms that this builder builds; no other builder gets them."
)
BUILDER_TABLE: Table = (BUILDER_ENGINE, ADDRESS, BUILDS_FOR)


def _builders(node: Node, key: str) -> Mapping[str, Section]:
    sections = named(node, key, BUILDER_TABLE, "builder")
    for name, section in sections.items():
        remote = (section.get(BUILDER_ENGINE) or "buildkit") == "buildkit"
        if not section.get(BUILDS_FOR):
            raise ConfigError(
                f"the builder `{name}` needs `platforms`",
                place=section.place,
                help="write those that it runs natively, such as platforms: [linux/arm64]",
            )
        if remote and not section.has(ADDRESS):
            raise ConfigError(
                f"the builder `{name}` needs an `address`",
                place=section.place,
                help="write where its BuildKit answers, such as address: tcp://arm.example:1234",
            )
        if section.has(ADDRESS) and not remote:
            raise ConfigError(
                "`address` goes with `engine: buildkit` only",
                place=section.place_of(ADDRESS),
                cause="other engines cannot reach the staging registry from another machine",
            )
    return sections


BUILDERS = Setting(
    "builders",
    Shape(
        "a mapping of names to builders",
        mapping_schema({**section_schema(BUILDER_TABLE), "required": [BUILDS_FOR.name]}),
        _builders,
    ),
    "Who builds which platforms; the engine of this machine builds all others.",
)
