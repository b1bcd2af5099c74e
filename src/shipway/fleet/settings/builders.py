"""Settings of builders: who builds some platforms, beside the engine of this machine."""

from __future__ import annotations

from collections.abc import Mapping

from shipway.document import Node
from shipway.errors import ConfigError
from shipway.fleet.settings.section import Section, Setting, Table, mapping_schema, named, section_schema
from shipway.fleet.shapes import PATH, PLATFORMS, TEXT, Shape, choice

BUILDS_FOR = Setting(
    "platforms", PLATFORMS, "Platforms that this builder builds; no other builder gets them."
)
BUILDER_ENGINE = Setting(
    "engine",
    choice("buildkit", "docker", "buildah", "podman"),
    "What builds there: BuildKit at `address` or `buildx`, or an engine of this machine.",
    "buildkit",
)
ADDRESS = Setting(
    "address",
    TEXT,
    "Where BuildKit answers, as buildctl --addr takes it: tcp://HOST:PORT, unix://PATH, ssh://HOST,"
    " docker-container://NAME, kube-pod://NAME.",
)
BUILDX = Setting(
    "buildx", TEXT, "Name of a builder of docker buildx, with any driver, instead of an address."
)
DRIVER = Setting(
    "driver",
    TEXT,
    "Driver of buildx, such as docker-container: Shipway makes a builder with it, which reaches registries as"
    " this file tells.",
)
TLS_CA = Setting("ca", PATH, "PEM file with the authority of a BuildKit behind TLS.")
TLS_CERT = Setting("cert", PATH, "PEM file with the certificate that BuildKit knows us by.")
TLS_KEY = Setting("key", PATH, "PEM file with the key of that certificate.")
SERVER_NAME = Setting(
    "server-name", TEXT, "Name in BuildKit's certificate, where the address has another one."
)
_TLS: Table = (TLS_CA, TLS_CERT, TLS_KEY, SERVER_NAME)
BUILDER_TABLE: Table = (BUILDS_FOR, BUILDER_ENGINE, ADDRESS, BUILDX, DRIVER, *_TLS)


def _builders(node: Node, key: str) -> Mapping[str, Section]:
    sections = named(node, key, BUILDER_TABLE, "builder")
    for name, section in sections.items():
        if not section.get(BUILDS_FOR):
            raise ConfigError(
                f"the builder `{name}` needs `platforms`",
                place=section.place,
                help="write those that it runs natively, such as platforms: [linux/arm64]",
            )
        _check_place(name, section)
    return sections


def _check_place(name: str, section: Section) -> None:
    """Raise ConfigError unless it is told where the builder is, once, with what goes with that."""
    is_buildkit = (section.get(BUILDER_ENGINE) or BUILDER_ENGINE.default) == "buildkit"
    places = (ADDRESS, BUILDX, DRIVER)
    if is_buildkit and sum(section.has(setting) for setting in places) != 1:
        raise ConfigError(
            f"the builder `{name}` needs either `address`, `buildx` or `driver`",
            place=section.place,
            help="write where its BuildKit answers, such as address: tcp://arm.example:1234,"
            " or the name of a buildx builder",
        )
    for setting in places if not is_buildkit else ():
        if section.has(setting):
            raise ConfigError(
                f"`{setting.name}` goes with `engine: buildkit` only",
                place=section.place_of(setting),
                cause="other engines are those of this machine",
            )
    for extra in _TLS if not section.has(ADDRESS) else ():
        if section.has(extra):
            raise ConfigError(f"`{extra.name}` goes with `address` only", place=section.place_of(extra))


BUILDERS = Setting(
    "builders",
    Shape(
        "a mapping of names to builders",
        mapping_schema({**section_schema(BUILDER_TABLE), "required": [BUILDS_FOR.name]}),
        _builders,
    ),
    "Who builds which platforms; the engine of this machine builds all others.",
)
