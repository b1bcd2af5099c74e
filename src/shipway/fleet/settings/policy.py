"""Settings of checks, and what is asked of base images."""

from __future__ import annotations

import re
from collections.abc import Mapping

from shipway.dockerfile.patterns import is_well_formed
from shipway.document import Node
from shipway.errors import ConfigError
from shipway.fleet.settings.section import Section, Setting, Table, entry, section_schema, sectioned
from shipway.fleet.shapes import (
    GRADE,
    PATH,
    REGISTRY,
    SEVERITY,
    TEXT,
    TEXTS,
    Located,
    Shape,
    listed,
    wrong,
)
from shipway.place import Place

# --- what is asked of base images -----------------------------------------------------------------

BASE_PREFIX = Setting(
    "prefix", REGISTRY, "Registry and path of the fleet's own images; absent: `registry` of the fleet."
)
ALIASES = Setting(
    "aliases",
    listed(REGISTRY, "registries with an optional path"),
    "Other registries and paths that hold the same images; references to them are moved to `prefix`.",
)
ALLOW = Setting(
    "allow",
    TEXTS,
    "External images that may be built on, such as docker.io/library/*; `*` is any text; absent: all.",
)
LATEST = Setting("latest", GRADE, "How severe a base without a tag, or with `latest`, is.", "warning")
UNPINNED = Setting("unpinned", GRADE, "How severe a base without a digest is.", "off")
BASES_TABLE: Table = (BASE_PREFIX, ALIASES, ALLOW, LATEST, UNPINNED)


BASES = Setting("bases", sectioned(BASES_TABLE, "base images"), "What is asked of base images.")
POLICIES = Setting("policies", sectioned((BASES,), "the fleet's policies"), "What the fleet holds itself to.")

# --- what checks are told -------------------------------------------------------------------------

SELECTOR_PATTERN = "^[A-Z]{2}[0-9]{0,4}$"
_SELECTOR = re.compile(SELECTOR_PATTERN.removesuffix("$") + r"\Z")


def _selector(text: str, key: str, place: Place) -> str:
    if not _SELECTOR.match(text):
        raise ConfigError(
            f"{text!r} in `{key}` is no rule",
            place=place,
            help="write an id such as SW101, or SW1 for all of it",
        )
    return text


SELECTORS = listed(
    Shape(
        "a rule",
        {"type": "string", "pattern": SELECTOR_PATTERN},
        lambda node, key: _selector(TEXT.read(node, key), key, node.place),
    ),
    "rules such as SW101, or SW1 for a family",
)


def _severities(node: Node, key: str) -> Mapping[str, Located[str]]:
    if not node.is_mapping:
        raise wrong(node, key, "a mapping of rules to severities")
    return {
        _selector(name, key, node.key_place(name)): Located(SEVERITY.read(value, name), node.key_place(name))
        for name, value in node.mapping.items()
    }


RULE_IGNORE = Setting("ignore", SELECTORS, "Rules that do not count.")
RULE_SEVERITY = Setting(
    "severity",
    Shape(
        "a mapping of rules to severities",
        {
            "type": "object",
            "propertyNames": {"pattern": SELECTOR_PATTERN},
            "additionalProperties": SEVERITY.schema,
        },
        _severities,
    ),
    "Severities other than the rules' own: error, warning or info, by rule or family.",
)
RULE_TABLE: Table = (RULE_IGNORE, RULE_SEVERITY)


def _rule_paths(node: Node, key: str) -> Mapping[str, Section]:
    if not node.is_mapping:
        raise wrong(node, key, "a mapping of path patterns to settings of rules")
    found = {}
    for pattern, value in node.mapping.items():
        if not is_well_formed(pattern):
            raise ConfigError(f"{pattern!r} in `{key}` is no pattern", place=node.key_place(pattern))
        found[pattern] = entry(value, RULE_TABLE, f"`{pattern}`", node.key_place(pattern))
    return found


RULE_PATHS = Setting(
    "paths",
    Shape(
        "a mapping of path patterns to settings of rules",
        {"type": "object", "additionalProperties": section_schema(RULE_TABLE)},
        _rule_paths,
    ),
    "The same for some files, by pattern as in .dockerignore; the later one counts.",
)
BASELINE = Setting(
    "baseline", PATH, "File that lists known findings; absent: .shipway-baseline.json, if there."
)
CHECKS_TABLE: Table = (*RULE_TABLE, RULE_PATHS, BASELINE)
CHECKS = Setting(
    "checks", sectioned(CHECKS_TABLE, "checks"), "What shipway check tells, and how severe it is."
)
