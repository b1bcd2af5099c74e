"""Synthetic fleets, the same bytes on every machine: what the benchmarks look at."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

Declared: TypeAlias = Literal["shipway.yaml", "compose.yaml", "bare"]

_NODE = """\
# syntax=docker/dockerfile:1
ARG NODE_VERSION=22
FROM node:${{NODE_VERSION}}-alpine AS deps
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev

FROM deps AS build
ENV NODE_ENV=production \\
    PORT={port}
COPY src ./src
COPY lib ./lib
RUN npm run build && \\
    npm prune && \\
    rm -rf /tmp/build

# what is delivered
FROM node:${{NODE_VERSION}}-alpine
LABEL org.opencontainers.image.title="{name}" org.opencontainers.image.licenses=Apache-2.0
WORKDIR /app
COPY --from=deps /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY config/ /etc/{name}/
USER node
EXPOSE {port}
HEALTHCHECK --interval=30s --timeout=3s CMD ["wget", "-qO-", "http://localhost:{port}/healthz"]
CMD ["node", "dist/main.js"]
"""
_PYTHON = """\
FROM python:3.13-slim
ARG PIP_INDEX_URL
ENV PYTHONUNBUFFERED=1 PORT={port}
WORKDIR /srv
RUN apt-get update \\
    && apt-get install -y --no-install-recommends curl=8.* \\
    && rm -rf /var/lib/apt/lists/*
COPY package.json ./
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN useradd --system --uid 10001 app
USER 10001
EXPOSE ${{PORT}}
HEALTHCHECK CMD curl -fsS http://localhost:${{PORT}}/ || exit 1
ENTRYPOINT ["python", "-m", "{name}"]
"""
_GO = """\
FROM --platform=$BUILDPLATFORM golang:1.24 AS build
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src
COPY lib/*.py lib/
COPY src src
RUN --mount=type=bind,source=config,target=/config \\
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /out/{name} ./src

FROM gcr.io/distroless/static:nonroot
COPY --from=build /out/{name} /usr/local/bin/{name}
COPY package.json config/*.json /etc/{name}/
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/{name}"]
"""
_KINDS = (_NODE, _PYTHON, _GO)
_IGNORE = "# not for images\n**/*.log\n*.md\ntests/\n!README.md\n"
_FOLDERS = ("config", "lib", "lib/util", "src", "src/api", "src/api/v1", "src/web", "tests", "docs")
_KINDS_OF_FILES = ("ts", "py", "json", "txt", "md")


def wide(root: Path, images: int = 1000, files: int = 100) -> None:
    """``images`` services, each with a Dockerfile, an ignore file and a context of ``files`` files in all."""
    for number, name in enumerate(_names(images)):
        _service(root / "services" / name, name, number, files)


def declare(root: Path, declared: Declared, images: int = 1000) -> None:
    """Have the services of a wide fleet declared by that file alone, or by nothing but their Dockerfiles."""
    for other in ("shipway.yaml", "compose.yaml"):
        (root / other).unlink(missing_ok=True)
    if declared != "bare":
        (root / declared).write_text(_declaration(declared, _names(images)))


def _names(images: int) -> list[str]:
    return [f"service-{number:04}" for number in range(images)]


def _service(directory: Path, name: str, number: int, files: int) -> None:
    for folder in _FOLDERS:
        (directory / folder).mkdir(parents=True, exist_ok=True)
    dockerfile = _KINDS[number % len(_KINDS)].format(name=name, port=8000 + number)
    (directory / "Dockerfile").write_text(dockerfile)
    (directory / ".dockerignore").write_text(_IGNORE)
    (directory / "package.json").write_text(f'{{"name": "{name}"}}\n')
    (directory / "package-lock.json").write_text("{}\n")
    for index in range(files - 4):
        folder = _FOLDERS[index % len(_FOLDERS)]
        file = f"part-{number * files + index}.{_KINDS_OF_FILES[index % len(_KINDS_OF_FILES)]}"
        (directory / folder / file).write_text(f"{name} {index}\n")


def _declaration(declared: Declared, names: list[str]) -> str:
    """A fleet file of one line an image, or a Compose file of three lines a service."""
    if declared == "shipway.yaml":
        entries = "".join(f"  {name}: {{context: services/{name}}}\n" for name in names)
        return f"registry: registry.example.com/fleet\nimages:\n{entries}"
    entries = "".join(
        f"  {name}:\n    image: registry.example.com/fleet/{name}\n    build: {{context: services/{name}}}\n"
        for name in names
    )
    return f"services:\n{entries}"


