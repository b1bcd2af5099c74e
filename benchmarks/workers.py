"""``python -m benchmarks.workers``: one fleet shipped by one worker and by two, and how much quicker that is.

All processes (the ship, the scheduler, the workers, the registry) share this machine, so two workers are at
most as much quicker as it has processors to spare. Rounds alternate, so that what else the machine does meets
both; every round has new contents, so that no cache helps. Medians of whole processes, as a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from shipway.testing.cluster import Cluster, running_cluster

_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Site:
    """Where the rounds take place: a directory, the address of a registry, the environment of engines."""

    scratch: Path
    registry: str
    environ: dict[str, str]


def main() -> None:
    """Measure and print."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="shipway-workers-") as directory, ExitStack() as stack:
        scratch = Path(directory)
        environ = _environment(scratch)
        site = Site(scratch, stack.enter_context(_registry(scratch, environ)), environ)
        print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before", file=sys.stderr)
        print(f"| engine | images | workers | median of {asked.rounds} | quickest | slowest | against one |")
        print("|---|---|---|---|---|---|---|")
        for engine in asked.engines:
            _compare(site, engine, asked.images, asked.workers, asked.rounds)
        print(f"load {os.getloadavg()[0]:.1f} after", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--engines", nargs="+", default=["buildah", "assemble"])
    return parser.parse_args()


def _compare(site: Site, engine: str, images: int, counts: list[int], rounds: int) -> None:
    times: dict[int, list[float]] = {count: [] for count in counts}
    with ExitStack() as stack:
        clusters: dict[int, Cluster] = {}
        for count in counts:
            place = site.scratch / f"{engine}-{count}"
            options = ("--engine", engine)
            clusters[count] = stack.enter_context(
                running_cluster(place, count, *options, environ=site.environ)
            )
        for number in range(rounds):
            for count, cluster in clusters.items():
                times[count].append(_ship(site, cluster, engine, images, f"{engine}-{count}-{number}"))
    first = median(times[counts[0]])
    for count, found in times.items():
        middle = median(found)
        spread = f"{min(found):.1f} s | {max(found):.1f} s"
        print(f"| {engine} | {images} | {count} | {middle:.1f} s | {spread} | {first / middle:.2f} x |")


def _ship(site: Site, cluster: Cluster, engine: str, images: int, name: str) -> float:
    """The seconds of one ship of new images."""
    root = site.scratch / f"repo-{name}"
    _write(root, f"{site.registry}/{name}", images)
    own = ("-C", str(root), "--state", str(site.scratch / f"state-{name}"), "--quiet")
    argv = ("ship", "--engine", engine, "--executor", f"dask://{cluster.address}", *own)
    before = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "shipway", *argv],
        env=site.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - before
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    return seconds


def _write(root: Path, registry: str, images: int) -> None:
    """A base and images on it, each with a file of its own that is half as large when it is compressed."""
    names = ["base", *(f"app{number:02}" for number in range(1, images))]
    root.mkdir()
    listed = "".join(f"  {name}: {{context: {name}}}\n" for name in names)
    (root / "shipway.yaml").write_text(f"registry: {registry}\ntag: live\nimages:\n{listed}")
    for name in names:
        base = "scratch" if name == "base" else f"{registry}/base:live"
        (root / name).mkdir()
        (root / name / "Dockerfile").write_text(f"FROM {base}\nCOPY content /{name}\n")
        half = Random(f"{registry} {name}").randbytes(_BYTES // 2)
        (root / name / "content").write_bytes(half + bytes(_BYTES // 2))


def _environment(scratch: Path) -> dict[str, str]:
    """An environment in which buildah and podman have a store of their own."""
    file = scratch / "storage.conf"
    file.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{scratch}/root"\nrunroot = "{scratch}/run"\n')
    return {**os.environ, "CONTAINERS_STORAGE_CONF": str(file), "STORAGE_DRIVER": "vfs"}


@contextmanager
def _registry(scratch: Path, environ: dict[str, str]) -> Iterator[str]:
    """The address of the embedded registry, a process of its own."""
    own = ("--listen", "127.0.0.1:0", "--data", str(scratch / "registry"), "-C", str(scratch))
    argv = [sys.executable, "-m", "shipway", "registry", "serve", *own]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().partition("http://")[2].partition(",")[0]
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
