"""Resolved targets to Declarations: paths from the directory in which bake runs to the repository root."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from shipway.errors import InvalidValue
from shipway.fleet.discover.bake import options
from shipway.fleet.discover.bake.definitions import LOCAL_PLATFORM
from shipway.fleet.discover.bake.settings import Settings
from shipway.fleet.discover.bake.values import UNRESOLVED_VARIABLE
from shipway.fleet.model import BuildInputs, Declaration, Problem
from shipway.fleet.tree import FileTree, join
from shipway.place import Place
from shipway.values import Platform, Reference

_REMOTE = re.compile(r"(?:https?|git|ssh)://|git@|github\.com/|[\w.-]+@[\w.-]+:")
_KEPT = ("target:", "docker-image://")
_LAYOUT = "oci-layout://"
_HERE = "cwd://"
_NEEDED = ("context", "dockerfile", "dockerfile-inline", "target")
_FIELDS = {
    "context": "context",
    "dockerfile": "dockerfile",
    "dockerfile-inline": "inline",
    "target": "target",
    "args": "args",
    "contexts": "contexts",
    "platforms": "platforms",
    "labels": "labels",
    "secret": "secrets",
    "ssh": "ssh",
    "cache-from": "cache_from",
    "cache-to": "cache_to",
    "tags": "references",
}


def is_remote(context: str) -> bool:
    """Whether a context is fetched by the builder: a Git or HTTP URL."""
    return _REMOTE.match(context) is not None


@dataclass(frozen=True, slots=True)
class Rooted:
    """Paths of bake files as seen from ``directory``, in which bake runs, relative to the root."""

    directory: str

    def path(self, path: str) -> str:
        return join(self.directory, path.removeprefix(_HERE) or ".")

    def context(self, context: str) -> str:
        """A context; a named one may also be an image, a layout or a target."""
        if context.startswith(_LAYOUT):
            return f"{_LAYOUT}{self.path(context.removeprefix(_LAYOUT))}"
        if is_remote(context) or context.startswith(_KEPT):
            return context
        return self.path(context)

    def dockerfile(self, context: str, dockerfile: str) -> str:
        """The Dockerfile of a context: relative to it, unless it starts with ``cwd://``."""
        if dockerfile.startswith(_HERE):
            return self.path(dockerfile)
        if is_remote(context):
            return posixpath.normpath(dockerfile)
        return join(self.path(context), dockerfile)

    def option(self, option: str) -> str:
        """A secret or a local cache, whose path counts from the root; other caches as they are."""
        fields = options.fields_of(option)
        local = fields.get("type", "local") == "local"
        changed = {key: self._local(fields[key]) for key in ("src", "dest") if local and key in fields}
        return options.replace_fields(option, changed) if changed else option

    def ssh(self, agent: str) -> str:
        name, equals, paths = agent.partition("=")
        return f"{name}{equals}{','.join(map(self._local, paths.split(',')))}" if equals else agent

    def _local(self, path: str) -> str:
        return path if path.startswith(("~", "$")) else self.path(path)


def location(settings: Settings, rooted: Rooted) -> tuple[str, str]:
    """The context and the Dockerfile of a target; bake's defaults are ``.`` and ``Dockerfile``."""
    context = settings.texts.get("context", ".")
    dockerfile = settings.texts.get("dockerfile") or "Dockerfile"
    return rooted.context(context), rooted.dockerfile(context, dockerfile)


def lacks_dockerfile(settings: Settings, rooted: Rooted, tree: FileTree) -> bool:
    """Whether the Dockerfile should be in the tree and is not."""
    context, dockerfile = location(settings, rooted)
    if settings.texts.get("dockerfile-inline") is not None or is_remote(context):
        return False
    return not tree.is_file(dockerfile)


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration, None where its build cannot be told, and the problems of its values."""

    declaration: Declaration | None
    problems: tuple[Problem, ...]


def declare(name: str, place: Place, settings: Settings, rooted: Rooted) -> Declared:
    """The declaration of a target. Values that cannot be resolved are left out and are problems; a target
    whose context, Dockerfile or stage cannot be resolved is no declaration."""
    problems = [problem for key, found in settings.problems.items() if key in _FIELDS for problem in found]
    if any(key in settings.problems for key in _NEEDED):
        return Declared(None, tuple(problems))
    references = tuple(_references(settings, problems))
    inputs = _inputs(place, settings, rooted, tuple(_platforms(settings, problems)))
    places = {field: settings.places[key] for key, field in _FIELDS.items() if key in settings.places}
    places |= {key: where for key, where in settings.places.items() if "." in key}
    return Declared(Declaration("bake", name, place, inputs, references, places), tuple(problems))


def _inputs(place: Place, settings: Settings, rooted: Rooted, platforms: tuple[Platform, ...]) -> BuildInputs:
    context, dockerfile = location(settings, rooted)
    inline = settings.texts.get("dockerfile-inline")
    contexts = {name: rooted.context(value) for name, value in settings.map("contexts").items()}
    return BuildInputs(
        dockerfile=dockerfile if inline is None else settings.places.get("dockerfile-inline", place).path,
        context=context,
        target=settings.texts.get("target") or None,
        args=dict(settings.map("args")),
        contexts=contexts,
        platforms=platforms,
        labels=dict(settings.map("labels")),
        secrets=tuple(map(rooted.option, settings.list("secret"))),
        ssh=tuple(map(rooted.ssh, settings.list("ssh"))),
        cache_from=tuple(map(rooted.option, settings.list("cache-from"))),
        cache_to=tuple(map(rooted.option, settings.list("cache-to"))),
        inline=inline,
    )


def _references(settings: Settings, problems: list[Problem]) -> Iterator[str]:
    for tag in settings.list("tags"):
        try:
            Reference.parse(tag)
        except InvalidValue as error:
            message = f"tags: {error.message}" + (f": {error.cause}" if error.cause else "")
            problems.append(Problem("invalid-reference", message, settings.places["tags"]))
        else:
            yield tag


def _platforms(settings: Settings, problems: list[Problem]) -> Iterator[Platform]:
    """The platforms; ``local`` alone is the same as none, among others it cannot be told."""
    for name in settings.list("platforms"):
        place = settings.places["platforms"]
        if name == LOCAL_PLATFORM:
            if settings.list("platforms") != (LOCAL_PLATFORM,):
                message = "platforms: the local platform is known only where the build runs"
                problems.append(Problem(UNRESOLVED_VARIABLE, message, place))
            continue
        try:
            yield Platform.parse(name)
        except InvalidValue as error:
            problems.append(Problem("invalid-platform", f"platforms: {error.message}", place))
