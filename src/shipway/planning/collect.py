"""Collect what goes into every image of a plan, and what would keep it from being built."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shipway.dockerfile.resolved import ResolvedBuild
from shipway.dockerfile.sources import SourceReport
from shipway.dockerfile.syntax import Instruction
from shipway.errors import ConfigError, HostError
from shipway.fleet.builds import Builds, is_local
from shipway.fleet.discover.paths import is_remote
from shipway.fleet.matching import parsed_reference
from shipway.fleet.model import BuildInputs, Fleet, Image
from shipway.place import Place
from shipway.planning.inputs import Inputs
from shipway.planning.plan import Blocker
from shipway.values import Platform

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Collected:
    """The inputs of every image asked for, what blocks them, and what is worth a note."""

    inputs: Mapping[str, Inputs]
    blockers: tuple[Blocker, ...]
    notes: tuple[str, ...]


def collect(
    fleet: Fleet, names: Iterable[str], environ: Mapping[str, str], native: Platform, builds: Builds
) -> Collected:
    """Read what the images ``names`` are built from; bases must come before what builds on them.

    ``native`` is the platform of images that declare none. Raises HostError when a file cannot be read.
    """
    collector = _Collector(fleet, environ, native, builds)
    images = {image.name: image for image in fleet.images}
    for name in names:
        collector.add(images[name])
    return Collected(collector.inputs, tuple(collector.blockers), tuple(dict.fromkeys(collector.notes)))


def given_args(inputs: BuildInputs, environ: Mapping[str, str]) -> dict[str, str]:
    """The build args with their values; those without one are taken from ``environ``, or left out."""
    found = {name: environ.get(name) if value is None else value for name, value in inputs.args.items()}
    return {name: value for name, value in found.items() if value is not None}


def canonical(reference: str) -> str:
    """A base reference as ``Base.reference`` has it."""
    parsed = parsed_reference(reference)
    return str(parsed) if parsed else reference


@dataclass(slots=True)
class _Collector:
    """Shares builds and hashed files among the images."""

    fleet: Fleet
    environ: Mapping[str, str]
    native: Platform
    builds: Builds
    inputs: dict[str, Inputs] = field(default_factory=dict)
    blockers: list[Blocker] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _digests: dict[Path, str] = field(default_factory=dict)

    def add(self, image: Image) -> None:
        if is_remote(image.inputs.context):
            self._block_remote(image)
            return
        try:
            self.inputs[image.name] = self._inputs(image)
        except ConfigError as error:
            place = error.place or Place(image.inputs.dockerfile)
            self._block(image, error.message, place.path, place.line, error.cause, error.help)
            self.inputs[image.name] = Inputs("unreadable")

    def _inputs(self, image: Image) -> Inputs:
        inputs, directory = image.inputs, self.fleet.roots[image.root]
        args = given_args(inputs, self.environ)
        self._note_args(image, args)
        platforms = inputs.platforms or (self.native,)
        files: dict[str, str] = {}
        evaluated = hashlib.sha256()
        settings = self._settings(inputs, platforms)
        for platform in platforms:
            build = self.builds.build(directory, inputs, platform, args)
            report = self.builds.sources(directory, inputs, build)
            self._block_failures(image, build, report)
            files.update(self._files(image, report))
            for text in _evaluated(build):
                evaluated.update(text.encode("utf-8", errors="surrogateescape") + b"\0")
            settings.update(_arg_settings(build, inputs.secret_args))
        bases = {
            base.reference: self.inputs[base.image].fingerprint if base.image else base.reference
            for base in image.bases
            if base.kind != "scratch"
        }
        return Inputs(f"sha256:{evaluated.hexdigest()}", files, settings, bases)

    # --- reading ------------------------------------------------------------------------------

    def _files(self, image: Image, report: SourceReport) -> Iterator[tuple[str, str]]:
        """Each path that is read, with its digest; those of named contexts as ``name:path``."""
        inputs = image.inputs
        root = Path(self.fleet.roots[image.root])
        if is_local(inputs.context):
            for path in report.files():
                yield path, self._digest(root / inputs.context / path)
        for name, directory in inputs.contexts.items():
            if is_local(directory):
                for path in report.files(name):
                    yield f"{name}:{path}", self._digest(root / directory / path)

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            self._digests[path] = _digest(path)
        return self._digests[path]

    def _settings(self, inputs: BuildInputs, platforms: tuple[Platform, ...]) -> dict[str, str]:
        settings = {"platforms": ", ".join(map(str, platforms))}
        if inputs.target:
            settings["target"] = inputs.target
        settings.update({f"label {name}": value for name, value in inputs.labels.items()})
        settings.update({f"secret {text}": "" for text in inputs.secrets})
        for name, value in inputs.contexts.items():
            if not is_local(value) and not value.startswith("target:"):
                settings[f"context {name}"] = value
        return settings

    # --- what blocks --------------------------------------------------------------------------

    def _block_failures(self, image: Image, build: ResolvedBuild, report: SourceReport) -> None:
        path = image.inputs.dockerfile
        for problem in build.problems:
            self._block(image, problem.message, path, problem.place.line, None, problem.help)
        for ignored in report.ignore_problems:
            self._block(image, ignored.message, ignored.place.path, ignored.place.line)
        for failure in report.failures:
            if failure.certain:
                cause = (
                    f"the context is {image.inputs.context}" if failure.read.origin.kind == "main" else None
                )
                self._block(image, failure.message, path, failure.read.line, cause, failure.help)

    def _block(
        self,
        image: Image,
        message: str,
        path: str,
        line: int,
        cause: str | None = None,
        help: str | None = None,
    ) -> None:
        blocker = Blocker(image.name, message, path, line, cause, help)
        if blocker not in self.blockers:
            self.blockers.append(blocker)

    def _block_remote(self, image: Image) -> None:
        context = image.inputs.context
        place = image.declarations[0].place_of("context") if image.declarations else Place(".")
        self._block(
            image,
            f"the context {context} is elsewhere",
            place.path,
            place.line,
            "only what is in a working copy can be fingerprinted and proven",
            "name that repository under repositories: in shipway.yaml and build from there",
        )
        self.inputs[image.name] = Inputs("remote", settings={"context": context})

    def _note_args(self, image: Image, args: Mapping[str, str]) -> None:
        for name in image.inputs.args.keys() - args.keys():
            self.notes.append(f"{image.name}: the arg {name} is taken from the environment, which has none")


def _evaluated(build: ResolvedBuild) -> Iterator[str]:
    """The instructions of the reachable stages as they are read, without comments and layout."""
    for resolved in build.stages:
        for instruction in (resolved.stage.origin, *resolved.stage.instructions):
            yield from _as_read(instruction)


def _as_read(instruction: Instruction) -> Iterator[str]:
    form = "json" if instruction.json else "text"
    yield "\x1f".join((instruction.keyword, form, *instruction.flags, "", *instruction.args))
    for heredoc in instruction.heredocs:
        yield f"{heredoc.name}\n{heredoc.content}"
    if instruction.trigger is not None:
        yield from _as_read(instruction.trigger)


def _arg_settings(build: ResolvedBuild, secret: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The args in effect that the instructions themselves do not tell; of secret ones the name only."""
    for arg in build.args:
        if arg.origin in ("build-arg", "global"):
            yield f"arg {arg.name}", "" if arg.name in secret else arg.value


def _digest(path: Path) -> str:
    """Content and executable bit of a file, the target of a link, or the fact of an empty directory."""
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            return f"link:{path.readlink()}"
        if stat.S_ISDIR(status.st_mode):
            return "directory"
        hasher = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                hasher.update(piece)
    except OSError as error:
        raise HostError(
            f"cannot read {path}: {error.strerror}", help="make it readable, or exclude it in .dockerignore"
        ) from None
    return f"{'x' if status.st_mode & 0o100 else '-'}{hasher.hexdigest()}"
