"""Problems as they are met, and the values of a document that give rise to them."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.document import Node
from shipway.errors import ShipwayError
from shipway.fleet.model import Problem
from shipway.place import Place


class Notes:
    """Collects problems while declarations are read; ``what`` names a value in their messages."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, kind: str, message: str, place: Place) -> None:
        self.problems.append(Problem(kind, message, place))

    def unreadable(self, error: ShipwayError, place: Place) -> None:
        """Note a file that could not be read: at the line that is wrong, else at ``place``."""
        wrong = error.place if error.place is not None and error.place.line else place
        self.add("unreadable-file", error.message, wrong)

    def text(self, node: Node | None, what: str) -> str | None:
        """The text of a scalar; None for null, and with a Problem where it is not known."""
        if node is None or node.value is None:
            return None
        if node.text is None:
            self.add("invalid-build", f"{what} is no text", node.place)
        return node.text

    def items(self, node: Node | None, what: str) -> Iterator[Node]:
        """The items of a list; a scalar is a list of one."""
        if node is None or node.value is None:
            return
        if node.is_mapping:
            self.add("invalid-build", f"{what} is no list", node.place)
        elif node.is_sequence:
            yield from node.sequence
        else:
            yield node

    def entries(self, node: Node | None, what: str) -> dict[str, Node]:
        """The entries of a mapping; none, and a Problem, for anything else but null."""
        if node is None or node.value is None:
            return {}
        if not node.is_mapping:
            self.add("invalid-build", f"{what} is no mapping", node.place)
        return node.mapping
