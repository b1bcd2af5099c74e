"""What ``shipway scaffold`` wrote, or would write."""

from __future__ import annotations

from shipway.flows.scaffold import Scaffolded
from shipway.report.json_text import json_text


def scaffold_text(done: Scaffolded) -> str:
    """The files, with their text where nothing was written, and the next command."""
    if not done.written:
        return "\n".join(f"# --- {file.path}\n{file.text}" for file in done.files)
    lines = [f"wrote {file.path}" for file in done.files]
    lines.append(f"{done.image} is a stand-in ({done.kind} on {done.base}) until its label is taken away")
    lines.append(f"next: shipway ship {done.image}")
    return "\n".join(lines) + "\n"


def scaffold_json(done: Scaffolded) -> str:
    """The document ``shipway.scaffold/1``."""
    return json_text(done) + "\n"
