"""What holds for one image: the settings of the fleet file over what other files declare.

Settings are looked for from the nearest section to the farthest: the image, its group, the fleet. Mappings
are merged, the nearest entry counting; every other value is taken whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from shipway.errors import ConfigError, InvalidValue
from shipway.fleet.discover.dotenv import parse_env
from shipway.fleet.discover.merge import Merged
from shipway.fleet.file import entries
from shipway.fleet.implied import default_repository
from shipway.fleet.model import Attest, BuildInputs, Image, Problem, RetentionSettings
from shipway.fleet.settings.image import (
    ARGS_KEY,
    ATTEST,
    BY,
    CACHE_FROM,
    CACHE_TO,
    ENGINE,
    ENV_FILES,
    KEEP,
    KEEP_TAGS,
    LABELS,
    MATCH,
    OLDER_THAN,
    PLATFORMS_KEY,
    PROVENANCE,
    REGISTRY_KEY,
    REPOSITORY_KEY,
    RETENTION,
    SBOM,
    SECRET_ARGS,
    TAG,
    TAGS,
    TIMEOUT,
    VERSION,
)
from shipway.fleet.settings.section import Section, Setting, paths
from shipway.fleet.shapes import Located
from shipway.fleet.tree import FileTree, join
from shipway.place import Place
from shipway.values import Reference

T = TypeVar("T")

_PROVENANCE: Mapping[str, Literal["min", "max"]] = {"min": "min", "max": "max"}

_LIBRARY = "docker.io/library/"


@dataclass(frozen=True, slots=True)
class Layer:
    """A section of a fleet file, and the directory of ``tree`` that its paths are relative to."""

    section: Section
    tree: FileTree
    directory: str


class EnvFiles:
    """Reads env files once each, and collects what is wrong with them."""

    def __init__(self) -> None:
        self._read: dict[tuple[FileTree, str], Mapping[str, str]] = {}
        self.problems: list[Problem] = []

    def variables(self, layer: Layer) -> dict[str, str]:
        """The variables of all env files of a layer; the last file that sets one counts."""
        result: dict[str, str] = {}
        for item in layer.section.get(ENV_FILES) or ():
            path = join(layer.directory, item.value)
            key = (layer.tree, path)
            if key not in self._read:
                self._read[key] = self._load(layer.tree, path, item)
            result.update(self._read[key])
        return result

    def _load(self, tree: FileTree, path: str, item: Located[str]) -> Mapping[str, str]:
        if not tree.is_file(path):
            self.report("missing-env-file", f"there is no env file {path}", item.place)
            return {}
        try:
            return parse_env(tree.read_text(path), path, {})
        except ConfigError as error:
            self.report("unreadable-file", error.message, error.place or item.place)
            return {}

    def report(self, kind: str, message: str, place: Place) -> None:
        """Note a problem; one that concerns several images may come more than once."""
        self.problems.append(Problem(kind, message, place))


def settle(image: Merged, layers: tuple[Layer, ...], env_files: EnvFiles) -> Image:
    """The image with every setting of ``layers``, the nearest one first."""
    repository, tag, tags = _declared_destination(image, _first(layers, REGISTRY_KEY))
    own_tags = _first(layers, TAGS)
    return Image(
        name=image.name,
        inputs=_inputs(image.first.inputs, layers, env_files),
        repository=_first(layers, REPOSITORY_KEY) or repository,
        tag=_first(layers, TAG) or tag,
        tags=tags if own_tags is None else paths(own_tags),
        version=_first(layers, VERSION),
        declarations=image.declarations,
        retention=_retention(_first(layers, RETENTION)),
        timeout=_first(layers, TIMEOUT),
        attest=_attest(_first(layers, ATTEST)),
        engine=_first(layers, ENGINE) or "auto",
    )


def _attest(section: Section | None) -> Attest:
    mode = section.get(PROVENANCE) if section else None
    return Attest(_PROVENANCE.get(mode or ""), bool(section and section.get(SBOM)))


def _retention(section: Section | None) -> RetentionSettings | None:
    """The nearest section, whole: a policy that is mended together from two would delete by surprise."""
    if section is None:
        return None
    return RetentionSettings(
        keep=section.get(KEEP),
        match=section.get(MATCH),
        older_than=section.get(OLDER_THAN),
        keep_tags=paths(section.get(KEEP_TAGS)),
        by=section.get(BY),
    )


def _first(layers: Iterable[Layer], setting: Setting[T]) -> T | None:
    return next((layer.section.get(setting) for layer in layers if layer.section.has(setting)), None)


def _inputs(declared: BuildInputs, layers: tuple[Layer, ...], env_files: EnvFiles) -> BuildInputs:
    labels = dict(declared.labels)
    secret = set(declared.secret_args)
    for layer in reversed(layers):
        labels.update(entries(layer.section.get(LABELS)))
        secret.update(paths(layer.section.get(SECRET_ARGS)))
    sources, destinations = _first(layers, CACHE_FROM), _first(layers, CACHE_TO)
    return replace(
        declared,
        args=_args(declared.args, layers, env_files),
        platforms=paths(_first(layers, PLATFORMS_KEY)) or declared.platforms,
        labels=labels,
        secret_args=frozenset(secret),
        cache_from=declared.cache_from if sources is None else paths(sources),
        cache_to=declared.cache_to if destinations is None else paths(destinations),
    )


def _args(
    declared: Mapping[str, str | None], layers: tuple[Layer, ...], env_files: EnvFiles
) -> dict[str, str | None]:
    """Build args: what files declare, then from the farthest layer to the nearest env files and args."""
    args = dict(declared)
    variables: dict[str, str] = {}
    named: dict[str, Located[str | None]] = {}
    for layer in reversed(layers):
        found = env_files.variables(layer)
        variables.update(found)
        args.update(found)
        here = layer.section.get(ARGS_KEY) or {}
        named.update(here)
        args.update(entries(here))
    args.update(
        {name: variables[name] for name, value in args.items() if value is None and name in variables}
    )
    if any(layer.section.has(ENV_FILES) for layer in layers):
        for name, entry in named.items():
            if args[name] is None:
                env_files.report(
                    "missing-variable", f"no env file has a value for the build arg {name}", entry.place
                )
    return args


# --- where it is delivered to -------------------------------------------------------------------


def _declared_destination(
    image: Merged, registry: str | None
) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Repository, tag and secondary tags, as far as declarations and the registry tell them."""
    chosen = _chosen(image, registry)
    if not chosen:
        return (default_repository(registry, image.name) if registry else None), None, ()
    name = chosen[0].name
    tags = tuple(dict.fromkeys(r.tag for r in chosen if r.name == name and r.tag is not None))
    return name, tags[0] if tags else None, tags[1:]


def _chosen(image: Merged, registry: str | None) -> list[Reference]:
    """The references of the declaration that tells best where the image goes.

    With a registry only those below it count; else one bare word, which Docker reads as an image of its
    own library, gives way to a whole reference.
    """
    sets = [found for item in image.declarations if (found := list(_parsed(item.references)))]
    if registry:
        prefix = Reference.parse(f"{registry}/image").name.removesuffix("image")
        below = [[r for r in found if r.name.startswith(prefix)] for found in sets]
        return next((found for found in below if found), [])
    whole = [found for found in sets if not found[0].name.startswith(_LIBRARY)]
    return next(iter(whole or sets), [])


def _parsed(references: Iterable[str]) -> Iterator[Reference]:
    for text in references:
        try:
            yield Reference.parse(text)
        except InvalidValue:
            continue
