"""What rules look at: the fleet, every build as declared, and the files of the repository."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from shipway.checks.references.canon import Canon, canon_of, names_of
from shipway.checks.references.finder import NAMED, References, find_references
from shipway.checks.text import Text
from shipway.dockerfile.resolve import LINUX_AMD64
from shipway.dockerfile.resolved import ResolvedBuild
from shipway.dockerfile.sources import SourceReport
from shipway.dockerfile.syntax import Dockerfile
from shipway.dockerfile.trace import StageTree
from shipway.errors import ShipwayError
from shipway.fleet.builds import Builds, is_local
from shipway.fleet.model import BuildInputs, Declaration, Fleet, Image
from shipway.fleet.roots import below, prefix_of
from shipway.fleet.tree import FileTree
from shipway.gitops.flux import Flux, concerns_flux, read_flux
from shipway.place import Place
from shipway.values import Platform


@dataclass(frozen=True, slots=True)
class DeclaredBuild:
    """One image as one file declares it, for one platform.

    ``path`` is the Dockerfile's path for messages, relative to the fleet's root. An image with three
    declarations is three builds for each platform, unless their inputs are equal.
    """

    image: Image
    declaration: Declaration | None
    inputs: BuildInputs
    platform: Platform
    build: ResolvedBuild
    report: SourceReport
    path: str


@dataclass(frozen=True, eq=False)
class Facts:
    """Everything known before a rule looks; two of them are equal when they are the same object.

    ``directory`` is the fleet's own root.

    ``tracked`` are the files of the root that git tracks, None outside git; ``git_rules`` gives for paths
    that git ignores the line that says so. ``published`` is what images of the fleet hold, read from the
    layers of their last delivery, where somebody looked.
    """

    fleet: Fleet
    builds: Builds
    directory: str
    tracked: frozenset[str] | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    git_rules: Callable[[Sequence[str]], Mapping[str, str]] = lambda _: {}
    published: Mapping[tuple[str, Platform], StageTree] = field(default_factory=dict)

    @cached_property
    def declared(self) -> tuple[DeclaredBuild, ...]:
        """Every build of every declaration that can be read; the same inputs are looked at once an image."""
        found = []
        for image in self.fleet.images:
            for declaration, inputs in _declared_inputs(image):
                for platform in inputs.platforms or (LINUX_AMD64,):
                    build = self._declared(image, declaration, inputs, platform)
                    if build is not None:
                        found.append(build)
        return tuple(found)

    @cached_property
    def dockerfiles(self) -> Mapping[str, Dockerfile]:
        """Every Dockerfile of the fleet that is a file, by its path, each once."""
        return {each.path: each.build.dockerfile for each in self.declared if each.inputs.inline is None}

    @cached_property
    def builds_of(self) -> Mapping[str, tuple[DeclaredBuild, ...]]:
        """The builds of every image, by its name, in the order of ``declared``."""
        found: dict[str, tuple[DeclaredBuild, ...]] = {}
        for each in self.declared:
            found[each.image.name] = (*found.get(each.image.name, ()), each)
        return found

    @property
    def texts(self) -> tuple[Text, ...]:
        """Every Dockerfile of the fleet, inline ones too, each once."""
        return tuple(self._texts.values())

    def text_of(self, build: DeclaredBuild) -> Text:
        """The Dockerfile of a build, as rules about its text see it."""
        return self._texts[build.path, build.inputs.inline]

    @cached_property
    def _texts(self) -> Mapping[tuple[str, str | None], Text]:
        builds: dict[tuple[str, str | None], list[DeclaredBuild]] = {}
        for each in self.declared:
            builds.setdefault((each.path, each.inputs.inline), []).append(each)
        return {key: self._text(each) for key, each in builds.items()}

    def _text(self, builds: list[DeclaredBuild]) -> Text:
        first = builds[0]
        reached = frozenset(stage.stage.index for each in builds for stage in each.build.stages)
        inline = None if first.inputs.inline is None else self.place(first, 0)
        return Text(first.build.dockerfile, first.path, inline, reached)

    def _declared(
        self, image: Image, declaration: Declaration | None, inputs: BuildInputs, platform: Platform
    ) -> DeclaredBuild | None:
        directory = self.fleet.roots[image.root]
        args = {name: value for name, value in inputs.args.items() if value is not None}
        try:
            build = self.builds.build(directory, inputs, platform, args)
            report = self.builds.sources(directory, self._readable(directory, inputs), build)
        except ShipwayError:
            return None  # a Problem of the fleet tells it
        path = below(prefix_of(self.fleet.roots, image.root), inputs.dockerfile)
        return DeclaredBuild(image, declaration, inputs, platform, build, report, path)

    def leads_out(self, directory: str, context: str) -> bool:
        """Whether a context is a directory outside the repository, by ``..`` or through a link."""
        key = (directory, context)
        if key not in self._outside:
            # a Path would raise where a name is too long
            there = is_local(context) and os.path.isdir(f"{directory}/{context}")  # noqa: PTH112
            self._outside[key] = there and not self.builds.tree(directory).is_dir(context)
        return self._outside[key]

    def _readable(self, directory: str, inputs: BuildInputs) -> BuildInputs:
        """``inputs`` without the contexts that lead outside: those are not read, and nothing is said of
        what they hold."""
        holds = self.builds.tree(directory).holds
        if is_local(inputs.context) and not holds(inputs.context):
            inputs = replace(inputs, context="-")
        inside = {name: at for name, at in inputs.contexts.items() if not is_local(at) or holds(at)}
        return inputs if len(inside) == len(inputs.contexts) else replace(inputs, contexts=inside)

    @cached_property
    def _outside(self) -> dict[tuple[str, str], bool]:
        return {}

    def place(self, build: DeclaredBuild, line: int, column: int = 0) -> Place:
        """A place in the Dockerfile of a build; of an inline one the place where it is declared."""
        if build.inputs.inline is None:
            return Place(build.path, line, column)
        if build.declaration is None:
            return Place(build.path)
        return build.declaration.place_of("inline")

    def data(self, path: str) -> bytes:
        """The bytes of a file of the fleet's own repository. Raises ConfigError as ``FileTree.read``."""
        known = self.dockerfiles.get(path)
        if known is not None:
            return known.text.encode("utf-8", errors="surrogateescape")
        return self._tree.read(path)

    @cached_property
    def references(self) -> References:
        """Every image reference in the files of the fleet's own repository that may be one of its own."""
        own = {
            path: dockerfile for path, dockerfile in self.dockerfiles.items() if not path.startswith("../")
        }
        names, prefixes = names_of(self.fleet), self.fleet.bases.aliases
        return find_references(self._tree.mentioning(*NAMED), self._noting, own, names, prefixes)

    def _noting(self, path: str) -> bytes:
        """The bytes of a file, kept when they have to do with Flux: so each file is read once."""
        data = self._tree.read(path)
        if concerns_flux(data):
            self._of_flux[path] = data
        return data

    @cached_property
    def _of_flux(self) -> dict[str, bytes]:
        return {}

    @cached_property
    def flux(self) -> Flux:
        """What the files of the fleet's own repository declare for Flux's image automation."""
        return read_flux(self._of_flux, self._tree.files, self._tree.read) if self.references else Flux()

    @cached_property
    def canon(self) -> Canon:
        """What references to the fleet's own images should say."""
        return canon_of(self.fleet, self.references.mentions)

    @cached_property
    def _tree(self) -> FileTree:
        return self.builds.tree(self.directory)


def _declared_inputs(image: Image) -> list[tuple[Declaration | None, BuildInputs]]:
    """The settled inputs, which stand for the first declaration, then those of each one that says something
    else about what is built from which files."""
    first = image.declarations[0] if image.declarations else None
    found: list[tuple[Declaration | None, BuildInputs]] = [(first, image.inputs)]
    for declaration in image.declarations[1:]:
        inputs = replace(declaration.inputs, platforms=declaration.inputs.platforms or image.inputs.platforms)
        if all(not _alike(inputs, other) for _, other in found):
            found.append((declaration, inputs))
    return found


def _alike(inputs: BuildInputs, other: BuildInputs) -> bool:
    """Whether two builds read the same files in the same way."""
    names = ("dockerfile", "context", "target", "args", "contexts", "platforms", "inline")
    return all(getattr(inputs, name) == getattr(other, name) for name in names)
