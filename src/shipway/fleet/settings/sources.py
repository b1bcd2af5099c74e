"""Settings of other places: groups, other repositories, and how registries are reached."""

from __future__ import annotations

import re
from collections.abc import Mapping

from shipway.document import Node
from shipway.errors import ConfigError
from shipway.fleet.settings.image import SHARED
from shipway.fleet.settings.section import (
    Section,
    Setting,
    Table,
    entry,
    mapping_schema,
    named,
    section_schema,
)
from shipway.fleet.shapes import (
    COUNT,
    PATH,
    REGISTRY,
    SCALAR,
    SWITCH,
    TEXT,
    TEXTS,
    JsonSchema,
    Shape,
    choice,
    wrong,
)

_ADDRESS = re.compile(r"\[|\d+\.\d+\.\d+\.\d+(?::|\Z)")

# --- groups and repositories --------------------------------------------------------------------

MEMBERS = Setting("images", TEXTS, "Names of the images of the group.")
ATOMIC = Setting("atomic", SWITCH, "Move no tag of the group before all of its images are verified.", False)
GROUP_TABLE: Table = (*SHARED, MEMBERS, ATOMIC)
GROUPS = Setting(
    "groups",
    Shape(
        "a mapping of names to groups",
        mapping_schema({**section_schema(GROUP_TABLE), "type": ["object", "null"]}),
        lambda node, key: named(node, key, GROUP_TABLE, "group"),
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
    sections = named(node, key, REPOSITORY_TABLE, "repository")
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
    return mapping_schema({**section_schema(REPOSITORY_TABLE), "oneOf": one_source})


REPOSITORIES = Setting(
    "repositories",
    Shape("a mapping of names to repositories", _repositories_schema(), _repositories),
    "Other repositories whose images belong to the fleet.",
)

# --- repositories that clusters follow -------------------------------------------------------------

GITOPS_PATH = Setting("path", PATH, "Directory of its working copy, relative to the fleet file.")
GITOPS_GIT = Setting("git", TEXT, "Git URL of the repository.")
GITOPS_BRANCH = Setting(
    "branch", SCALAR, "Branch to promote to; absent: the one checked out, or its default."
)
GITOPS_DIRECTORY = Setting("directory", TEXT, "Directory in it that is edited; absent: all of it.")
GITOPS_TABLE: Table = (GITOPS_PATH, GITOPS_GIT, GITOPS_BRANCH, GITOPS_DIRECTORY)


def _gitops(node: Node, key: str) -> tuple[Section, ...]:
    if not node.is_sequence:
        raise wrong(node, key, "a list of repositories")
    sections = tuple(entry(item, GITOPS_TABLE, f"`{key}`", item.place) for item in node.sequence)
    for section in sections:
        if section.has(GITOPS_PATH) == section.has(GITOPS_GIT):
            raise ConfigError(
                f"each of `{key}` needs either `path` or `git`",
                place=section.place,
                help="write path: ../directory, or git: and a URL",
            )
    return sections


GITOPS = Setting(
    "gitops",
    Shape(
        "a list of repositories",
        {
            "type": "array",
            "items": {
                **section_schema(GITOPS_TABLE),
                "oneOf": [{"required": [each.name]} for each in (GITOPS_PATH, GITOPS_GIT)],
            },
        },
        _gitops,
    ),
    "Repositories that clusters follow: shipway promote names there what was delivered.",
)

# --- how registries are reached -----------------------------------------------------------------

PLAIN_HTTP = Setting("plain-http", SWITCH, "Speak HTTP without TLS to this registry.", False)
INSECURE = Setting("insecure", SWITCH, "Do not check the certificate of this registry.", False)
CA = Setting("ca", PATH, "PEM file with the certificate authority of this registry.")
VIA = Setting(
    "via",
    choice("direct", "port-forward"),
    "How this registry is reached: through a port-forward into a cluster, which kubectl makes.",
    "direct",
)
NAMESPACE = Setting("namespace", TEXT, "Namespace of the registry's service.", "default")
SERVICE = Setting("service", TEXT, "Service of the registry in the cluster.")
SERVICE_PORT = Setting("port", COUNT, "Port of that service.")
KUBE_CONTEXT = Setting("context", TEXT, "Context of kubectl; absent: its current one.")
_FORWARD: Table = (NAMESPACE, SERVICE, SERVICE_PORT, KUBE_CONTEXT)
ACCESS_TABLE: Table = (PLAIN_HTTP, INSECURE, CA, VIA, *_FORWARD)


def _check_forward(host: str, section: Section) -> None:
    """Raise ConfigError unless it is told what a port-forward leads to, and only for one."""
    if section.get(VIA) != "port-forward":
        for extra in _FORWARD:
            if section.has(extra):
                raise ConfigError(
                    f"`{extra.name}` goes with `via: port-forward` only", place=section.place_of(extra)
                )
        return
    if not (section.has(SERVICE) and section.has(SERVICE_PORT)):
        raise ConfigError(
            f"the port-forward to {host} needs `service` and `port`",
            place=section.place_of(VIA),
            help="kubectl get services --all-namespaces lists them",
        )
    if _ADDRESS.match(host):
        raise ConfigError(
            f"{host} is an address, and a port-forward needs a name",
            place=section.place,
            cause="it is the name that the certificate is checked against, and that references have",
        )


def _registries(node: Node, key: str) -> Mapping[str, Section]:
    if not node.is_mapping:
        raise wrong(node, key, "a mapping of registry hosts to settings")
    sections = {}
    for host, value in node.mapping.items():
        REGISTRY.read(Node(host, node.key_place(host), raw=host), key)
        sections[host] = entry(value, ACCESS_TABLE, f"registry `{host}`", node.key_place(host))
        if sections[host].get(PLAIN_HTTP) and (sections[host].has(CA) or sections[host].get(INSECURE)):
            raise ConfigError(
                "`plain-http` goes with neither `insecure` nor `ca`",
                place=sections[host].place_of(PLAIN_HTTP),
                cause="without TLS there is no certificate",
            )
        _check_forward(host, sections[host])
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
