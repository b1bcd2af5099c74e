"""Registries that move: every repository names the new place, and nothing else changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from shipway.flows.promote.publish import Snapshot
from shipway.gitops.edits.files import Edits, is_env_file, is_manifest
from shipway.gitops.edits.rewrite import Move, rewrite


@dataclass(frozen=True, slots=True)
class Moves:
    """See ``publish.Plan``. A value that somebody else changed meanwhile is looked at again."""

    move: Move
    strict: bool = False

    async def edits(self, snapshot: Snapshot) -> Edits:
        """The edits of one commit, and which files name the old place in ways that are left alone."""
        host = self.move.old.partition("/")[0]
        files = snapshot.holding([host], lambda _: True)
        known = {path: data for path, data in files.items() if is_manifest(path) or is_env_file(path)}
        found = rewrite(known, self.move)
        after = {file.path: file.after for file in found.files}
        left = [
            f"{path} still names {self.move.old}{_why(path in known)}"
            for path, data in sorted(files.items())
            if self.move.pattern.search(after.get(path, data).decode(errors="replace"))
        ]
        return replace(found, notes=(*found.notes, *left))

    def message(self, edits: Edits) -> tuple[str, str]:
        """A conventional commit; the body counts what changed in each file."""
        counts = Counter(place.path for place in edits.changed)
        lines = [f"{path}: {count}" for path, count in sorted(counts.items())]
        return f"chore(images): {self.move.old} is {self.move.new} now", "\n".join(lines)


def _why(read: bool) -> str:
    return ", in comments or text that was not understood" if read else ": no manifest, and left alone"
