"""Problems as they are met, and the scalars that give rise to them."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.document import Node
from shipway.errors import ShipwayError
from shipway.fleet.discover.compose.values import Filled
from shipway.fleet.model import Problem
from shipway.values import Place


class Notes:
    """Collects problems while Compose files are read."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, kind: str, message: str, place: Place) -> None:
        self.problems.append(Problem(kind, message, place))

    def unreadable(self, error: ShipwayError, place: Place) -> None:
        """Note a file that could not be read, where the error says, else at ``place``."""
        self.add("unreadable-file", error.message, error.place or place)

    def text(self, node: Node | None, what: str) -> str | None:
        """The text of a scalar called ``what``; None for null, and with a Problem where it is not known."""
        if node is None or node.value is None:
            return None
        if node.text is None:
            self._refuse(f"{what} is no text", node)
        elif isinstance(node, Filled) and node.fault:
            self._refuse(f"{what}: {node.fault}", node)
        elif isinstance(node, Filled) and node.unset:
            names = ", ".join(dict.fromkeys(map(str, node.unset)))
            self.add("unresolved-variable", f"{what} uses {names}, which has no value", node.place)
        else:
            return node.text
        return None

    def items(self, node: Node | None, what: str) -> Iterator[Node]:
        """The items of a list called ``what``; a scalar is a list of one."""
        if node is None or node.value is None:
            return
        if node.is_mapping:
            self._refuse(f"{what} is no list", node)
        elif node.is_sequence:
            yield from node.sequence
        else:
            yield node

    def entries(self, node: Node | None, what: str) -> dict[str, Node]:
        """The entries of a mapping called ``what``."""
        if node is None or node.value is None:
            return {}
        if not node.is_mapping:
            self._refuse(f"{what} is no mapping", node)
        return node.mapping

    def _refuse(self, message: str, node: Node) -> None:
        self.add("invalid-build", message, node.place)
