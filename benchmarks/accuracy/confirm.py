"""Real builds of single COPY instructions from scratch, by docker's BuildKit."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accuracy.survey import Claim, Source
from shipway.dockerfile.patterns import has_wildcard

SECONDS_A_BUILD = 120
# What BuildKit says when it does not get a source, or its word; any other error confirms nothing.
_NOT_THERE = re.compile(
    r"failed to (?:compute cache key|calculate checksum|walk)|not found|no such file|"
    r"too many (?:levels of symbolic links|links)|syntax error in pattern|failed to process",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Built:
    """Whether a build succeeded, and its last words if not."""

    ok: bool
    error: str = ""

    @property
    def lacks_a_source(self) -> bool:
        """Whether it failed because a source could not be had."""
        return not self.ok and _NOT_THERE.search(self.error) is not None


class BuildKit:
    """One docker client with its daemon; one build at a time, as builds side by side swap their errors."""

    def __init__(self, docker: str) -> None:
        self._docker = docker
        self._environ = {**os.environ, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}

    def build(self, lines: Iterable[str], context: Path, own_ignore: Path | None) -> Built:
        """Build ``FROM scratch`` and ``lines`` in ``context``. Raises FileNotFoundError without docker."""
        with tempfile.TemporaryDirectory(prefix="shipway-accuracy-") as scratch:
            file = Path(scratch) / "Dockerfile"
            file.write_text("\n".join(["FROM scratch", *lines, ""]))
            if own_ignore is not None:
                shutil.copyfile(own_ignore, f"{file}.dockerignore")
            argv = [self._docker, "build", "--no-cache", "--quiet", "--file", str(file), str(context)]
            try:
                done = subprocess.run(
                    argv, env=self._environ, capture_output=True, check=False, timeout=SECONDS_A_BUILD
                )
            except subprocess.TimeoutExpired:
                return Built(False, "the build took too long")
        if done.returncode == 0:
            self._remove(done.stdout.decode().strip())
            return Built(True)
        return Built(False, done.stderr.decode(errors="replace").strip().rpartition("\n")[2])

    def _remove(self, image: str) -> None:
        subprocess.run([self._docker, "rmi", "--force", image], capture_output=True, check=False)


def instruction(source: Source, number: int) -> str:
    """A COPY of this source alone, its variables resolved, to a directory of its own.

    ADD and bind mounts become COPY: BuildKit finds their sources in the same way, only that the wildcards
    of a mount are literal.
    """
    read = source.read
    word = read.source if read.expanded is None else _escaped(read.expanded)
    if read.kind == "mount" and read.expanded is not None and has_wildcard(read.expanded):
        word = _escaped(re.sub(r"([*?\[\\])", r"\\\1", read.expanded))
    flags = [*(["--parents"] if read.parents else []), *(f"--exclude={each}" for each in read.exclude)]
    return " ".join(["COPY", *flags, json.dumps([word, f"/{number}/"], ensure_ascii=False)])


def _escaped(text: str) -> str:
    """``text`` so that the expansion of words gives it back."""
    return re.sub(r"""([\\$'"])""", r"\\\1", text)


def confirm(claim: Claim, buildkit: BuildKit) -> Built:
    """Build what a claim is about. A directory of a wildcard that nobody transfers depends on the other
    instructions, so they come along."""
    source = claim.source
    beside = claim.others if claim.reason == "glob-dir-not-sent" else (source,)
    together = [each for each in beside if each.context == source.context]
    lines = [instruction(each, number) for number, each in enumerate(together)]
    return buildkit.build(lines, source.context, source.own_ignore)


def confirm_fine(sources: Sequence[Source], buildkit: BuildKit) -> Built:
    """Build everything that a build reads from contexts, one build for each of them."""
    for context in dict.fromkeys(each.context for each in sources):
        together = [each for each in sources if each.context == context]
        lines = [instruction(each, number) for number, each in enumerate(together)]
        built = buildkit.build(lines, context, together[0].own_ignore)
        if not built.ok:
            return built
    return Built(True)
