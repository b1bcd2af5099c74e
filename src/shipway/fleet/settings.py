"""Every setting of the fleet file, declared once.

Validation, the published JSON Schema and the commented file that ``shipway init`` writes are derived
from these declarations. Keys of an image are those of Compose and bake.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from shipway.dockerfile.patterns import is_well_formed
from shipway.document import Node
from shipway.errors import ConfigError
from shipway.fleet.shapes import (
    ARGS,
    COUNT,
    DURATION,
    GRADE,
    NAME_PATTERN,
    PATH,
    PATHS,
    PLATFORMS,
    REGISTRY,
    REPOSITORY,
    SCALAR,
    SCALARS,
    SEVERITY,
    SWITCH,
    SWITCHED_PATHS,
    TEXT,
    TEXT_BY_NAME,
    TEXTS,
    JsonSchema,
    Located,
    Shape,
    T_co,
    check_name,
    choice,
    did_you_mean,
    listed,
    seen,
    wrong,
)
from shipway.place import Place

T = TypeVar("T")

DEFAULT_TAG = "{branch}-{sha7}-{timestamp}"


@dataclass(frozen=True, slots=True)
class Setting(Generic[T_co]):
    """A key of the fleet file: its shape, what it means, and what holds when it is absent."""

    name: str
    shape: Shape[T_co]
    description: str
    default: str | bool | None = None

    @property
    def schema(self) -> JsonSchema:
        default = {} if self.default is None else {"default": self.default}
        return {**self.shape.schema, "description": self.description, **default}


@dataclass(frozen=True, slots=True)
class Section:
    """The values of one mapping of the file, by key, and the place of each."""

    place: Place
    values: Mapping[str, object]
    places: Mapping[str, Place]

    def get(self, setting: Setting[T]) -> T | None:
        """The value of ``setting``, None where the section does not have it."""
        return cast("T | None", self.values.get(setting.name))

    def has(self, setting: Setting[T]) -> bool:
        return setting.name in self.values

    def place_of(self, setting: Setting[T]) -> Place:
        """Where the key stands, or the section when it is absent."""
        return self.places.get(setting.name, self.place)


Table = tuple[Setting[object], ...]


def read_section(node: Node, table: Table, key: str) -> Section:
    """The settings of ``table`` in ``node``. Raises ConfigError for an unknown key or a wrong type."""
    if not node.is_mapping and node.value is not None:
        raise ConfigError(f"{key} must be a mapping, not {seen(node)}", place=node.place)
    known = {setting.name: setting for setting in table}
    values: dict[str, object] = {}
    for name, value in node.mapping.items():
        if name not in known:
            raise ConfigError(
                f"unknown key `{name}` in {key}",
                place=node.key_place(name),
                help=did_you_mean(name, known),
            )
        values[name] = known[name].shape.read(value, name)
    return Section(node.place, values, {name: node.key_place(name) for name in values})


def section_schema(table: Table) -> dict[str, object]:
    """The JSON Schema of a mapping with the settings of ``table``."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {setting.name: setting.schema for setting in table},
    }


# --- which tags stay in the registry --------------------------------------------------------------


def _sectioned(table: Table, what: str) -> Shape[Section]:
    """A mapping with the settings of ``table``."""
    return Shape(
        f"a mapping of settings of {what}",
        {**section_schema(table), "type": ["object", "null"]},
        lambda node, key: read_section(node, table, f"`{key}`"),
    )


KEEP = Setting("keep", COUNT, "How many of the newest tags stay.")
MATCH = Setting("match", TEXT, "Tags that may go (RE2); a named group in it holds the time or number.")
OLDER_THAN = Setting("older-than", DURATION, "Only tags that are older go, such as 30d.")
KEEP_TAGS = Setting("keep-tags", TEXTS, "Regular expressions (RE2) of tags that always stay.")
_ORDERS = choice("auto", "tag-number", "tag-time", "created")
BY = Setting("by", _ORDERS, "What tells which tags are the newest.", "auto")
RETENTION_TABLE: Table = (KEEP, MATCH, OLDER_THAN, KEEP_TAGS, BY)
RETENTION = Setting(
    "retention",
    _sectioned(RETENTION_TABLE, "retention"),
    "Which tags shipway prune keeps; without it nothing is deleted.",
)

# --- settings that stand at several levels; the nearest one to the image counts ----------------

REGISTRY_KEY = Setting(
    "registry",
    REGISTRY,
    "Registry, and the path in it, that images are delivered to, such as ghcr.io/acme/shop.",
)
TAG = Setting(
    "tag",
    SCALAR,
    "Tag of each delivery: a text with {branch}, {sha7}, {sha}, {timestamp}, {date}, {version} or {run}.",
    DEFAULT_TAG,
)
TAGS = Setting("tags", SCALARS, "Further tags that move to each delivery, such as latest.")
VERSION = Setting("version", SCALAR, "What {version} stands for.")
PLATFORMS_KEY = Setting("platforms", PLATFORMS, "Platforms to build for, such as linux/amd64.")
ARGS_KEY = Setting(
    "args", ARGS, "Build args. One without a value is taken from env-files, else from the environment."
)
ENV_FILES = Setting("env-files", PATHS, "Env files whose variables become build args; args go before them.")
SECRET_ARGS = Setting("secret-args", TEXTS, "Build args whose values never reach a log or a label.")
LABELS = Setting("labels", TEXT_BY_NAME, "Labels of the image.")

