"""Scaffolds: the files of a minimal service that stands in for an image without code.

Each kind answers ``GET /healthz`` (and every other path) on port 8080, runs as user 65532, has a HEALTHCHECK
of its own program, and needs no network and no package to be built: its base is all it takes.
"""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shipway.planning.scaffold_sources import GO_MOD, GO_SERVICE, NODE_SERVICE, PYTHON_SERVICE
from shipway.planning.stand_in import STAND_IN_LABEL

PORT = 8080
STATIC = "static"
_USER = "65532:65532"
_FOREIGN = frozenset({"node_modules", "vendor", "third_party", "dist", "build", "site-packages"})


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to write: ``path`` from the repository's root, and its text."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of an image go: its Dockerfile, its context, and the stage that is built, if named;
    paths are relative to the repository's root."""

    image: str
    dockerfile: str
    context: str
    target: str | None = None

    @property
    def home(self) -> str:
        """The directory of the service: that of the Dockerfile where the build can read it."""
        directory = posixpath.dirname(self.dockerfile) or "."
        inside = self.context in (".", directory) or directory.startswith(f"{self.context}/")
        return directory if inside else self.context

    def source(self, name: str) -> str:
        """What COPY calls the file ``name`` of the service."""
        path = posixpath.normpath(posixpath.join(self.home, name))
        return posixpath.relpath(path, self.context)


@dataclass(frozen=True, slots=True)
class Kind:
    """One language: what its files end with, the usual base, and the Dockerfile between FROM and USER, in
    which ``{0}``, ``{1}`` … are the sources of ``files`` for COPY. ``check`` and ``command`` are argument
    lists. What ``compiles`` has its base for a stage of its own, and the image holds the program alone."""

    suffixes: tuple[str, ...]
    base: str
    files: Mapping[str, str]
    steps: str
    check: tuple[str, ...]
    command: tuple[str, ...]
    compiles: bool = False

    def dockerfile(self, place: Place, base: str) -> str:
        """The text of the Dockerfile on ``base``."""
        steps = self.steps.format(*map(place.source, self.files))
        name = f" AS {place.target}" if place.target else ""
        head = f"FROM {base} AS compile\n{steps}\nFROM scratch{name}\n" if self.compiles else ""
        head = head or f"FROM {base}{name}\n{steps}"
        copied = "COPY --from=compile /service /service\n" if self.compiles else ""
        return (
            f"# A stand-in for {place.image}: it answers on port {PORT} and does nothing else.\n"
            f"# With the service in its place, take the label away.\n"
            f'{head}LABEL {STAND_IN_LABEL}="true"\n{copied}'
            f"USER {_USER}\nEXPOSE {PORT}\n"
            f"HEALTHCHECK --interval=10s --timeout=3s CMD {json.dumps(self.check)}\n"
            f"CMD {json.dumps(self.command)}\n"
        )


# in the order in which a tie is decided
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "python": Kind(
            (".py",),
            "docker.io/library/python:3.13-slim",
            {"service.py": PYTHON_SERVICE},
            "COPY {0} /app/service.py\n",
            ("python", "/app/service.py", "--check"),
            ("python", "/app/service.py"),
        ),
        "go": Kind(
            (".go",),
            "docker.io/library/golang:1.24",
            {"main.go": GO_SERVICE, "go.mod": GO_MOD},
            "WORKDIR /src\nCOPY {0} {1} ./\nRUN CGO_ENABLED=0 go build -trimpath -o /service .\n",
            ("/service", "--check"),
            ("/service",),
            compiles=True,
        ),
        "node": Kind(
            (".js", ".ts", ".mjs", ".cjs", ".jsx", ".tsx"),
            "docker.io/library/node:22-slim",
            {"service.js": NODE_SERVICE},
            "COPY {0} /app/service.js\n",
            ("node", "/app/service.js", "--check"),
            ("node", "/app/service.js"),
        ),
        STATIC: Kind(
            (),
            "docker.io/library/busybox:1.37",
            {"site/index.html": "{image} has no code yet.\n", "site/healthz": '{"status": "ok"}\n'},
            "COPY {0} {1} /srv/www/\n",
            ("/bin/busybox", "wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{PORT}/healthz"),
            ("/bin/busybox", "httpd", "-f", "-p", str(PORT), "-h", "/srv/www"),
        ),
    }
)


def kind_of(paths: Iterable[str]) -> str:
    """The kind that most files of a repository are of; ``static`` where none is of any."""
    kinds = {suffix: name for name, kind in KINDS.items() for suffix in kind.suffixes}
    own = (path for path in paths if _FOREIGN.isdisjoint(path.split("/")[:-1]))
    counts = Counter(kinds.get(posixpath.splitext(path)[1]) for path in own)
    del counts[None]
    best = max(KINDS, key=lambda name: counts[name])
    return best if counts[best] else STATIC


def scaffold(place: Place, kind: str, base: str) -> tuple[NewFile, ...]:
    """The files of a stand-in, the Dockerfile first. ``kind`` is one of ``KINDS``."""
    chosen = KINDS[kind]
    files = (
        NewFile(posixpath.normpath(posixpath.join(place.home, name)), text.replace("{image}", place.image))
        for name, text in chosen.files.items()
    )
    return (NewFile(place.dockerfile, chosen.dockerfile(place, base)), *files)
