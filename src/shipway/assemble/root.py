"""The files of an image while it is put together, and what its current layer changes.

Paths are relative to the root, which is ``""``, and free of links wherever nothing else is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shipway.assemble.nodes import DIRECTORY_MODE, Node, directory
from shipway.dockerfile.tree import MAX_LINKS, Kind
from shipway.errors import CannotAssemble

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"


class Root:
    """A file tree that forks cheaply. Satisfies ``dockerfile.tree.Tree``."""

    def __init__(self) -> None:
        self._directories: dict[str, dict[str, Node]] = {"": {}}
        self._owned: set[str] = {""}
        self._changed: dict[str, Node] = {}

    def fork(self) -> Root:
        """The same files, to be changed independently, with an empty layer."""
        copy = Root()
        copy._directories = dict(self._directories)
        copy._owned = set()
        self._owned = set()
        return copy

    # --- looking ------------------------------------------------------------------------------

    def entries(self, path: str) -> Mapping[str, Kind]:
        return {name: node.kind for name, node in self._directories.get(path, {}).items()}

    def link(self, path: str) -> str:
        node = self.get(path)
        return node.target if node is not None else ""

    def get(self, path: str) -> Node | None:
        """What stands at a path without links."""
        if not path:
            return directory()
        parent, _, name = path.rpartition("/")
        return self._directories.get(parent, {}).get(name)

    def real(self, path: str) -> str:
        """``path`` with every link followed inside the root, the last one too; what does not exist stays as
        it is (containerd/continuity, fs.RootPath). Raises CannotAssemble for a loop."""
        pending = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        real: list[str] = []
        followed = 0
        while pending:
            part = pending.pop()
            if part == "..":
                del real[-1:]
                continue
            node = self.get("/".join([*real, part]))
            if node is None or node.kind != "link":
                real.append(part)
                continue
            followed += 1
            if followed > MAX_LINKS:
                raise CannotAssemble(f"the symbolic links at /{path.strip('/')} form a loop")
            if node.target.startswith("/"):
                real = []
            pending += [piece for piece in reversed(node.target.split("/")) if piece not in ("", ".")]
        return "/".join(real)

    # --- changing -----------------------------------------------------------------------------

    def put(self, path: str, node: Node) -> None:
        """Place ``node``; its directory must be there, and a directory stays with what it holds."""
        parent, _, name = path.rpartition("/")
        self._own(parent)[name] = node
        if node.kind == "dir":
            self._directories.setdefault(path, {})
        self._changed[path] = node

    def make_directories(self, path: str, owner: tuple[int, int] | None = None) -> bool:
        """Make a directory and those above it that are missing; whether any was made.

        Raises CannotAssemble where a file is in the way.
        """
        if path in self._directories:
            return False
        if self.get(path) is not None:
            raise CannotAssemble(f"/{path} is no directory, and something shall be put below it")
        parent = path.rpartition("/")[0]
        if parent != path:
            self.make_directories(parent, owner)
        self.put(path, directory(owner))
        return True

    def _own(self, path: str) -> dict[str, Node]:
        """The names of a directory, to be changed."""
        names = self._directories[path]
        if path not in self._owned:
            names = self._directories[path] = dict(names)
            self._owned.add(path)
        return names

    def take_layer(self) -> tuple[tuple[str, Node], ...]:
        """What changed since the last call, with the directories above it, parents first."""
        layer = dict(self._changed)
        for path in self._changed:
            above = path.rpartition("/")[0]
            while above and above not in layer:
                node = self.get(above)
                if node is not None:
                    layer[above] = node
                above = above.rpartition("/")[0]
        self._changed = {}
        return tuple(sorted(layer.items(), key=lambda entry: entry[0].encode("utf-8", "surrogateescape")))

    # --- layers from elsewhere ----------------------------------------------------------------

    def apply(self, layer: Iterable[tuple[str, Node]]) -> None:
        """Lay a whole layer over what is there; it counts as no change (OCI image specification, layer.md).

        Raises CannotAssemble for a layer that reaches through a link of the layers below it: engines
        differ about what that means.
        """
        entries = list(layer)
        for path, _ in entries:
            self._hide(path)
        for path, node in entries:
            if not path.rpartition("/")[2].startswith(WHITEOUT):
                self._lay(path, node)
        self._changed = {}

    def _lay(self, path: str, node: Node) -> None:
        parent = path.rpartition("/")[0]
        if parent not in self._directories:
            self._lay_missing(parent)
        if node.kind != "dir" and path in self._directories:
            self._remove(path)
        self.put(path, node)

    def _lay_missing(self, path: str) -> None:
        there = self.get(path)
        if there is not None and there.kind == "link":
            raise CannotAssemble(f"a layer of the base holds something below the symbolic link /{path}")
        above = path.rpartition("/")[0]
        if above not in self._directories:
            self._lay_missing(above)
        self.put(path, Node("dir", DIRECTORY_MODE))

    def _hide(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        if name == OPAQUE:
            for hidden in list(self._directories.get(parent, {})):
                self._remove(f"{parent}/{hidden}" if parent else hidden)
        elif name.startswith(WHITEOUT):
            hidden = name.removeprefix(WHITEOUT)
            self._remove(f"{parent}/{hidden}" if parent else hidden)

    def _remove(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        if name not in self._directories.get(parent, {}):
            return
        for below in list(self._directories.get(path, {})):
            self._remove(f"{path}/{below}")
        self._directories.pop(path, None)
        self._owned.discard(path)
        del self._own(parent)[name]
