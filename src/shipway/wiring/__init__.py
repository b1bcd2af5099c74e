"""The composition root: which adapter stands behind each port, and where state lives."""

from shipway.wiring.workspace import Workspace

__all__ = ["Workspace"]
