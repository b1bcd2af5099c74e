"""The reader of Compose files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shipway.document import Node
from shipway.fleet.discover.compose import files
from shipway.fleet.discover.compose.merge import merge
from shipway.fleet.discover.compose.notes import ComposeNotes
from shipway.fleet.discover.compose.project import Loader, Model
from shipway.fleet.discover.compose.service import ServiceReader
from shipway.fleet.discover.paths import missing_paths
from shipway.fleet.discover.reader import Reader
from shipway.fleet.model import Declaration, DeclarationKind, Problem, Reading
from shipway.fleet.tree import FileTree

# A build that says one of these stands on its own; without them it amends the build of the default file.
_WHOLE = ("context", "dockerfile_inline")


@dataclass(frozen=True, slots=True)
class ComposeReader:
    """Reads the services that have a ``build``; profiles are all active.

    Variables take their values from the ``.env`` beside the file alone. With ``named`` the files of one
    directory are merged in the order given, as ``docker compose -f`` does. Otherwise they are read as they
    lie there: the default file with its override, and each further file (``compose.prod.yaml``) for the
    services that it gives a ``build`` of their own.
    """

    named: bool = False
    kind: DeclarationKind = "compose"

    def finds(self, tree: FileTree) -> list[str]:
        return [] if self.named else list(filter(files.is_discovered, tree.mentioning("compose")))

    def accepts(self, path: str) -> bool:
        return self.named and files.is_compose(path)

    def read(self, paths: Sequence[str], tree: FileTree) -> Reading:
        notes = ComposeNotes()
        loader = Loader(tree, notes)
        projects = files.as_named(paths) if self.named else files.by_convention(paths)
        found = [one for project in projects for one in _declarations(project, loader, notes)]
        # A file that is reached in two ways declares the same image twice.
        unique = {
            (one.place, one.name, one.inputs.context, one.inputs.dockerfile): one for one in reversed(found)
        }
        declarations = tuple(reversed(unique.values()))
        missing = (problem for one in declarations for problem in _missing(one, tree))
        return Reading(declarations, tuple(dict.fromkeys((*notes.problems, *missing))))


def _declarations(project: files.Project, loader: Loader, notes: ComposeNotes) -> Iterator[Declaration]:
    variables = loader.default_environment(project.directory, {})
    project = files.with_compose_file(project, variables)
    own = [path for path in project.files if path not in loader.included]
    base = loader.load(own, project.directory, variables)
    yield from _built(base, base, project.directory, notes)
    for path in project.variants:
        if path not in loader.included:
            variant = loader.load([path], project.directory, variables)
            yield from _built(_on(base, variant), base.under(variant), project.directory, notes)


def _built(model: Model, known: Model, directory: str, notes: ComposeNotes) -> Iterator[Declaration]:
    """The declarations of the services of ``model`` that may name what is in ``known``."""
    reader = ServiceReader(known, directory, notes)
    for name, service in model.services.mapping.items():
        declaration = reader.declaration(name, service, model.services.key_place(name))
        if declaration is not None:
            yield declaration


def _on(base: Model, variant: Model) -> Model:
    """``variant`` with those of its services completed that only amend a build of ``base``."""
    services = {name: _completed(base, name, one) for name, one in variant.services.mapping.items()}
    return Model(Node(services, variant.services.place, keys=variant.services.keys), variant.secrets)


def _completed(base: Model, name: str, service: Node) -> Node:
    build, below = service.get("build"), base.services.get(name)
    if build is None or below is None or any(build.get(key) for key in _WHOLE):
        return service
    return merge(below, service)


def _missing(declaration: Declaration, tree: FileTree) -> Iterator[Problem]:
    places = declaration.place_of("context"), declaration.place_of("dockerfile")
    return missing_paths(declaration.inputs, tree, *places)


COMPOSE: Reader = ComposeReader()
COMPOSE_NAMED: Reader = ComposeReader(named=True)
