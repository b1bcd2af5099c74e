"""The fleet file: ``shipway.yaml`` as checked sections, and the images it declares.

Paths in the file are relative to it; here they are relative to the root of the repository.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from shipway.document import parse
from shipway.errors import ConfigError
from shipway.fleet.discover.paths import is_remote, rooted
from shipway.fleet.model import (
    Access,
    BasePolicy,
    BuilderSettings,
    BuildInputs,
    CheckSettings,
    Declaration,
    GitOpsRepository,
    PortForward,
    RuleSettings,
)
from shipway.fleet.settings.builders import (
    ADDRESS,
    BUILDER_ENGINE,
    BUILDERS,
    BUILDS_FOR,
    BUILDX,
    DRIVER,
    SERVER_NAME,
    TLS_CA,
    TLS_CERT,
    TLS_KEY,
)
from shipway.fleet.settings.fleet import DISCOVER, FLEET
from shipway.fleet.settings.image import (
    ARGS_KEY,
    CACHE_FROM,
    CACHE_TO,
    CONTEXT,
    CONTEXTS,
    DOCKERFILE,
    DOCKERFILE_INLINE,
    GROUP,
    IMAGES,
    LABELS,
    PLATFORMS_KEY,
    REGISTRY_KEY,
    REPOSITORY_KEY,
    SECRET_ARGS,
    SECRETS,
    SSH,
    TARGET,
)
from shipway.fleet.settings.policy import (
    ALIASES,
    ALLOW,
    BASE_PREFIX,
    BASELINE,
    BASES,
    CHECKS,
    LATEST,
    POLICIES,
    RULE_IGNORE,
    RULE_PATHS,
    RULE_SEVERITY,
    UNPINNED,
)
from shipway.fleet.settings.section import Section, Setting, paths, read_section
from shipway.fleet.settings.sources import (
    CA,
    CHOSEN,
    CONFIG,
    GIT,
    GITOPS,
    GITOPS_BRANCH,
    GITOPS_DIRECTORY,
    GITOPS_GIT,
    GITOPS_PATH,
    GROUPS,
    INSECURE,
    KUBE_CONTEXT,
    MEMBERS,
    NAMESPACE,
    PLAIN_HTTP,
    REF,
    REGISTRIES,
    REPOSITORIES,
    SERVICE,
    SERVICE_PORT,
    SOURCE_PATH,
    VIA,
)
from shipway.fleet.shapes import Located, did_you_mean
from shipway.fleet.tree import directory_of, join
from shipway.place import Place

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OtherRepository:
    """A repository elsewhere whose images belong to the fleet.

    ``path`` is relative to the root of the repository that holds the fleet file; ``git`` is a URL that
    the caller has to clone, at ``ref`` where given. ``images`` are the ones to take, () for all.
    """

    name: str
    place: Place
    path: str | None = None
    git: str | None = None
    ref: str | None = None
    config: str | None = None
    images: tuple[Located[str], ...] = ()


@dataclass(frozen=True, slots=True)
class FleetFile:
    """What a fleet file says. ``images`` is None where it leaves them to discovery; ``membership`` maps
    an image to its group; ``discover`` is a list of files, or whether to look for any."""

    path: str
    shared: Section
    groups: Mapping[str, Section]
    images: Mapping[str, Section] | None
    membership: Mapping[str, Located[str]]
    repositories: tuple[OtherRepository, ...]
    discover: tuple[Located[str], ...] | bool
    registries: Mapping[str, Access]
    bases: BasePolicy
    checks: CheckSettings
    builders: tuple[BuilderSettings, ...] = ()
    gitops: tuple[GitOpsRepository, ...] = ()

    @property
    def directory(self) -> str:
        """The directory that the paths of the file are relative to."""
        return directory_of(self.path)


def read_fleet_file(data: bytes | str, path: str) -> FleetFile:
    """The fleet file in ``data``. Raises ConfigError with place, cause and the nearest right key."""
    section = read_section(parse(data, path), FLEET, "the fleet file")
    groups = section.get(GROUPS) or {}
    images = section.get(IMAGES)
    discover = section.get(DISCOVER)
    return FleetFile(
        path,
        section,
        groups,
        images,
        _membership(groups, images or {}),
        _repositories(section, directory_of(path)),
        True if discover is None else _relocated(discover, directory_of(path)),
        _registries(section, directory_of(path)),
        _base_policy(section),
        _check_settings(section, directory_of(path)),
        tuple(_builders(section, directory_of(path))),
        tuple(_gitops(section, directory_of(path))),
    )


def _gitops(section: Section, directory: str) -> Iterator[GitOpsRepository]:
    for each in section.get(GITOPS) or ():
        path = each.get(GITOPS_PATH)
        yield GitOpsRepository(
            None if path is None else join(directory, path),
            each.get(GITOPS_GIT),
            each.get(GITOPS_BRANCH),
            (each.get(GITOPS_DIRECTORY) or "").strip("/").removeprefix("./"),
        )


def _registries(section: Section, directory: str) -> dict[str, Access]:
    found = {}
    for host, entry in (section.get(REGISTRIES) or {}).items():
        ca = entry.get(CA)
        authority = None if ca is None else join(directory, ca)
        found[host] = Access(
            bool(entry.get(PLAIN_HTTP)), bool(entry.get(INSECURE)), authority, _forward(entry)
        )
    return found


def _forward(entry: Section) -> PortForward | None:
    service, port = entry.get(SERVICE), entry.get(SERVICE_PORT)
    if entry.get(VIA) != "port-forward" or service is None or port is None:
        return None
    namespace = entry.get(NAMESPACE) or str(NAMESPACE.default)
    return PortForward(namespace, service, port, entry.get(KUBE_CONTEXT))


def _builders(section: Section, directory: str) -> Iterator[BuilderSettings]:
    for name, entry in (section.get(BUILDERS) or {}).items():
        ca, cert, key = (
            join(directory, path) if (path := entry.get(setting)) is not None else None
            for setting in (TLS_CA, TLS_CERT, TLS_KEY)
        )
        yield BuilderSettings(
            name,
            entry.get(BUILDER_ENGINE) or str(BUILDER_ENGINE.default),
            paths(entry.get(BUILDS_FOR)),
            entry.get(ADDRESS),
            entry.get(BUILDX),
            ca,
            cert,
            key,
            entry.get(SERVER_NAME),
            entry.get(DRIVER),
        )


def _base_policy(section: Section) -> BasePolicy:
    """The policy for bases, its prefix by default the registry of the fleet."""
    registry = section.get(REGISTRY_KEY)
    policies = section.get(POLICIES)
    bases = policies.get(BASES) if policies else None
    if bases is None:
        return BasePolicy(prefix=registry)
    default = BasePolicy()
    return BasePolicy(
        prefix=bases.get(BASE_PREFIX) or registry,
        aliases=paths(bases.get(ALIASES)),
        allow=paths(bases.get(ALLOW)),
        latest=bases.get(LATEST) or default.latest,
        unpinned=bases.get(UNPINNED) or default.unpinned,
    )


def _check_settings(section: Section, directory: str) -> CheckSettings:
    checks = section.get(CHECKS)
    if checks is None:
        return CheckSettings()
    baseline = checks.get(BASELINE)
    return CheckSettings(
        _rule_settings(checks),
        tuple(_rule_settings(each, pattern) for pattern, each in (checks.get(RULE_PATHS) or {}).items()),
        None if baseline is None else join(directory, baseline),
    )


def _rule_settings(section: Section, pattern: str = "") -> RuleSettings:
    severities = section.get(RULE_SEVERITY) or {}
    return RuleSettings(
        tuple((each.value, each.place) for each in section.get(RULE_IGNORE) or ()),
        tuple((rule, each.value, each.place) for rule, each in severities.items()),
        pattern,
    )


def _relocated(discover: tuple[Located[str], ...] | bool, directory: str) -> tuple[Located[str], ...] | bool:
    if isinstance(discover, bool):
        return discover
    return tuple(Located(join(directory, item.value), item.place) for item in discover)


def _membership(groups: Mapping[str, Section], images: Mapping[str, Section]) -> dict[str, Located[str]]:
    """The group of each image, told by the group or by the image."""
    members: dict[str, Located[str]] = {}
    for name, group in groups.items():
        for member in group.get(MEMBERS) or ():
            _join_group(members, member.value, Located(name, member.place))
    for name, image in images.items():
        group_name = image.get(GROUP)
        if group_name is None:
            continue
        place = image.place_of(GROUP)
        if group_name not in groups:
            raise ConfigError(
                f"there is no group `{group_name}`",
                place=place,
                help=did_you_mean(group_name, groups, "declare it under `groups`"),
            )
        _join_group(members, name, Located(group_name, place))
    return members


def _join_group(members: dict[str, Located[str]], image: str, group: Located[str]) -> None:
    known = members.setdefault(image, group)
    if known.value != group.value:
        raise ConfigError(
            f"the image `{image}` is in two groups: `{known.value}` and `{group.value}`",
            place=group.place,
            cause=f"the first one is told at {known.place}",
        )


def _repositories(section: Section, directory: str) -> tuple[OtherRepository, ...]:
    result = []
    for name, entry in (section.get(REPOSITORIES) or {}).items():
        path = entry.get(SOURCE_PATH)
        result.append(
            OtherRepository(
                name,
                entry.place,
                None if path is None else join(directory, path),
                entry.get(GIT),
                entry.get(REF),
                entry.get(CONFIG),
                entry.get(CHOSEN) or (),
            )
        )
    return tuple(result)


# --- images -------------------------------------------------------------------------------------


def has_inputs(section: Section) -> bool:
    """Whether the image tells itself what to build, without help from another file."""
    return any(section.has(setting) for setting in (DOCKERFILE, DOCKERFILE_INLINE, CONTEXT))


def declare(name: str, section: Section, directory: str, known: BuildInputs | None = None) -> Declaration:
    """The image ``name`` as the fleet file declares it; what it leaves out comes from ``known``.

    Needs ``known`` unless the section has inputs. Settings of groups and of the fleet are not in it.
    """
    inline = section.get(DOCKERFILE_INLINE)
    if inline is not None and section.has(DOCKERFILE):
        raise ConfigError(
            f"the image `{name}` has both `dockerfile` and `dockerfile-inline`",
            place=section.place_of(DOCKERFILE_INLINE),
        )
    dockerfile, context = _files(section, directory, known)
    if inline is not None:
        dockerfile = section.place.path
    base = known or BuildInputs(dockerfile, context)
    repository = section.get(REPOSITORY_KEY)
    inputs = BuildInputs(
        dockerfile=dockerfile,
        context=context,
        target=section.get(TARGET) or base.target,
        args={**base.args, **entries(section.get(ARGS_KEY))},
        contexts={**base.contexts, **_contexts(section, directory)},
        platforms=paths(section.get(PLATFORMS_KEY)) or base.platforms,
        labels={**base.labels, **entries(section.get(LABELS))},
        secrets=_either(section, SECRETS, base.secrets),
        ssh=_either(section, SSH, base.ssh),
        cache_from=_either(section, CACHE_FROM, base.cache_from),
        cache_to=_either(section, CACHE_TO, base.cache_to),
        inline=inline or (base.inline if dockerfile == base.dockerfile else None),
        secret_args=base.secret_args | frozenset(paths(section.get(SECRET_ARGS))),
    )
    return Declaration(
        "shipway", name, section.place, inputs, (repository,) if repository else (), section.places
    )


def _files(section: Section, directory: str, known: BuildInputs | None) -> tuple[str, str]:
    """Dockerfile and context; one that is not told comes from the other, else from ``known``."""
    dockerfile, context = section.get(DOCKERFILE), section.get(CONTEXT)
    if known and dockerfile is None and context is None:
        return known.dockerfile, known.context
    if context is None:
        path = join(directory, dockerfile or "Dockerfile")
        return path, known.context if known else directory_of(path)
    where = rooted(context, directory)
    if where == "-" or is_remote(where):
        return dockerfile or "Dockerfile", where
    return join(directory, dockerfile) if dockerfile else join(where, "Dockerfile"), where


def _contexts(section: Section, directory: str) -> dict[str, str]:
    named = {}
    for name, entry in (section.get(CONTEXTS) or {}).items():
        linked = entry.value.startswith("target:")
        named[name] = entry.value if linked else rooted(entry.value, directory)
    return named


def entries(mapping: Mapping[str, Located[T]] | None) -> dict[str, T]:
    """The values of a mapping, without their places."""
    return {name: entry.value for name, entry in (mapping or {}).items()}


def _either(
    section: Section, setting: Setting[tuple[Located[str], ...]], known: tuple[str, ...]
) -> tuple[str, ...]:
    return paths(section.get(setting)) if section.has(setting) else known
