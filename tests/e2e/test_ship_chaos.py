"""Ships that are killed, starved and lied to: all end delivered, and nobody ever pulls what was not proven.

A fleet of twelve images is shipped again and again by a real engine to a real registry, a process of its own.
Each ship is killed at a random event of its event stream, with or without further trouble, and then run again
until it is done. All the while a poller pulls whatever tags it sees, whole.

``SHIPWAY_CHAOS_RUNS`` says how many ships there are, ``SHIPWAY_CHAOS_SEED`` which; ``make chaos-ship`` runs a
hundred and prints what became of them.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from shipway.testing.faults import KINDS, FaultProxy
from shipway.testing.raw import RawRepository

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

RUNS = int(os.environ.get("SHIPWAY_CHAOS_RUNS", "1"))
SEED = int(os.environ.get("SHIPWAY_CHAOS_SEED", "1"))
# ships until one must be done; with faults several give up before that, each with a part delivered
TRIES = 15
TALLY: Counter[str] = Counter()

# image -> what it is built on
BASES: dict[str, str | None] = {
    "base": None,
    "runtime": "base",
    "tools": None,
    "api": "runtime",
    "web": "runtime",
    "worker": "runtime",
    "admin": "web",
    "cron": "worker",
    "proxy": "base",
    "docs": None,
    "probe": "tools",
    "report": "api",
}
# what is shown of an image that is built, at least: build, built, push, read-back, two tags, delivered
EVENTS = 7


@pytest.fixture(scope="module", autouse=True)
def tally() -> Iterator[None]:
    yield
    print("".join(f"\n{count:7} {name}" for name, count in sorted(TALLY.items())))


# --- the fleet --------------------------------------------------------------------------------


@dataclass
class Fleet:
    """The working copy, the state, and where it is delivered to."""

    root: Path
    state: Path
    registry: str
    backend: str

    def write(self, busybox: str) -> None:
        images = "".join(f"  {name}: {{context: {name}}}\n" for name in BASES)
        self.root.mkdir()
        (self.root / "shipway.yaml").write_text(
            f"registry: {self.registry}/chaos\ntag: live\ntags: [latest]\nimages:\n{images}"
            f"registries:\n  {self.registry}: {{plain-http: true}}\n"
        )
        for name, base in BASES.items():
            directory = self.root / name
            directory.mkdir()
            line = f"FROM {self.registry}/chaos/{base}:live" if base else "FROM scratch"
            if name == "tools":
                shutil.copy(busybox, directory / "busybox")
                line += '\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "touch", "/ran"]'
            (directory / "Dockerfile").write_text(f"{line}\nCOPY content /{name}\n")

    def change(self, number: int, dice: Random) -> int:
        """New content for some images, for all of them at first; gives how many events a ship of them shows
        at least, those of what builds on them included."""
        changed = set(BASES if number == 0 else dice.sample(sorted(BASES), 3))
        for name in sorted(changed):
            (self.root / name / "content").write_text(f"{name} {number} {dice.random()}\n")
        for name, base in BASES.items():
            if base in changed:
                changed.add(name)
        return EVENTS * len(changed)

    def command(self, *arguments: str) -> list[str]:
        own = ["-C", str(self.root), "--state", str(self.state)]
        return [sys.executable, "-m", "shipway", *arguments, *own]

    def events(self) -> list[tuple[str, str, str, dict[str, Any]]]:
        """Time, kind, image and data of every event of every run, in order."""
        path = self.state / "ledger.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as ledger:
            rows = ledger.execute("SELECT at, kind, image, data FROM events ORDER BY seq").fetchall()
        return [(at, kind, image, json.loads(data)) for at, kind, image, data in rows]

    def repository(self, image: str) -> RawRepository:
        return RawRepository(self.backend, f"chaos/{image}")


# --- what goes wrong --------------------------------------------------------------------------


@dataclass
class Ended:
    """How one ship ended: its exit code (negative: the signal) and what it said."""

    code: int
    said: str


def ship(fleet: Fleet, at_event: Callable[[int, int], None] = lambda number, pid: None) -> Ended:
    """Run ``shipway ship`` to its end; ``at_event`` is told the number of each event as it is shown."""
    argv = fleet.command("ship", "--engine", "buildah", "--no-color")
    with subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        said = []
        for number, line in enumerate(process.stderr):
            said.append(line)
            at_event(number, process.pid)
    assert "Traceback" not in "".join(said)
    assert "a defect in Shipway" not in "".join(said)
    TALLY["ships"] += 1
    TALLY[f"ships ended with {process.returncode}"] += 1
    return Ended(process.returncode, "".join(said))


def killing(moment: int) -> Callable[[int, int], None]:
    """SIGKILL to the whole process group at an event."""

    def at_event(number: int, pid: int) -> None:
        if number == moment:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    return at_event


class Server:
    """A registry as a process of its own, which can be killed and started again on the same data."""

    def __init__(self, kind: str, directory: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        directory.mkdir()
        self._log = directory / "log"
        self._argv = (
            _distribution(directory, self.address)
            if kind == "distribution"
            else _embedded(directory, self.address)
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("a") as log:
            self._process = subprocess.Popen(self._argv, stdout=log, stderr=log)
        for _ in range(1200):
            assert self._process.poll() is None, self._log.read_text()
            with suppress(OSError, http.client.HTTPException):
                if RawRepository(self.address, "-")("GET", "/v2/").status == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("the registry does not come up")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def runs(self) -> bool:
        return self._process is not None


def _embedded(directory: Path, address: str) -> list[str]:
    own = ["--listen", address, "--data", str(directory / "data"), "-C", str(directory)]
    return [sys.executable, "-m", "shipway", "registry", "serve", *own, "--state", str(directory / "state")]


def _distribution(directory: Path, address: str) -> list[str]:
    settings = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}, "delete": {"enabled": True}},
        "http": {"addr": address},
    }
    (directory / "config.yml").write_text(json.dumps(settings))
    return ["docker-registry", "serve", str(directory / "config.yml")]


@contextmanager
def faulty(backend: str) -> Iterator[str]:
    """The address of a proxy before ``backend`` that lets every twentieth request fail, in a thread.

    Two kinds are left out: answers that never come, which only take time, and manifests that change on their
    way to the registry, since its protocol has no check for one that is put under a tag.
    """
    loop = asyncio.new_event_loop()
    kinds = [kind for kind in KINDS if kind not in ("stall", "corrupt-upload")]
    proxy = FaultProxy(backend, seed=SEED, rate=0.05, kinds=kinds)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(proxy.__aenter__(), loop).result(30)
    try:
        yield proxy.address
    finally:
        asyncio.run_coroutine_threadsafe(proxy.__aexit__(None, None, None), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        TALLY["faults injected"] += len(proxy.injected)


# --- who looks on -----------------------------------------------------------------------------


@dataclass
class Poller:
    """Pulls whatever tags it sees, whole, all the while. ``seen`` has the time of the first look at each."""

    fleet: Fleet
    seen: dict[tuple[str, str], datetime] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    looks: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Poller:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        TALLY["looks of the poller"] += self.looks
        TALLY["images that the poller saw tagged"] += len(self.seen)

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            for image in BASES:
                try:
                    self.look(image)
                except (OSError, http.client.HTTPException):
                    pass  # a registry that was killed answers nothing; what it answers must be right
                except Exception as error:  # a poller that ends would find nothing wrong
                    self.wrong.append(repr(error))

    def look(self, image: str) -> dict[str, str]:
        """The digests of the tags of an image, each checked whole when it is seen first."""
        repository = self.fleet.repository(image)
        listed = repository("GET", "tags/list")
        found = {}
        for tag in listed.json["tags"] or () if listed.status == 200 else ():
            if tag.startswith("sha256-"):
                continue  # no image, but the list of its referrers where a registry keeps none itself
            manifest = self._manifest(repository, tag)
            found[tag] = digest = _digest(manifest)
            if (image, digest) not in self.seen:
                now = datetime.now(UTC)
                self._pull(repository, tag, manifest)
                self.seen[image, digest] = now
        return found

    def _manifest(self, repository: RawRepository, tag: str) -> bytes:
        """What a tag shows. The reference implementation writes tags in place: whoever reads one just then
        is refused, which hands out nothing wrong, and is answered the next time."""
        for _ in range(20):
            self.looks += 1
            answer = repository("GET", f"manifests/{tag}", headers={"Accept": _MANIFESTS})
            if answer.status == 200:
                return answer.body
            TALLY["looks refused while a tag was written"] += 1
            time.sleep(0.05)
        self.wrong.append(f"{repository.name}:{tag} answers {answer.status}")
        return answer.body

    def _pull(self, repository: RawRepository, tag: str, manifest: bytes) -> None:
        document = json.loads(manifest)
        for part in (document["config"], *document["layers"]):
            answer = repository("GET", f"blobs/{part['digest']}")
            if answer.status != 200 or _digest(answer.body) != part["digest"]:
                self.wrong.append(f"{repository.name}:{tag} is partial: {part['digest']} is {answer.status}")


_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def built_again(fleet: Fleet) -> list[str]:
    """Images that were built although the same inputs had been verified before, from the ledger's events."""
    verified, again = set(), []
    for _, kind, image, data in fleet.events():
        if kind == "readback.verified":
            verified.add((image, data["fingerprint"]))
        elif kind == "build.started" and (image, data["fingerprint"]) in verified:
            again.append(image)
    return again