def deep(root: Path, images: int = 1000, levels: int = 5) -> None:
    """``images`` of which each builds from one of the level below; a file or two in each context."""
    registry = "registry.example.com/fleet"
    lines = [f"registry: {registry}", 'tag: "1.0.0"', "images:"]
    width = images // levels
    for number in range(images):
        level, name = number // width, f"image-{number:04}"
        base = "scratch" if level == 0 else f"{registry}/image-{number - width:04}:1.0.0"
        directory = root / name
        directory.mkdir(parents=True)
        text = f"FROM {base}\nWORKDIR /srv\nCOPY . /srv/{name}/\nENV LEVEL={level}\nUSER 1000\n"
        (directory / "Dockerfile").write_text(text)
        (directory / "content.txt").write_text(f"{name}\n")
        lines.append(f"  {name}: {{context: {name}}}")
    (root / "shipway.yaml").write_text("\n".join(lines) + "\n")


def small(root: Path, images: int = 20) -> None:
    """``images`` without RUN, from scratch, with no registry: they go to the layout that is the default."""
    entries = {}
    for number in range(images):
        name = f"image-{number:02}"
        (root / name).mkdir(parents=True)
        (root / name / "Dockerfile").write_text("FROM scratch\nCOPY content.txt /\nUSER 1000\n")
        (root / name / "content.txt").write_text(f"{name}\n")
        entries[name] = {"context": name}
    (root / "shipway.json").write_text(json.dumps({"tag": "1.0.0", "images": entries}, indent=1))


_SERVICE = """\
FROM {base}
WORKDIR /srv/{name}
COPY package.json ./
COPY src ./src
ENV NODE_ENV=production PORT={port}
LABEL org.opencontainers.image.title={name}
USER 1000:1000
EXPOSE {port}
CMD ["dist/main.js"]
"""


def runless(
    root: Path, images: int = 20, registry: str | None = None, base: str | None = None, kilobytes: int = 1024
) -> None:
    """``images`` services without RUN on one base: the reference ``base``, else an image of the fleet with
    ``kilobytes`` of files. They go to ``registry``, or to the embedded one."""
    entries: list[str] = []
    if base is None:
        base = f"{registry or 'shipway.local'}/base:1.0.0"
        entries.append("base")
        _base(root / "base", kilobytes)
    _services(root, [*entries, *_names(images)], registry, _SERVICE, base)


_STEPS_BASE = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ENV BASE=1
"""
_STEPS_SERVICE = _SERVICE.replace(
    "ENV NODE_ENV", "RUN cat package.json src/* | sha256sum > sums\nENV NODE_ENV"
)


def stepped(root: Path, images: int, registry: str, busybox: Path) -> None:
    """``images`` services, each with a RUN step, on an image of the fleet that holds a static ``busybox`` and
    makes the shell in a RUN step of its own. They go to ``registry``."""
    (root / "base").mkdir(parents=True)
    shutil.copy(busybox, root / "base" / "busybox")
    (root / "base" / "Dockerfile").write_text(_STEPS_BASE)
    _services(root, ["base", *_names(images)], registry, _STEPS_SERVICE, f"{registry}/base:1.0.0")


def _services(root: Path, names: Sequence[str], registry: str | None, template: str, base: str) -> None:
    """Every name of a service on ``base``, and the fleet file over all names."""
    for number, name in enumerate(each for each in names if each != "base"):
        directory = root / name
        (directory / "src").mkdir(parents=True)
        (directory / "Dockerfile").write_text(template.format(base=base, name=name, port=8000 + number))
        (directory / "package.json").write_text(f'{{"name": "{name}"}}\n')
        for part in range(5):
            (directory / "src" / f"part-{part}.js").write_text(f"// {name} {part}\n" * 40)
    document: dict[str, object] = {"tag": "1.0.0", "images": {name: {"context": name} for name in names}}
    if registry is not None:
        document["registry"] = registry
    (root / "shipway.json").write_text(json.dumps(document, indent=1))


def _base(directory: Path, kilobytes: int) -> None:
    (directory / "files").mkdir(parents=True)
    (directory / "Dockerfile").write_text("FROM scratch\nCOPY files /usr/share/base/\nENV BASE=1\n")
    for number in range(kilobytes):
        line = f"{number:08} of the files that every image has\n"
        (directory / "files" / f"file-{number:05}").write_text((line * 25)[:1024])
