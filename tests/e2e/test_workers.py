"""A fleet is built by workers of a Dask cluster, all of them processes; one is killed in the middle.

``SHIPWAY_WORKERS_IMAGES``, ``SHIPWAY_WORKERS`` and ``SHIPWAY_WORKERS_ENGINE`` make it larger: ``make
chaos-workers`` has 40 images, four workers and buildah.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shipway.testing.cluster import Cluster, running_cluster
from shipway.testing.raw import RawRepository
from shipway.testing.registry import running_registry

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

IMAGES = int(os.environ.get("SHIPWAY_WORKERS_IMAGES", "12"))
WORKERS = int(os.environ.get("SHIPWAY_WORKERS", "2"))
ENGINE = os.environ.get("SHIPWAY_WORKERS_ENGINE", "assemble")
ASSIGNED = re.compile(r"(\S+): \S+ is built by (\w+)")


@dataclass
class Fleet:
    """A repository, and the state of ships of it."""

    root: Path
    state: Path
    registry: str

    def write(self, dockerfiles: dict[str, str], head: str = "") -> None:
        self.root.mkdir()
        images = "".join(f"  {name}: {{context: {name}}}\n" for name in dockerfiles)
        (self.root / "shipway.yaml").write_text(
            f"registry: {self.registry}/fleet\ntag: live\n{head}images:\n{images}"
        )
        for name, text in dockerfiles.items():
            (self.root / name).mkdir()
            (self.root / name / "Dockerfile").write_text(text.replace("REGISTRY", f"{self.registry}/fleet"))
            (self.root / name / "content").write_text(f"the content of {name}\n")

    def ship(self, cluster: Cluster, *options: str) -> subprocess.Popen[str]:
        own = ("-C", str(self.root), "--state", str(self.state), "--no-color")
        argv = ("ship", "--executor", f"dask://{cluster.address}", *own, *options)
        return subprocess.Popen(
            [sys.executable, "-m", "shipway", *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def events(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """Image and data of every event of a kind, in order."""
        with closing(sqlite3.connect(self.state / "ledger.db")) as ledger:
            query = "SELECT image, data FROM events WHERE kind = ? ORDER BY seq"
            return [(image, json.loads(data)) for image, data in ledger.execute(query, (kind,))]

    def log(self, image: str) -> str:
        return (self.state / "runs" / "1" / f"{image}.log").read_text()

    def manifest(self, image: str) -> dict[str, Any]:
        answer = RawRepository(self.registry, f"fleet/{image}")("GET", "manifests/live")
        found: dict[str, Any] = json.loads(answer.body)
        return found


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with running_registry() as registry:
        yield Fleet(tmp_path / "repo", tmp_path / "state", registry.address)


def test_a_worker_killed_in_the_middle_costs_one_retry_of_what_it_built(
    fleet: Fleet, tmp_path: Path, container_storage: Path
) -> None:
    leaves = {f"app{number:02}": "FROM REGISTRY/base:live\nCOPY content /\n" for number in range(1, IMAGES)}
    fleet.write({"base": "FROM scratch\nCOPY content /base\n", **leaves})
    victim = None
    with running_cluster(tmp_path / "cluster", WORKERS, "--engine", ENGINE) as cluster:
        with fleet.ship(cluster, "--engine", ENGINE) as ship:
            assert ship.stderr is not None
            said = []
            assigned = 0
            for line in ship.stderr:
                said.append(line)
                if found := ASSIGNED.match(line):
                    assigned += 1
                    if victim is None and assigned > IMAGES // 3:
                        victim = found[2]
                        cluster.kill(victim)
        assert ship.returncode == 0, "".join(said)

    tries: defaultdict[str, list[str]] = defaultdict(list)
    for image, data in fleet.events("build.assigned"):
        tries[image].append(data["worker"])
    assert victim is not None
    assert {image for image, _ in fleet.events("image.delivered")} == {"base", *leaves} == set(tries)
    for image, workers in tries.items():
        assert len(workers) == 1 or (len(workers) == 2 and workers[0] == victim != workers[1]), image
    print(f"\n{IMAGES} images, {WORKERS} workers, {ENGINE}: {Counter(map(len, tries.values()))} tries")


def test_an_engine_of_a_worker_builds_on_what_another_one_delivered(
    fleet: Fleet, tmp_path: Path, engine_name: str
) -> None:
    """The base comes from the repository that it was delivered to, output comes back into the logs."""
    fleet.write(
        {
            "base": "FROM scratch\nCOPY content /base\n",
            "app": "FROM REGISTRY/base:live\nCOPY content /app\n",
        },
        head=f"engine: {engine_name}\n",
    )
    with running_cluster(tmp_path / "cluster", 1, "--engine", engine_name, "--slots", "2") as cluster:
        with fleet.ship(cluster) as ship:
            said = ship.communicate()[1]
        assert ship.returncode == 0, said
        os.kill(cluster.processes["w1"].pid, signal.SIGINT)
        assert cluster.processes["w1"].wait(60) == 0, cluster.log("w1")
        assert "Traceback" not in cluster.log("w1")

    base, app = fleet.manifest("base"), fleet.manifest("app")
    assert app["layers"][: len(base["layers"])] == base["layers"]
    assert len(app["layers"]) == len(base["layers"]) + 1
    assert "COPY content /app" in fleet.log("app")
    assert [data["tools"][0].split()[0] for _, data in fleet.events("image.built")] == [engine_name] * 2


def test_builds_that_no_worker_can_carry_out_name_what_is_missing(fleet: Fleet, tmp_path: Path) -> None:
    fleet.write({"app": "FROM scratch\nCOPY content /\n"}, head="platforms: [linux/s390x]\nengine: buildah\n")
    with running_cluster(tmp_path / "cluster", 1, "--engine", "assemble", "--json") as cluster:
        document = json.loads(cluster.log("w1"))
        assert next(iter(document.items())) == ("schema", "shipway.worker/1")
        with fleet.ship(cluster, "--worker-wait", "0", "--retries", "0") as ship:
            said = ship.communicate()[1]
        assert ship.returncode == 3, said
        assert "no worker builds linux/s390x with buildah" in said
        with fleet.ship(cluster, "--registry", "shipway.local") as ship:
            said = ship.communicate()[1]
        assert ship.returncode == 2, said
        assert "no worker can deliver app: it goes to the embedded registry" in said
