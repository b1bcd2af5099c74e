"""Targets resolve as ``docker buildx bake --print`` resolves them.

The files under ``bake_files`` and what buildx 0.29.1 prints for them (``printed``, recorded without
environment look-up) are the fixtures. With a ``docker-buildx`` at hand (SHIPWAY_BUILDX, or on PATH) the
same files are printed again and compared with that.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shipway.fleet.discover.bake import options
from shipway.fleet.discover.bake.hcljson import parse_json_body
from shipway.fleet.discover.bake.parser import parse_body
from shipway.fleet.discover.bake.settings import Settings
from shipway.fleet.discover.bake.targets import Targets

FILES = Path(__file__).parent / "bake_files"
SETS = {
    "functions": ["functions.hcl"],
    "syntax": ["syntax.hcl"],
    "model": ["model.hcl"],
    "escapes": ["escapes.json"],
    "merged": [
        "merged/docker-bake.json",
        "merged/docker-bake.hcl",
        "merged/docker-bake.override.json",
        "merged/docker-bake.override.hcl",
    ],
}
_MAPS = ("args", "labels", "contexts")
_LISTS: dict[str, Callable[[Any], str]] = {
    "tags": str,
    "platforms": str,
    "secret": options.secret,
    "cache-from": options.cache,
    "cache-to": options.cache,
}


def load(paths: list[str]) -> Targets:
    texts = {path: (FILES / path).read_text(encoding="utf-8") for path in paths}
    return Targets(
        [
            parse_json_body(text, path) if path.endswith(".json") else parse_body(text, path)
            for path, text in texts.items()
        ]
    )


def unescaped(text: str) -> str:
    return text.replace("$${", "${").replace("%%{", "%{")


def as_printed(settings: Settings) -> dict[str, Any]:
    return {
        "context": settings.texts.get("context", ".").removeprefix("./") or ".",
        "dockerfile": settings.texts.get("dockerfile") or "Dockerfile",
        "target": settings.texts.get("target"),
        "dockerfile-inline": settings.texts.get("dockerfile-inline"),
        **{key: dict(settings.map(key)) for key in _MAPS},
        **{key: list(settings.list(key)) for key in _LISTS},
    }


def as_read(target: dict[str, Any]) -> dict[str, Any]:
    inline = target.get("dockerfile-inline")
    return {
        "context": target["context"].removeprefix("./"),
        "dockerfile": target["dockerfile"],
        "target": target.get("target"),
        "dockerfile-inline": unescaped(inline) if inline is not None else None,
        **{key: {k: unescaped(v) for k, v in target.get(key, {}).items()} for key in _MAPS},
        **{key: [read(item) for item in target.get(key, [])] for key, read in _LISTS.items()},
    }


def compare(targets: Targets, printed: dict[str, Any]) -> None:
    assert sorted(targets.names) == sorted(printed["target"])
    for name in targets.names:
        resolved = targets.resolved(name)
        assert resolved.problems == {}
        assert as_printed(resolved) == as_read(printed["target"][name])


@pytest.mark.parametrize("name", SETS)
def test_targets_resolve_as_buildx_prints_them(name: str) -> None:
    printed = json.loads((FILES / "printed" / f"{name}.json").read_text(encoding="utf-8"))
    compare(load(SETS[name]), printed)


@pytest.mark.parametrize("name", SETS)
def test_what_buildx_prints_reads_as_the_same_targets(name: str) -> None:
    path = f"printed/{name}.json"
    compare(load([path]), json.loads((FILES / path).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", SETS)
def test_the_buildx_at_hand_still_prints_the_same(name: str, tmp_path: Path) -> None:
    buildx = os.environ.get("SHIPWAY_BUILDX") or shutil.which("docker-buildx")
    if buildx is None:
        pytest.skip("no docker-buildx on PATH or in SHIPWAY_BUILDX")
    targets = load(SETS[name])
    done = subprocess.run(
        [
            buildx,
            "bake",
            "--print",
            *(argument for path in SETS[name] for argument in ("-f", path)),
            *targets.names,
        ],
        cwd=FILES,
        env={"HOME": str(tmp_path), "BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP": "1"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    compare(targets, json.loads(done.stdout))
