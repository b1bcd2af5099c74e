"""The demo: ``examples/shop`` in a repository of its own, shipped by the very command that users type."""

from __future__ import annotations

import json
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from shipway.errors import HostError, NotMet, UsageError
from shipway.host import SystemHost
from shipway.values import Platform

IMAGES = ("base", "api", "payments", "web", "worker")
_AUTHOR = (
    "-c",
    "user.name=Shipway demo",
    "-c",
    "user.email=demo@shipway.invalid",
    "-c",
    "commit.gpgsign=false",
)
_BUSYBOXES = ("/bin/busybox", "/usr/bin/busybox", "/bin/busybox.static", "/usr/bin/busybox.static")


def run(directory: Path | None, engine: str, say: Callable[[str], None]) -> None:
    """Run the demo in ``directory``. Raises NotMet when one of its claims does not hold."""
    stage = _Stage(_new_directory(directory), engine, say)
    _lay_out(stage)
    _ship_everything(stage)
    _change_one_service(stage)
    _break_a_copy(stage)
    _report(stage)


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where the demo plays: the example's working copy, Shipway's state, and the screen."""

    directory: Path
    engine: str
    say: Callable[[str], None]

    @property
    def shop(self) -> Path:
        return self.directory / "shop"

    @property
    def state(self) -> Path:
        return self.directory / "state"

    def title(self, text: str) -> None:
        self.say(f"\n# {text}")

    def shipway(self, *arguments: str, expect: int = 0) -> str:
        """Type a command, show it with its output, and check its exit code."""
        self.say(f"$ shipway {' '.join(arguments)}")
        code, output = self._run(*arguments)
        self.say(output.rstrip())
        if code != expect:
            raise NotMet(f"shipway {arguments[0]} ended with exit code {code} where {expect} was expected")
        return output

    def status(self) -> Mapping[str, Any]:
        """The last run as the ledger shows it."""
        _, output = self._run("status", "--json")
        document: Mapping[str, Any] = json.loads(output)
        return document

    def _run(self, *arguments: str) -> tuple[int, str]:
        argv = (sys.executable, "-m", "shipway", *arguments)
        env = {"SHIPWAY_STATE_DIR": str(self.state), "SHIPWAY_ENGINE": self.engine}
        done = SystemHost().run_sync(argv, cwd=self.shop, env=env)
        return done.code, done.stderr + done.stdout

    def git(self, *arguments: str) -> None:
        done = SystemHost().run_sync(("git", *_AUTHOR, *arguments), cwd=self.shop)
        if done.code:
            raise HostError(f"git {arguments[0]} failed: {done.stderr.strip()}")

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.shop / path
        file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
        self.say(f"({path}: {old!r} becomes {new!r})")


# --- the acts ---------------------------------------------------------------------------------


def _lay_out(stage: _Stage) -> None:
    stage.title(f"A repository with five images, in {stage.shop}")
    shutil.copytree(_example(), stage.shop)
    _add_busybox(stage.shop / "base" / "bin" / Platform.normalised("linux", platform.machine()).architecture)
    stage.git("init", "--quiet", "--initial-branch=main")
    stage.git("add", "--all")
    stage.git("commit", "--quiet", "--message=The shop")
    stage.shipway("plan")


def _ship_everything(stage: _Stage) -> None:
    stage.title("Ship it: built in order, pushed, read back, tags last")
    stage.shipway("ship")
    _require_states(stage, dict.fromkeys(IMAGES, "delivered"))


def _change_one_service(stage: _Stage) -> None:
    stage.title("Change one service: only that one is built")
    stage.edit("services/web/site/index.html", "Open.", "Open all night.")
    stage.git("commit", "--quiet", "--all", "--message=Open all night")
    stage.shipway("ship")
    _require_states(stage, {**dict.fromkeys(IMAGES, "reused"), "web": "delivered"})


def _break_a_copy(stage: _Stage) -> None:
    stage.title("Break a COPY path: refused before any build")
    runs = stage.status()["run"]
    stage.edit("services/api/Dockerfile", "api/routes.txt", "api/route.txt")
    stage.shipway("ship", expect=1)
    if stage.status()["run"] != runs:
        raise NotMet("a run was started though a COPY source is missing")
    stage.git("checkout", "--quiet", "--", ".")


def _report(stage: _Stage) -> None:
    stage.title("The report, every number counted from the ledger")
    page = stage.directory / "report.html"
    stage.shipway("report", "--format", "html", "--output", str(page))
    stage.shipway("status")
    verified = stage.status()["verified"]
    if verified != len(IMAGES):
        raise NotMet(f"{verified} of {len(IMAGES)} images are verified by read-back")
    stage.say(f"\n{verified} of {len(IMAGES)} images verified by read-back.")
    stage.say(f"report: {page}")
    stage.say(f"images: {stage.state / 'registry'} (an OCI image layout)")


def _require_states(stage: _Stage, expected: Mapping[str, str]) -> None:
    seen = {row["image"]: row["state"] for row in stage.status()["rows"]}
    if seen != expected:
        raise NotMet(f"the ledger shows {seen} where {dict(expected)} was expected")


# --- the props --------------------------------------------------------------------------------


def _new_directory(wanted: Path | None) -> Path:
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="shipway-demo-"))
    if wanted.exists():
        raise UsageError(f"{wanted} is there already", help="name a new directory")
    wanted.mkdir(parents=True)
    return wanted.resolve()


def _example() -> Path:
    """``examples/shop``: inside the installed package, else beside the sources."""
    package = Path(str(resources.files("shipway")))
    for candidate in (package / "examples" / "shop", package.parents[1] / "examples" / "shop"):
        if candidate.is_dir():
            return candidate
    raise HostError("the example fleet is not part of this installation", help="run the demo from a checkout")


def _add_busybox(directory: Path) -> None:
    """Give the base image a shell: a static busybox of this machine, and ``sh`` as a link to it."""
    for candidate in map(Path, _BUSYBOXES):
        if candidate.is_file() and _is_static(candidate):
            shutil.copy(candidate, directory / "busybox")
            for name in ("sh", "mkdir", "cp", "wc", "sha256sum", "ls", "sort", "touch", "sleep"):
                (directory / name).symlink_to("busybox")
            return
    raise HostError(
        "the demo needs a static busybox, and there is none on this machine",
        help="as root on Debian or Ubuntu: apt-get install busybox-static",
    )


def _is_static(program: Path) -> bool:
    """Whether an ELF file asks for no dynamic loader (no PT_INTERP path in its head)."""
    head = program.read_bytes()[:4096]
    return head.startswith(b"\x7fELF") and b"/ld-" not in head