def unproven(fleet: Fleet, poller: Poller) -> list[str]:
    """Images that the poller saw under a tag and that had not been read back by then."""
    proven: dict[tuple[str, str], datetime] = {}
    for at, kind, image, data in fleet.events():
        if kind == "readback.verified":
            proven.setdefault((image, data["digest"]), datetime.fromisoformat(at))
    return [f"{key}" for key, at in poller.seen.items() if key not in proven or proven[key] > at]


# --- voyages ----------------------------------------------------------------------------------


def finish(fleet: Fleet) -> None:
    """Ship until all is delivered."""
    for _ in range(TRIES):
        ended = ship(fleet)
        if ended.code == 0:
            return
        assert ended.code in (3, 4), ended.said
    raise AssertionError(f"not delivered after {TRIES} more ships:\n{ended.said}")


def delivered(fleet: Fleet, poller: Poller) -> None:
    """All is as it should be after a voyage: every tag names what the ledger says, nothing else was seen."""
    status = json.loads(
        subprocess.run(fleet.command("status", "--json"), capture_output=True, check=True).stdout
    )
    assert {row["state"] for row in status["rows"]} <= {"delivered", "reused"}
    for row in status["rows"]:
        assert poller.look(row["image"]) == dict.fromkeys(("live", "latest"), row["digest"]), row["image"]
    assert poller.wrong == []
    assert unproven(fleet, poller) == []
    assert built_again(fleet) == []


