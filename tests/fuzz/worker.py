"""Cases one after the other in one process; says on standard output what each one showed."""

from __future__ import annotations

import argparse
import faulthandler
import json
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from types import FrameType

from tests.fuzz.trees import BAIT, lay, lay_outside
from tests.fuzz.watch import Watch

from shipway.errors import ShipwayError
from shipway.fleet.load import load_fleet
from shipway.flows.check import Checker, CheckRequest
from shipway.ports import Revision
from shipway.report.findings.json_document import findings_document

MENDED = 4
"""One case in so many is mended too, which reads everything several times."""


class Late(BaseException):
    """A case that took longer than it may; nothing in the product catches it."""


class NoGit:
    """A working copy without git, so that no process is started."""

    def revision(self, directory: Path) -> Revision | None:
        return None

    def tracked(self, directory: Path) -> frozenset[str] | None:
        return None

    def ignore_rules(self, directory: Path, paths: Sequence[str]) -> Mapping[str, str]:
        return {}


def check(root: Path, mend: bool) -> str:
    """Everything that ``shipway check`` does and says, as text; with ``--diff --unsafe-fixes`` to mend."""
    checker = Checker(lambda builds: load_fleet(root, builds=builds), root, NoGit(), {})
    facts = checker.facts()
    checked = checker.check(CheckRequest(mode="diff" if mend else "report", unsafe=mend), facts)
    document = json.dumps(findings_document(checked.result), ensure_ascii=False)
    return document + checked.diff()


def run_case(root: Path, watch: Watch, seconds: float, mend: bool = True) -> str:
    """What is wrong with one case, empty for nothing."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    faulthandler.dump_traceback_later(60 + seconds, exit=True)
    said = ""
    try:
        with watch(root):
            said = check(root, mend)
    except ShipwayError as error:
        said = f"{error}{error.cause}{error.help}"
    except Late:
        return f"slower than {seconds} s:\n{traceback.format_exc(limit=-4)}"
    except BaseException:
        return traceback.format_exc(limit=-6)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.cancel_dump_traceback_later()
    if watch.outside:
        return f"read outside of the repository: {watch.outside[:3]}"
    return "told what stands outside of the repository" if BAIT in said else ""


def _late(signum: int, frame: FrameType | None) -> None:
    raise Late


def main() -> None:
    """``worker SEED FIRST LAST SECONDS``: one JSON line for each bad case, and ``{"at": n}`` on the way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seed", type=int)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("seconds", type=float)
    options = parser.parse_args()
    signal.signal(signal.SIGPROF, _late)
    warnings.simplefilter("error")
    watch = Watch()
    home = Path(tempfile.mkdtemp(prefix="shipway-fuzz-"))
    try:
        lay_outside(home)
        for index in range(options.first, options.last):
            print(json.dumps({"at": index}), flush=True)
            root = home / f"repository-{index}"
            root.mkdir()
            bent = lay(root, Random(f"{options.seed}-{index}"))
            wrong = run_case(root, watch, options.seconds, mend=index % MENDED == 0)
            if wrong:
                files = {name: data.decode("latin-1") for name, data in bent.items()}
                print(json.dumps({"case": index, "wrong": wrong, "files": files}), flush=True)
            shutil.rmtree(root)
        print(json.dumps({"at": options.last}), flush=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
