"""Running hadolint over the Dockerfiles of a fleet, when it is installed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from shipway.checks.finding import Finding
from shipway.checks.hadolint import parse_report
from shipway.errors import HostError
from shipway.ports import Host

PROGRAM = "hadolint"
TIMEOUT_SECONDS = 300.0
_MAX_FILES = 500
_MAX_BYTES = 100_000


async def run_hadolint(
    host: Host, directory: Path, paths: Sequence[str], leave_out: Collection[str]
) -> tuple[Finding, ...] | None:
    """What hadolint finds in ``paths``, relative to ``directory``, without the ids in ``leave_out``; None
    when it is not installed.

    One process for many files, started in ``directory`` so that its own configuration counts. Raises
    HostError when it fails.
    """
    if host.which(PROGRAM) is None:
        return None
    found: list[Finding] = []
    for batch in _batches(paths):
        found += await _run(host, directory, batch, leave_out)
    return tuple(found)


async def _run(
    host: Host, directory: Path, paths: Sequence[str], leave_out: Collection[str]
) -> tuple[Finding, ...]:
    """``--no-fail`` tells findings, which end with 0, from a failure."""
    argv = (PROGRAM, "--no-fail", "--no-color", "--format", "json", "--", *paths)
    done = await host.run(argv, cwd=directory, timeout=TIMEOUT_SECONDS)
    if done.code != 0 or not done.stdout.strip():
        said = (done.stderr or done.stdout).strip().splitlines()
        raise HostError(
            "hadolint failed",
            cause=said[0] if said else f"it ended with code {done.code} and said nothing",
            help="run it by hand, and look at its configuration (.hadolint.yaml)",
        )
    return parse_report(done.stdout, leave_out)


def _batches(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    """The paths in portions that fit on a command line."""
    batch: list[str] = []
    size = 0
    for path in paths:
        length = len(path.encode("utf-8", errors="surrogateescape")) + 1
        if batch and (len(batch) == _MAX_FILES or size + length > _MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(path)
        size += length
    if batch:
        yield batch