def kill(fleet: Fleet, events: int, dice: Random) -> None:
    """Ship and be killed at one of the events, and again sometimes, at one that may not come any more."""
    ended = ship(fleet, killing(dice.randrange(events)))
    assert ended.code in (-signal.SIGKILL, 3, 4), ended.said
    TALLY["ships killed"] += ended.code == -signal.SIGKILL
    if dice.random() < 0.3 and ship(fleet, killing(dice.randrange(events))).code == -signal.SIGKILL:
        TALLY["ships killed again"] += 1


@pytest.fixture
def busybox() -> str:
    for candidate in ("/bin/busybox.static", "/bin/busybox", "/usr/bin/busybox"):
        if Path(candidate).exists():
            return candidate
    pytest.skip("there is no busybox")


@pytest.fixture
def server(
    request: pytest.FixtureRequest, tmp_path: Path, require_tool: Callable[[str], str]
) -> Iterator[Server]:
    kind = getattr(request, "param", "embedded")
    if kind == "distribution":
        require_tool("docker-registry")
    made = Server(kind, tmp_path / "server")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def fleet(
    tmp_path: Path, server: Server, busybox: str, container_storage: Path, require_tool: Callable[[str], str]
) -> Fleet:
    require_tool("buildah")
    made = Fleet(tmp_path / "repo", tmp_path / "state", server.address, server.address)
    made.write(busybox)
    return made


