"""Problems with the variables in the values of Compose files."""

from __future__ import annotations

from shipway.document import Node
from shipway.fleet.discover.compose.values import Filled
from shipway.fleet.discover.notes import Notes


class ComposeNotes(Notes):
    """Knows the scalars that hold variables."""

    def text(self, node: Node | None, what: str) -> str | None:
        """The text of a scalar; None for null, and with a Problem where a variable has no value."""
        if isinstance(node, Filled) and node.fault:
            self.add("invalid-build", f"{what}: {node.fault}", node.place)
            return None
        if isinstance(node, Filled) and node.unset:
            names = ", ".join(dict.fromkeys(map(str, node.unset)))
            self.add("unresolved-variable", f"{what} uses {names}, which has no value", node.place)
            return None
        return super().text(node, what)
