"""Compose files put together: several files, ``include``, ``extends``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shipway.document import Node, parse_all
from shipway.errors import ShipwayError
from shipway.fleet.discover.compose.merge import empty, merge
from shipway.fleet.discover.compose.values import fill, secret_values, service_values
from shipway.fleet.discover.dotenv import parse_env
from shipway.fleet.discover.notes import Notes
from shipway.fleet.discover.paths import is_remote
from shipway.fleet.tree import FileTree, directory_of, join
from shipway.place import Place


@dataclass(frozen=True, slots=True)
class Model:
    """What Compose files say after merging: mappings of services and of secrets."""

    services: Node
    secrets: Node

    def under(self, over: Model) -> Model:
        """This model with ``over`` on top of it."""
        return Model(merge(self.services, over.services), merge(self.secrets, over.secrets))


NOTHING = Model(empty(Place("")), empty(Place("")))


@dataclass(frozen=True, slots=True)
class Scope:
    """How one file is read: where its paths count from, its variables, and the files that include it."""

    path: str
    directory: str
    variables: Mapping[str, str]
    including: tuple[str, ...] = ()


class Loader:
    """Reads Compose files of ``tree``, each of them once. ``included`` are those that others include."""

    def __init__(self, tree: FileTree, notes: Notes) -> None:
        self._tree = tree
        self._notes = notes
        self._documents: dict[str, list[Node]] = {}
        self.included: set[str] = set()

    def environment(self, files: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
        """The variables of ``files``, later files first, ``known`` before all."""
        values: dict[str, str] = {}
        for path in files:
            try:
                values |= parse_env(self._tree.read_text(path), path, {**values, **known})
            except ShipwayError as error:
                self._notes.unreadable(error, Place(path))
        return {**values, **known}

    def default_environment(self, directory: str, known: Mapping[str, str]) -> dict[str, str]:
        """The variables of the ``.env`` in ``directory``, where there is one."""
        path = join(directory, ".env")
        return self.environment([path] if self._tree.is_file(path) else [], known)

    def load(
        self,
        files: Sequence[str],
        directory: str,
        variables: Mapping[str, str],
        including: tuple[str, ...] = (),
    ) -> Model:
        """``files`` merged in order, with what they include and extend."""
        model = NOTHING
        for path in files:
            scope = Scope(path, directory, variables, (*including, path))
            for document in self._parsed(path, Place(path)):
                model = model.under(self._file(document, scope))
        return model

    def _parsed(self, path: str, place: Place) -> list[Node]:
        """The documents of a file; none, and a Problem at the first time, when it cannot be read."""
        if path not in self._documents:
            try:
                self._documents[path] = parse_all(self._tree.read(path), path)
            except ShipwayError as error:
                self._documents[path] = []
                self._notes.unreadable(error, place)
            for document in self._documents[path]:
                if not document.is_mapping:
                    self._notes.add("unreadable-file", "a Compose file is a mapping", document.place)
        return self._documents[path]

    def _file(self, document: Node, scope: Scope) -> Model:
        name = document.get("name")
        if name is not None and name.text:
            scope = _named(scope, fill(name, scope.variables).raw)
        services = document.get("services") or empty(document.place)
        resolved = {
            key: self._service(services, key, scope, ()) for key in self._notes.entries(services, "services")
        }
        secrets = document.get("secrets") or empty(document.place)
        own = Model(
            Node(resolved, services.place, keys=services.keys),
            secret_values(secrets, scope.directory, scope.variables),
        )
        return self._included(document, scope).under(own)

    def _included(self, document: Node, scope: Scope) -> Model:
        model = NOTHING
        for entry in self._notes.items(document.get("include"), "include"):
            filled = fill(entry, scope.variables)
            model = model.under(self._include(filled, scope))
        return model

    def _include(self, entry: Node, scope: Scope) -> Model:
        """One entry of ``include``, in short or long form."""
        paths = self._paths(entry.get("path") if entry.is_mapping else entry, "include", scope)
        if not paths or not self._may_include(paths, entry, scope):
            return NOTHING
        base = self._paths(entry.get("project_directory"), "project_directory", scope)
        directory = base[0] if base else directory_of(paths[0])
        env_files = self._paths(entry.get("env_file"), "env_file", scope)
        variables = (
            self.environment(env_files, scope.variables)
            if env_files
            else self.default_environment(directory, scope.variables)
        )
        self.included.update(paths)
        return self.load(paths, directory, variables, scope.including)

    def _may_include(self, paths: Sequence[str], entry: Node, scope: Scope) -> bool:
        if remote := [path for path in paths if is_remote(path)]:
            self._notes.add("remote-include", f"{remote[0]} is included from elsewhere", entry.place)
        if again := [path for path in paths if path in scope.including]:
            self._notes.add("include-cycle", " -> ".join((*scope.including, again[0])), entry.place)
        return not remote and not again

    def _paths(self, node: Node | None, what: str, scope: Scope) -> list[str]:
        texts = [self._notes.text(item, what) for item in self._notes.items(node, what)]
        return [text if is_remote(text) else join(scope.directory, text) for text in texts if text]

    def _service(self, services: Node, name: str, scope: Scope, chain: tuple[tuple[str, str], ...]) -> Node:
        """The service ``name`` of one file with what it extends."""
        own = service_values(services.mapping[name], scope.directory, scope.variables)
        base = empty(own.place)
        extends = own.get("extends")
        if extends is not None and extends.value is not None:
            base = self._extended(extends, services, scope, (*chain, (scope.path, name))) or base
        return merge(base, own) if own.is_mapping else base

    def _extended(
        self, extends: Node, services: Node, scope: Scope, chain: tuple[tuple[str, str], ...]
    ) -> Node | None:
        name = self._notes.text(extends.get("service") if extends.is_mapping else extends, "extends")
        files = self._paths(extends.get("file"), "extends", scope)
        if files:
            scope = Scope(files[0], directory_of(files[0]), scope.variables)
            documents = self._parsed(scope.path, extends.place)
            services = (documents[0].get("services") if documents else None) or empty(extends.place)
        if name is None or (scope.path, name) in chain:
            self._notes.add("invalid-extends", _extends_fault(name, chain), extends.place)
            return None
        if name not in services.mapping:
            self._notes.add("unknown-service", f"{scope.path} has no service {name}", extends.place)
            return None
        return self._service(services, name, scope, chain)


def _named(scope: Scope, project: str) -> Scope:
    """``scope`` with the variable that Compose sets to the name of the project."""
    variables = {"COMPOSE_PROJECT_NAME": project, **scope.variables}
    return Scope(scope.path, scope.directory, variables, scope.including)


def _extends_fault(name: str | None, chain: tuple[tuple[str, str], ...]) -> str:
    if name is None:
        return "extends names no service"
    return "the service extends itself: " + " -> ".join((*(service for _, service in chain), name))