def share(part: int) -> int:
    """How many ships of all that there are go through one kind of trouble, one at least."""
    return max(RUNS // part, 1)


@pytest.mark.parametrize(("server", "part"), [("embedded", 1), ("distribution", 4)], indirect=["server"])
def test_ships_that_are_killed_end_delivered(fleet: Fleet, part: int) -> None:
    with Poller(fleet) as poller:
        for number in range(share(part)):
            dice = Random(f"{SEED} killed {part} {number}")
            kill(fleet, fleet.change(number, dice), dice)
            finish(fleet)
            delivered(fleet, poller)


@pytest.mark.parametrize(("server", "part"), [("embedded", 4), ("distribution", 8)], indirect=["server"])
def test_ships_whose_registry_is_killed_end_delivered(fleet: Fleet, server: Server, part: int) -> None:
    """It comes back at once, at a later event, or when the ship has given up; some ships are killed too."""
    with Poller(fleet) as poller:
        for number in range(share(part)):
            dice = Random(f"{SEED} registry {part} {number}")
            events = fleet.change(number, dice)
            gone = dice.randrange(events)
            back = gone + dice.choice((0, 2, 10, 1000))
            killed = dice.choice((dice.randrange(events), 1000))

            def at_event(
                number: int, pid: int, gone: int = gone, back: int = back, killed: int = killed
            ) -> None:
                if number == gone:
                    server.kill()
                    TALLY["registries killed"] += 1
                if number == back and not server.runs:
                    server.start()
                killing(killed)(number, pid)

            ended = ship(fleet, at_event)
            assert ended.code in (0, 3, 4, -signal.SIGKILL), ended.said
            if not server.runs:
                server.start()
            finish(fleet)
            delivered(fleet, poller)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MiB. Needs the right to mount."""
    directory = tmp_path / "disk"
    directory.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(directory)], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("nothing can be mounted here")
    yield directory
    subprocess.run(["umount", "-l", str(directory)], check=True)


def test_ships_whose_disk_is_full_say_so_and_end_delivered(fleet: Fleet, small_disk: Path) -> None:
    """Ledger, logs and staging are on it; at each ship another piece of it is left."""
    fleet.state = small_disk / "state"
    filler = small_disk / "filler"
    with Poller(fleet) as poller:
        for number in range(share(4)):
            dice = Random(f"{SEED} disk {number}")
            fleet.change(number, dice)
            free = shutil.disk_usage(small_disk).free
            left = dice.randrange(20, 600) << 10
            with filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(free - left, 1))
            ended = ship(fleet)
            if ended.code != 0:
                assert ended.code in (3, 4), ended.said
                assert "no space left" in ended.said.lower(), ended.said
                TALLY["ships whose disk was full"] += 1
            filler.unlink()
            finish(fleet)
            delivered(fleet, poller)


@pytest.mark.parametrize("server", ["embedded"], indirect=True)
def test_ships_through_faults_end_delivered(fleet: Fleet, server: Server, busybox: str) -> None:
    """Every twentieth request to the registry fails in one of the ways of ``testing.faults``."""
    with faulty(server.address) as address:
        shutil.rmtree(fleet.root)
        fleet.registry = address
        fleet.write(busybox)
        with Poller(fleet) as poller:
            for number in range(share(4)):
                dice = Random(f"{SEED} faults {number}")
                kill(fleet, fleet.change(number, dice), dice)
                finish(fleet)
                delivered(fleet, poller)
