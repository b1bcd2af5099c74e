"""Settings of an image, and those that also stand above it."""

from __future__ import annotations

from collections.abc import Mapping

from shipway.document import Node
from shipway.errors import ConfigError
from shipway.fleet.settings.section import (
    Section,
    Setting,
    Table,
    mapping_schema,
    named,
    read_section,
    section_schema,
    sectioned,
)
from shipway.fleet.shapes import (
    ARGS,
    COUNT,
    DURATION,
    NAME_PATTERN,
    PATH,
    PATHS,
    PLATFORMS,
    REGISTRY,
    REPOSITORY,
    SCALAR,
    SCALARS,
    SWITCH,
    TEXT,
    TEXT_BY_NAME,
    TEXTS,
    JsonSchema,
    Shape,
    check_name,
    choice,
    wrong,
)

# --- which tags stay in the registry --------------------------------------------------------------


KEEP = Setting("keep", COUNT, "How many of the newest tags stay.")
MATCH = Setting("match", TEXT, "Tags that may go (RE2); a named group in it holds the time or number.")
OLDER_THAN = Setting("older-than", DURATION, "Only tags that are older go, such as 30d.")
KEEP_TAGS = Setting("keep-tags", TEXTS, "Regular expressions (RE2) of tags that always stay.")
_ORDERS = choice("auto", "tag-number", "tag-time", "created")
BY = Setting("by", _ORDERS, "What tells which tags are the newest.", "auto")
RETENTION_TABLE: Table = (KEEP, MATCH, OLDER_THAN, KEEP_TAGS, BY)
RETENTION = Setting(
    "retention",
    sectioned(RETENTION_TABLE, "retention"),
    "Which tags shipway prune keeps; without it nothing is deleted.",
)

# --- settings that stand at several levels; the nearest one to the image counts ----------------

DEFAULT_TAG = "{branch}-{sha7}-{timestamp}"

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
TIMEOUT = Setting(
    "timeout", DURATION, "How long each step of a delivery may take, such as 30m; absent: any time."
)
CACHE_FROM = Setting(
    "cache-from",
    TEXTS,
    "Sources of build cache, as buildx writes them, with {image} and {platform}; each image and platform has"
    " its own.",
)
CACHE_TO = Setting("cache-to", TEXTS, "Destinations of build cache, likewise.")
PROVENANCE = Setting("provenance", choice("none", "min", "max"), "How much provenance tells.", "none")
SBOM = Setting("sbom", SWITCH, "A list of the packages in the image.", False)
ATTEST_TABLE: Table = (PROVENANCE, SBOM)
ATTEST = Setting(
    "attest", sectioned(ATTEST_TABLE, "attestations"), "What BuildKit attests about the image, beside it."
)

ENGINE = Setting(
    "engine",
    choice("auto", "assemble", "buildah", "docker", "podman"),
    "What builds, unless the command line tells: auto puts images without RUN together itself and gives the"
    " others to an engine. Checks tell what an engine does otherwise than BuildKit.",
    "auto",
)

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
    TIMEOUT,
    ENGINE,
    CACHE_FROM,
    CACHE_TO,
    ATTEST,
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
    REPOSITORY_KEY,
    GROUP,
    *(setting for setting in SHARED if setting is not REGISTRY_KEY),
)


def _images(node: Node, key: str) -> Mapping[str, Section]:
    if node.is_mapping:
        return named(node, key, IMAGE, "image")
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


def _images_schema() -> JsonSchema:
    image = {**section_schema(IMAGE), "type": ["object", "null"]}
    item = {**section_schema((NAME, *IMAGE)), "required": [NAME.name]}
    return {"anyOf": [mapping_schema(image), {"type": "array", "items": item}]}


IMAGES = Setting(
    "images",
    Shape("a mapping of names to images, or a list of images", _images_schema(), _images),
    "The images to deliver; absent: every image that the other files of the repository declare.",
)