SHARED: Table = (
    REGISTRY_KEY,
    TAG,
    TAGS,
    VERSION,
    PLATFORMS_KEY,
    ARGS_KEY,
    ENV_FILES,
    SECRET_ARGS,
    LABELS,
    RETENTION,
)

# --- an image ---------------------------------------------------------------------------------

CONTEXT = Setting(
    "context",
    PATH,
    "Build context: a directory, or the URL of a Git repository or archive; absent: the"
    " directory of the Dockerfile.",
)
DOCKERFILE = Setting(
    "dockerfile",
    PATH,
    "Path of the Dockerfile, relative to the fleet file; absent: Dockerfile in the context.",
)
DOCKERFILE_INLINE = Setting("dockerfile-inline", TEXT, "Text of the Dockerfile, in place of a file.")
TARGET = Setting("target", TEXT, "Stage to build; absent: the last one.")
CONTEXTS = Setting(
    "contexts",
    TEXT_BY_NAME,
    "Named contexts: a directory, a URL, docker-image://REFERENCE, or target:NAME for another image.",
)
SECRETS = Setting("secrets", TEXTS, "Build secrets as buildx writes them, such as id=npm,src=.npmrc.")
SSH = Setting("ssh", TEXTS, "SSH agents or keys as buildx writes them, such as default.")
CACHE_FROM = Setting("cache-from", TEXTS, "Sources of build cache, as buildx writes them.")
CACHE_TO = Setting("cache-to", TEXTS, "Destinations of build cache, as buildx writes them.")
REPOSITORY_KEY = Setting(
    "repository", REPOSITORY, "Repository to deliver to, whole; absent: the registry and the name."
)
GROUP = Setting("group", TEXT, "The group that the image belongs to.")
NAME = Setting(
    "name",
    Shape(
        "a name",
        {"type": "string", "pattern": NAME_PATTERN},
        lambda node, key: check_name(TEXT.read(node, key), key, node.place),
    ),
    "Name of the image.",
)

IMAGE: Table = (
    CONTEXT,
    DOCKERFILE,
    DOCKERFILE_INLINE,
    TARGET,
    CONTEXTS,
    SECRETS,
    SSH,
    CACHE_FROM,
    CACHE_TO,
    REPOSITORY_KEY,
    GROUP,
    *(setting for setting in SHARED if setting is not REGISTRY_KEY),
)


def _named(node: Node, key: str, table: Table, one: str) -> dict[str, Section]:
    """The entries of a mapping of names to sections."""
    if not node.is_mapping:
        raise wrong(node, key, f"a mapping of names to {one}s")
    return {
        check_name(name, key, node.key_place(name)): _entry(
            value, table, f"{one} `{name}`", node.key_place(name)
        )
        for name, value in node.mapping.items()
    }


def _entry(node: Node, table: Table, key: str, place: Place) -> Section:
    section = read_section(node, table, key)
    return Section(place, section.values, section.places)


def _images(node: Node, key: str) -> Mapping[str, Section]:
    if node.is_mapping:
        return _named(node, key, IMAGE, "image")
    if not node.is_sequence:
        raise wrong(node, key, IMAGES.shape.expected)
    result: dict[str, Section] = {}
    for item in node.sequence:
        section = read_section(item, (NAME, *IMAGE), "image")
        name = section.get(NAME)
        if name is None:
            raise ConfigError("an image of a list needs a `name`", place=item.place)
        if name in result:
            raise ConfigError(
                f"the image {name!r} stands twice, first in line {result[name].place.line}", place=item.place
            )
        result[name] = section
    return result


def _mapping_schema(item: JsonSchema) -> JsonSchema:
    return {"type": "object", "propertyNames": {"pattern": NAME_PATTERN}, "additionalProperties": item}


def _images_schema() -> JsonSchema:
    image = {**section_schema(IMAGE), "type": ["object", "null"]}
    item = {**section_schema((NAME, *IMAGE)), "required": [NAME.name]}
    return {"anyOf": [_mapping_schema(image), {"type": "array", "items": item}]}


IMAGES = Setting(
    "images",
    Shape("a mapping of names to images, or a list of images", _images_schema(), _images),
    "The images to deliver; absent: every image that the other files of the repository declare.",
)

# --- groups and repositories --------------------------------------------------------------------

