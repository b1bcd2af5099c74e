"""A commented fleet file from what was discovered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import yaml

from shipway.fleet.discover.paths import dockerfile_in
from shipway.fleet.implied import default_repository
from shipway.fleet.model import BuildInputs, Declaration, Fleet, Image, Problem
from shipway.fleet.schema import SCHEMA_FILE
from shipway.fleet.settings.image import (
    ARGS_KEY,
    CACHE_FROM,
    CACHE_TO,
    CONTEXT,
    CONTEXTS,
    DEFAULT_TAG,
    DOCKERFILE,
    DOCKERFILE_INLINE,
    IMAGES,
    LABELS,
    PLATFORMS_KEY,
    REGISTRY_KEY,
    REPOSITORY_KEY,
    SECRET_ARGS,
    SECRETS,
    SSH,
    TAG,
    TAGS,
    TARGET,
    VERSION,
)
from shipway.fleet.settings.section import Setting

_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./@+-]*\Z")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", ".inf", ".nan"})
_TARGET = "target:"

Rendered = str | None | tuple[str, ...] | Mapping[str, str | None]

# What a newcomer sets first, with an example; written as comments unless the fleet tells the value.
_OFFERED: tuple[tuple[Setting[object], str], ...] = (
    (REGISTRY_KEY, "registry.example.com/team"),
    (TAG, f'"{DEFAULT_TAG}"'),
    (TAGS, "[latest]"),
    (PLATFORMS_KEY, "[linux/amd64, linux/arm64]"),
)


def render_fleet_file(fleet: Fleet) -> str:
    """The text of a ``shipway.yaml`` for the root of ``fleet``, a fleet that was discovered.

    Reading it gives the same images. Comments say where each one was found, and what is wrong.
    """
    registry = _common_registry(fleet.images)
    lines = [f"# yaml-language-server: $schema={SCHEMA_FILE}", *_problems(fleet.problems), ""]
    for setting, example in _OFFERED:
        lines.append(f"# {setting.description}")
        told = setting is REGISTRY_KEY and registry is not None
        lines.append(f"{setting.name}: {_scalar(registry or '')}" if told else f"# {setting.name}: {example}")
    lines += ["", f"# {IMAGES.description}"]
    if not fleet.images:
        return "\n".join([*lines, f"# {IMAGES.name}:", "#   name: {context: directory}", ""])
    lines.append(f"{IMAGES.name}:")
    for image in fleet.images:
        lines += [f"  # {_comment(_found(image))}", f"  {_scalar(image.name)}:"]
        for setting, value in _settings(fleet, image, registry):
            lines += (f"    {line}" for line in _entry(setting.name, value))
    return "\n".join(lines) + "\n"


def _common_registry(images: Iterable[Image]) -> str | None:
    """The registry and path below which every image has the repository that its name implies."""
    found = {(image.repository or "").rpartition("/")[0] for image in images}
    registry = next(iter(found)) if len(found) == 1 else ""
    if not registry or any(image.repository != default_repository(registry, image.name) for image in images):
        return None
    return registry


def _settings(fleet: Fleet, image: Image, registry: str | None) -> Iterator[tuple[Setting[object], Rendered]]:
    """The keys of an image that say more than the defaults."""
    inputs = image.inputs
    rows: tuple[tuple[Setting[object], Rendered], ...] = (
        (CONTEXT, inputs.context),
        (DOCKERFILE, _dockerfile(inputs)),
        (DOCKERFILE_INLINE, inputs.inline),
        (TARGET, inputs.target),
        (ARGS_KEY, inputs.args),
        (CONTEXTS, _contexts(fleet, image)),
        (PLATFORMS_KEY, tuple(str(platform) for platform in inputs.platforms)),
        (LABELS, inputs.labels),
        (SECRETS, inputs.secrets),
        (SSH, inputs.ssh),
        (SECRET_ARGS, tuple(sorted(inputs.secret_args))),
        (CACHE_FROM, inputs.cache_from),
        (CACHE_TO, inputs.cache_to),
        (REPOSITORY_KEY, None if registry else image.repository),
        (TAG, image.tag),
        (TAGS, image.tags),
        (VERSION, image.version),
    )
    yield from (row for row in rows if row[1])


def _dockerfile(inputs: BuildInputs) -> str | None:
    implied = inputs.dockerfile == dockerfile_in(inputs.context, "Dockerfile")
    return None if implied or inputs.inline is not None else inputs.dockerfile


def _contexts(fleet: Fleet, image: Image) -> dict[str, str | None]:
    """Named contexts; a link to another declaration of the same file becomes one to the image it is."""
    return {
        name: _linked(fleet, image.declarations, value) if value.startswith(_TARGET) else value
        for name, value in image.inputs.contexts.items()
    }


def _linked(fleet: Fleet, declarations: Iterable[Declaration], value: str) -> str:
    name = value.removeprefix(_TARGET)
    paths = {declaration.place.path for declaration in declarations}
    for image in fleet.images:
        if any(each.name == name and each.place.path in paths for each in image.declarations):
            return f"{_TARGET}{image.name}"
    return value


# --- text ---------------------------------------------------------------------------------------


def _entry(name: str, value: Rendered) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield f"{name}:"
        yield from (f"  {_scalar(key)}: {_scalar(item)}" for key, item in value.items())
    elif isinstance(value, tuple):
        yield f"{name}: [{', '.join(_scalar(item) for item in value)}]"
    else:
        yield f"{name}: {_scalar(value)}"


def _scalar(text: str | None) -> str:
    if text is None:
        return "null"
    if _PLAIN.match(text) and text.lower() not in _WORDS:
        return text
    quoted: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf"))
    return quoted.rstrip("\n")


def _found(image: Image) -> str:
    return ", ".join(str(declaration.place) for declaration in image.declarations)


def _problems(problems: Iterable[Problem]) -> Iterator[str]:
    listed = [f"# - {_comment(f'{each.place}: {each.message} ({each.kind})')}" for each in problems]
    if listed:
        yield from ("#", "# Found on the way:", *listed)


def _comment(text: str) -> str:
    """``text`` on one line, without characters that YAML does not allow in a file."""
    return "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
