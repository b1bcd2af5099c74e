"""A short, seeded run of the fuzzer, and proof that it would notice. ``make fuzz`` runs the long one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CASES = 120


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )


def test_no_bent_file_gives_a_traceback_a_hang_or_a_look_outside() -> None:
    done = run("-m", "tests.fuzz", "--seed", "20261121", "--cases", str(CASES), "--limit", "10")
    assert done.returncode == 0, done.stdout[-5000:]
    assert f"{CASES} cases" in done.stdout


def test_what_is_opened_or_listed_outside_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").touch()
    root = tmp_path / "repository"
    root.mkdir()
    (root / "link").symlink_to("../outside")
    (root / "own").touch()
    script = f"""
import os
from pathlib import Path
from tests.fuzz.watch import Watch
root = Path({str(root)!r})
watch = Watch()
(root / "link" / "secret").read_text()
with watch(root):
    (root / "own").read_text()
    os.listdir(root)
    (root / "link" / "secret").read_text()
    list(os.scandir(root / "link"))
    os.listdir(root / "..")
print(len(watch.outside))
"""
    done = run("-c", script)
    assert done.stdout.strip() == "3", done


def test_a_slow_case_a_crash_and_a_leak_are_noticed(tmp_path: Path) -> None:
    script = f"""
import signal
from pathlib import Path
from tests.fuzz import worker
from tests.fuzz.trees import BAIT
from tests.fuzz.watch import Watch
signal.signal(signal.SIGPROF, worker._late)
def endless(root, mend):
    while True:
        pass
def broken(root, mend):
    raise ValueError("not a ShipwayError")
found = []
for check in (endless, broken, lambda root, mend: BAIT, lambda root, mend: "fine"):
    worker.check = check
    found.append(worker.run_case(Path({str(tmp_path)!r}), Watch(), 0.2))
assert "slower than" in found[0], found
assert "not a ShipwayError" in found[1], found
assert "outside" in found[2], found
assert found[3] == "", found
"""
    done = run("-c", script)
    assert done.returncode == 0, done.stderr


def test_a_worker_that_dies_is_a_bad_case_and_the_next_one_goes_on(tmp_path: Path) -> None:
    script = """
import subprocess
from tests.fuzz import __main__ as fuzzer
dying = '''
import json, os, sys
first, last = int(sys.argv[2]), int(sys.argv[3])
for index in range(first, last):
    print(json.dumps({"at": index}), flush=True)
    if index == 2:
        os.abort()
print(json.dumps({"at": last}), flush=True)
'''
fuzzer.WORKER = ("-c", dying)
outcome = fuzzer.fuzz(1, 0, 5, 60, 1)
assert outcome.at == 5, outcome
assert [each["case"] for each in outcome.wrong] == [2], outcome
"""
    done = run("-c", script)
    assert done.returncode == 0, done.stderr


def test_contexts_outside_are_not_even_looked_for(tmp_path: Path) -> None:
    """Neither one that is there, by ``..`` or through a link, nor one that is not there or is a file."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").touch()
    root = tmp_path / "repository"
    root.mkdir()
    (root / "Dockerfile").write_text("FROM scratch\nCOPY x /\n")
    (root / "link").symlink_to("../outside")
    (root / "filed").symlink_to("../outside/file")
    contexts = ("..", "../outside", "../gone", "link", "filed", "link/gone", "/etc", "x" * 300 + "/..")
    services = "".join(
        f"  s{number}: {{build: {{context: {context}, dockerfile: {root}/Dockerfile}}}}\n"
        f"  n{number}: {{build: {{context: ., additional_contexts: {{x: {context}}}}}}}\n"
        for number, context in enumerate(contexts)
    )
    (root / "compose.yaml").write_text(f"services:\n{services}")
    script = f"""
from pathlib import Path
from tests.fuzz import worker
from tests.fuzz.watch import Watch
print(worker.run_case(Path({str(root)!r}), Watch(), 60), end="")
"""
    done = run("-c", script)
    assert (done.returncode, done.stdout) == (0, ""), done
