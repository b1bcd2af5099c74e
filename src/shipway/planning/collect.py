"""Collect what goes into every image of a plan, and what would keep it from being built."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from shipway.dockerfile.reach import SCRATCH
from shipway.dockerfile.resolved import ResolvedBuild
from shipway.dockerfile.sources import SourceReport
from shipway.errors import ConfigError
from shipway.fleet.builds import Builds, is_local
from shipway.fleet.discover.paths import is_remote
from shipway.fleet.matching import parsed_reference
from shipway.fleet.model import BuildInputs, Fleet, Image
from shipway.fleet.roots import below, prefix_of
from shipway.place import Place
from shipway.planning.content import file_digest
from shipway.planning.draft import UNREADABLE, Draft, is_moving
from shipway.planning.inputs import Inputs
from shipway.planning.labels import underlying
from shipway.planning.plan import Blocker
from shipway.planning.reading import (
    args_of,
    fetched,
    instructions,
    settings_of,
    triggers_reads,
    unseen,
    without_values,
)
from shipway.planning.stand_in import is_stand_in
from shipway.values import Platform

_LAYOUT = "oci-layout://"


@dataclass(frozen=True)
class Collected:
    """What every image asked for is built from, what blocks them, and what is worth a note.

    ``drafts`` are in build order.
    """

    drafts: Mapping[str, Draft]
    blockers: tuple[Blocker, ...]
    notes: tuple[str, ...]

    @cached_property
    def inputs(self) -> Mapping[str, Inputs]:
        """The inputs by name as the files alone tell them: no tag of an image outside has a digest."""
        found: dict[str, Inputs] = {}
        fingerprints: dict[str, str] = {}
        for name, draft in self.drafts.items():
            found[name] = draft.inputs(fingerprints, {})
            fingerprints[name] = found[name].fingerprint
        return found

    def only(self, names: Container[str]) -> Collected:
        """What concerns some of the images; what they need must be among them."""
        drafts = {name: draft for name, draft in self.drafts.items() if name in names}
        blockers = tuple(each for each in self.blockers if each.image is None or each.image in names)
        return Collected(drafts, blockers, self.notes)


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
    return Collected(collector.drafts, tuple(collector.blockers), tuple(dict.fromkeys(collector.notes)))


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
    drafts: dict[str, Draft] = field(default_factory=dict)
    blockers: list[Blocker] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _triggering: set[str] = field(default_factory=set)
    _digests: dict[str, str] = field(default_factory=dict)

    def add(self, image: Image) -> None:
        if is_remote(image.inputs.context):
            self._block_remote(image)
            return
        try:
            self.drafts[image.name] = self._draft(image)
        except ConfigError as error:
            place = error.place or Place(image.inputs.dockerfile)
            help = error.help or self._without_code(image)
            self._block(image, error.message, place.path, place.line, error.cause, help)
            self.drafts[image.name] = Draft(UNREADABLE)

    def _draft(self, image: Image) -> Draft:
        inputs, directory = image.inputs, self.fleet.roots[image.root]
        args = given_args(inputs, self.environ)
        self._note_args(image, args)
        builds: dict[Platform, ResolvedBuild] = {}
        files: dict[str, str] = {}
        evaluated = hashlib.sha256()
        for platform in sorted(inputs.platforms or (self.native,)):
            build = builds[platform] = self.builds.build(directory, inputs, platform, args)
            report = self.builds.sources(directory, inputs, build)
            self._block_failures(image, build, report)
            files.update(self._files(image, report))
            for text in instructions(build):
                evaluated.update(text + b"\0")
        if any(triggers_reads(build) for build in builds.values()):
            self._triggering.add(image.name)
        outside = self._outside(image, builds.values())
        return Draft(
            f"sha256:{evaluated.hexdigest()}",
            files,
            {**settings_of(inputs, builds), **self._args(image, builds, args)},
            {base.reference: base.image for base in image.bases if base.image},
            outside,
            _movable(outside, builds.values()),
            tuple(dict.fromkeys(url for build in builds.values() for url in fetched(build))),
            any(self._is_stand_in(image, build) for build in builds.values()),
        )

    def _is_stand_in(self, image: Image, build: ResolvedBuild) -> bool:
        base = underlying(build)
        own = {each.reference: each.image for each in image.bases if each.image}
        under = self.drafts.get(own.get(canonical(base.reference), "")) if base is not None else None
        return is_stand_in(build, image.inputs.labels, inherited=under is not None and under.stand_in)

    def _without_code(self, image: Image) -> str | None:
        """What can be done about an image whose Dockerfile is not there."""
        there = self.builds.tree(self.fleet.roots[image.root]).is_file(image.inputs.dockerfile)
        scaffold = f"write it; shipway scaffold {image.name} writes a service that stands in until then"
        return None if there or image.root else scaffold

    def _args(
        self, image: Image, builds: Mapping[Platform, ResolvedBuild], args: Mapping[str, str]
    ) -> dict[str, str]:
        inputs, directory = image.inputs, self.fleet.roots[image.root]
        if inputs.secret_args:
            shown = without_values(args, inputs.secret_args)
            builds = {each: self.builds.build(directory, inputs, each, shown) for each in builds}
        return args_of(builds, inputs.secret_args)

    def _outside(self, image: Image, builds: Iterable[ResolvedBuild]) -> tuple[str, ...]:
        """The references of images that are not of the fleet."""
        own = {base.reference for base in image.bases if base.image}
        named = (base.reference for build in builds for base in build.bases if base.reference != SCRATCH)
        return tuple(text for text in dict.fromkeys(map(canonical, named)) if text not in own)

    # --- reading ------------------------------------------------------------------------------

    def _files(self, image: Image, report: SourceReport) -> Iterator[tuple[str, str]]:
        """Each path that is read, with its digest; those of named contexts as ``name:path``."""
        inputs = image.inputs
        root = self.fleet.roots[image.root]
        triggered = any(base.image in self._triggering for base in image.bases if base.via == "from")
        if is_local(inputs.context):
            context = self.builds.main(root, inputs)
            paths = context.below("") if triggered or _is_unseen(report, "main") else report.files()
            yield from self._read(f"{root}/{inputs.context}", paths)
        for name, directory in inputs.contexts.items():
            if directory.startswith(_LAYOUT):
                yield from self._layout(image, name, directory.removeprefix(_LAYOUT))
            if is_local(directory):
                context = self.builds.context(root, directory, None)
                unknown = _is_unseen(report, "context", name)
                paths = context.below("") if unknown else report.files(name)
                yield from self._read(f"{root}/{directory}", paths, f"{name}:")

    def _read(self, directory: str, paths: Iterable[str], prefix: str = "") -> Iterator[tuple[str, str]]:
        for path in paths:
            yield f"{prefix}{path}", self._digest(f"{directory}/{path}")

    def _layout(self, image: Image, name: str, path: str) -> Iterator[tuple[str, str]]:
        """The index of an image layout tells by digests all that is in it (image-layout.md)."""
        directory = path.partition("@")[0]
        index = f"{self.fleet.roots[image.root]}/{directory}/index.json"
        if os.path.isfile(index):  # noqa: PTH113 - a path put together from text
            yield f"{name}:index.json", self._digest(index)

    def _digest(self, path: str) -> str:
        if path not in self._digests:
            self._digests[path] = file_digest(path)
        return self._digests[path]

    # --- what blocks --------------------------------------------------------------------------

    def _block_failures(self, image: Image, build: ResolvedBuild, report: SourceReport) -> None:
        for problem in build.problems:
            at = self._place(image, problem.place.line)
            self._block(image, problem.message, at.path, at.line, None, problem.help)
        for ignored in report.ignore_problems:
            path = below(prefix_of(self.fleet.roots, image.root), ignored.place.path)
            self._block(image, ignored.message, path, ignored.place.line)
        for failure in report.failures:
            if failure.certain:
                cause = (
                    f"the context is {image.inputs.context}" if failure.read.origin.kind == "main" else None
                )
                at = self._place(image, failure.read.line)
                self._block(image, failure.message, at.path, at.line, cause, failure.help)

    def _place(self, image: Image, line: int) -> Place:
        """A line of the Dockerfile from the fleet's root; an inline one stands where it is declared."""
        if image.inputs.inline is not None and image.declarations:
            return image.declarations[0].place_of("inline")
        return Place(below(prefix_of(self.fleet.roots, image.root), image.inputs.dockerfile), line)

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
        self.drafts[image.name] = Draft(UNREADABLE, settings={"context": context})

    def _note_args(self, image: Image, args: Mapping[str, str]) -> None:
        for name in image.inputs.args.keys() - args.keys():
            self.notes.append(f"{image.name}: the arg {name} is taken from the environment, which has none")


def _movable(outside: Iterable[str], builds: Iterable[ResolvedBuild]) -> tuple[str, ...]:
    """The references by tag that the Dockerfile has in one piece everywhere, so that they can be pinned."""
    broken = {canonical(base.reference) for build in builds for base in build.bases if base.span is None}
    return tuple(text for text in outside if is_moving(text) and text not in broken)


def _is_unseen(report: SourceReport, kind: str, name: str = "") -> bool:
    """Whether something is read of a context that nobody can name without the image below."""
    return any(
        unseen(each.read) and (each.read.origin.kind, each.read.origin.name) == (kind, name)
        for each in report.outcomes
    )
