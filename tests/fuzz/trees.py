"""A small repository of bent files, with links that lead out of it, and bait outside."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

from tests.fuzz.mutate import PATHS, mutate

SEEDS = Path(__file__).parent / "seeds"
BAIT = "bait-outside-of-the-repository"
LINKS = {
    "out": "../outside",
    "deep/up": "../../outside",
    "secret": "../outside/secret",
    "loop": "loop",
    "src/link": "../deep",
    "dangling": "nowhere",
}
LOOKED_FOR = ("Dockerfile", "Dockerfile.dockerignore", ".dockerignore", "compose.yaml", ".env", "src")
FILES = {
    "app.py": b"print()\n",
    "go.mod": b"module x\n",
    "src/main.go": b"package main\n",
    "src/Dockerfile": b"FROM alpine\nCOPY main.go /\n",
    "deep/x/y.txt": b"y\n",
    "docs/keep.txt": b"k\n",
    "scripts/run.sh": b"#!/bin/sh\n",
    "npm.txt": b"t\n",
    "with space.txt": b"s\n",
}


def seeds() -> dict[str, bytes]:
    """Every valid file, by its path in the repository."""
    return {
        path.relative_to(SEEDS).as_posix(): path.read_bytes()
        for path in sorted(SEEDS.rglob("*"))
        if path.is_file()
    }


def lay_outside(home: Path) -> None:
    """What no reader may open."""
    outside = home / "outside"
    outside.mkdir()
    text = f"{BAIT}\n"
    for name in ("Dockerfile", "secret", ".dockerignore", "compose.yaml", "docker-bake.hcl", ".env"):
        (outside / name).write_text(text)


def lay(root: Path, random: Random) -> dict[str, bytes]:
    """Write one repository: up to two kinds of file, bent, and a few links. Returns the bent files."""
    known = seeds()
    chosen = random.sample(sorted(known), random.choice((1, 1, 2)))
    bent = {name: mutate(random, known[name], list(known.values())) for name in chosen}
    if "Dockerfile" not in bent and random.random() < 0.5:
        bent["Dockerfile"] = known["Dockerfile"]
    for name, data in {**FILES, **bent}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    if random.random() < 0.2:
        _replace_by_link(root, random)
    return bent


def _replace_by_link(root: Path, random: Random) -> None:
    """A file that readers look for becomes a link, mostly to the outside."""
    name = random.choice(
        ("Dockerfile", ".dockerignore", "compose.yaml", ".env", "src", "Dockerfile.dockerignore")
    )
    path = root / name
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    target = random.choice([each for each in PATHS if b"\0" not in each and len(each) < 200])
    path.symlink_to(target.decode())
