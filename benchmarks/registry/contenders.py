"""How each tool is told to do the same thing: one explicit table of command lines, without the program."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.registry.processes import usable

Words = Sequence[str]


@dataclass(frozen=True)
class Tool:
    """What a tool is told, for one image or repository each.

    ``manifest`` shows a manifest; ``inspect`` are the calls that show digest, platform, size and age, as
    ``registry ls`` does; ``delete`` takes a reference by digest, and ``push`` a layout directory, the
    name of the image in it, and where it goes.
    """

    version: Words
    copy: Callable[[str, str], Words]
    manifest: Callable[[str], Words]
    inspect: Callable[[str], Sequence[Words]]
    delete: Callable[[str], Words]
    tags: Callable[[str], Words]
    push: Callable[[Path, str, str], Words]


TOOLS: Mapping[str, Tool] = {
    "crane": Tool(
        version=["version"],
        copy=lambda source, target: ["copy", "--insecure", source, target],
        manifest=lambda image: ["manifest", "--insecure", image],
        inspect=lambda image: [["manifest", "--insecure", image], ["config", "--insecure", image]],
        delete=lambda image: ["delete", "--insecure", image],
        tags=lambda repository: ["ls", "--insecure", repository],
        push=lambda layout, _name, target: ["push", "--insecure", "--index", str(layout), target],
    ),
    "oras": Tool(
        version=["version"],
        copy=lambda source, target: ["copy", "--from-plain-http", "--to-plain-http", source, target],
        manifest=lambda image: ["manifest", "fetch", "--plain-http", image],
        inspect=lambda image: [
            ["manifest", "fetch", "--plain-http", image],
            ["manifest", "fetch-config", "--plain-http", image],
        ],
        delete=lambda image: ["manifest", "delete", "--plain-http", "--force", image],
        tags=lambda repository: ["repo", "tags", "--plain-http", repository],
        push=lambda layout, name, target: [
            "copy", "--from-oci-layout", "--to-plain-http", f"{layout}:{name}", target,
        ],
    ),
    "skopeo": Tool(
        version=["--version"],
        copy=lambda source, target: [
            "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false",
            f"docker://{source}", f"docker://{target}",
        ],
        manifest=lambda image: ["inspect", "--raw", "--tls-verify=false", f"docker://{image}"],
        inspect=lambda image: [["inspect", "--no-tags", "--tls-verify=false", f"docker://{image}"]],
        delete=lambda image: ["delete", "--tls-verify=false", f"docker://{image}"],
        tags=lambda repository: ["list-tags", "--tls-verify=false", f"docker://{repository}"],
        push=lambda layout, name, target: [
            "copy", "--quiet", "--dest-tls-verify=false", f"oci:{layout}:{name}", f"docker://{target}",
        ],
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Peer:
    """A tool that is there: the program, and what it says of its version."""

    name: str
    program: str
    version: str
    tool: Tool


def peers() -> list[Peer]:
    """Those of the table that start: from the directory in BENCH_PEERS, else from PATH."""
    found = (
        (name, tool, usable(name, tool.version, os.environ.get("BENCH_PEERS")))
        for name, tool in TOOLS.items()
    )
    return [Peer(name, *what, tool) for name, tool, what in found if what is not None]
