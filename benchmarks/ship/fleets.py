"""A fleet as every contender wants it: directories with Dockerfiles, a fleet file, a bake file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TAG = "1.0.0"


@dataclass(frozen=True)
class Fleet:
    """Images that go to ``registry`` (``HOST/PREFIX``), each from the directory of its name in ``root``.

    What contenders keep from run to run goes to ``beside``.
    """

    root: Path
    registry: str

    @property
    def beside(self) -> Path:
        """A directory next to the fleet, that no build reads."""
        place = self.root.with_name(f"{self.root.name}-beside")
        place.mkdir(exist_ok=True)
        return place

    @property
    def names(self) -> list[str]:
        """The images, the base first."""
        found = sorted(path.parent.name for path in self.root.glob("*/Dockerfile"))
        return ["base", *(name for name in found if name != "base")]

    def reference(self, name: str) -> str:
        return f"{self.registry}/{name}:{TAG}"

    def change(self, number: int) -> None:
        """Give one service a content that it never had."""
        name = self.names[len(self.names) // 2]
        (self.root / name / "src" / "part-0.js").write_text(f"// change {number}\n")

    def bake_file(self) -> Path:
        """A bake file for all images. Services take the base from the registry, so that is to be there first:
        the groups ``base`` and ``services`` are for the first time. Linked as targets it would be looked at
        once more for every service, and the BuildKit of an older daemon knows no such links."""
        targets = {
            name: {"context": str(self.root / name), "tags": [self.reference(name)]} for name in self.names
        }
        services = self.names[1:]
        groups = {"default": {"targets": self.names}, "services": {"targets": services}}
        file = self.beside / "docker-bake.json"
        file.write_text(json.dumps({"group": groups, "target": targets}, indent=1))
        return file

    def script(self, each: str, at_once: int) -> list[str]:
        """The command that runs the line of shell ``each`` with a reference as $1 and a directory as $2: for
        the base, then for all services, ``at_once`` at a time."""
        one, lines = self.beside / "one.sh", self.beside / "lines"
        one.write_text(f"set -e\n{each}\n")
        words = [(self.reference(name), str(self.root / name)) for name in self.names]
        lines.write_text("".join(f"{reference} {directory}\n" for reference, directory in words[1:]))
        first = " ".join(["sh", str(one), *words[0]])
        return shell(f"{first} && xargs -a {lines} -P {at_once} -L 1 sh {one}")


def shell(line: str) -> list[str]:
    """The command that runs a line of shell."""
    return ["sh", "-c", line]


def words(parts: Sequence[str]) -> str:
    """A line of shell; none of ``parts`` has anything to quote."""
    return " ".join(parts)