MEMBERS = Setting("images", TEXTS, "Names of the images of the group.")
GROUP_TABLE: Table = (*SHARED, MEMBERS)
GROUPS = Setting(
    "groups",
    Shape(
        "a mapping of names to groups",
        _mapping_schema({**section_schema(GROUP_TABLE), "type": ["object", "null"]}),
        lambda node, key: _named(node, key, GROUP_TABLE, "group"),
    ),
    "Images that share a version, a tag or other settings.",
)

SOURCE_PATH = Setting("path", PATH, "Directory of the other repository, relative to the fleet file.")
GIT = Setting("git", TEXT, "Git URL of the other repository.")
REF = Setting("ref", SCALAR, "Branch, tag or commit of the Git repository; absent: its default branch.")
CONFIG = Setting("config", PATH, "Fleet file in the other repository; absent: shipway.yaml, if there.")
CHOSEN = Setting("images", TEXTS, "Names of the images to take from there; absent: all.")
REPOSITORY_TABLE: Table = (SOURCE_PATH, GIT, REF, CONFIG, CHOSEN)


def _repositories(node: Node, key: str) -> Mapping[str, Section]:
    sections = _named(node, key, REPOSITORY_TABLE, "repository")
    for name, section in sections.items():
        if section.has(SOURCE_PATH) == section.has(GIT):
            raise ConfigError(
                f"the repository `{name}` needs either `path` or `git`",
                place=section.place,
                help="write path: ../directory, or git: and a URL",
            )
        if section.has(REF) and not section.has(GIT):
            raise ConfigError("`ref` goes with `git` only", place=section.place_of(REF))
    return sections


def _repositories_schema() -> JsonSchema:
    one_source = [
        {"required": [SOURCE_PATH.name], "not": {"anyOf": [{"required": [n]} for n in (GIT.name, REF.name)]}},
        {"required": [GIT.name], "not": {"required": [SOURCE_PATH.name]}},
    ]
    return _mapping_schema({**section_schema(REPOSITORY_TABLE), "oneOf": one_source})


REPOSITORIES = Setting(
    "repositories",
    Shape("a mapping of names to repositories", _repositories_schema(), _repositories),
    "Other repositories whose images belong to the fleet.",
)

# --- how registries are reached -----------------------------------------------------------------

PLAIN_HTTP = Setting("plain-http", SWITCH, "Speak HTTP without TLS to this registry.", False)
INSECURE = Setting("insecure", SWITCH, "Do not check the certificate of this registry.", False)
CA = Setting("ca", PATH, "PEM file with the certificate authority of this registry.")
ACCESS_TABLE: Table = (PLAIN_HTTP, INSECURE, CA)


def _registries(node: Node, key: str) -> Mapping[str, Section]:
    if not node.is_mapping:
        raise wrong(node, key, "a mapping of registry hosts to settings")
    sections = {}
    for host, value in node.mapping.items():
        REGISTRY.read(Node(host, node.key_place(host), raw=host), key)
        sections[host] = _entry(value, ACCESS_TABLE, f"registry `{host}`", node.key_place(host))
        if sections[host].get(PLAIN_HTTP) and (sections[host].has(CA) or sections[host].get(INSECURE)):
            raise ConfigError(
                "`plain-http` goes with neither `insecure` nor `ca`",
                place=sections[host].place_of(PLAIN_HTTP),
                cause="without TLS there is no certificate",
            )
    return sections


REGISTRIES = Setting(
    "registries",
    Shape(
        "a mapping of registry hosts to settings",
        {
            "type": "object",
            "additionalProperties": {**section_schema(ACCESS_TABLE), "type": ["object", "null"]},
        },
        _registries,
    ),
    "How registries are reached, by host and port as references write them.",
)

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


BASES = Setting("bases", _sectioned(BASES_TABLE, "base images"), "What is asked of base images.")
POLICIES = Setting(
    "policies", _sectioned((BASES,), "the fleet's policies"), "What the fleet holds itself to."
)

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
        found[pattern] = _entry(value, RULE_TABLE, f"`{pattern}`", node.key_place(pattern))
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
    "checks", _sectioned(CHECKS_TABLE, "checks"), "What shipway check tells, and how severe it is."
)

ENGINE = Setting(
    "engine",
    choice("auto", "buildah", "docker", "podman"),
    "Engine that builds the images, unless the command line names one; checks tell what it does otherwise"
    " than BuildKit.",
    "auto",
)

DISCOVER = Setting(
    "discover",
    SWITCHED_PATHS,
    "Files to look for images in (Compose, bake, workflows, Skaffold, Dockerfiles); false: none.",
    True,
)

FLEET: Table = (*SHARED, GROUPS, IMAGES, REPOSITORIES, REGISTRIES, POLICIES, CHECKS, ENGINE, DISCOVER)


def paths(values: tuple[Located[T], ...] | None) -> tuple[T, ...]:
    """The values of a list, without their places."""
    return tuple(item.value for item in values or ())
