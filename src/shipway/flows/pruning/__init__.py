"""The parts of ``shipway prune``: look, see what is in use, delete, and bring back."""
