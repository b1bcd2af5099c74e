"""``python -m benchmarks.accuracy DIRECTORY``: every clone in a directory, each claim built for real.

Clones are git working copies as CI would have them: nothing built in them, nothing added. Prints the table of
``docs/accuracy.md``; ``--out`` keeps every single claim with BuildKit's answer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.accuracy.confirm import BuildKit, confirm, confirm_fine
from benchmarks.accuracy.rivals import Hadolint, hadolint
from benchmarks.accuracy.survey import Claim, Survey, check_json, context_findings, survey

_HEAD = (
    *("Repository", "Dockerfiles", "Builds", "SW101", "SW102", "SW105, SW106"),
    *("confirmed", "false", "fine, built", "missed"),
)


@dataclass
class Row:
    """One repository. ``answers`` are the claims with BuildKit's words, ``missed`` the builds called fine
    that failed for want of a source, ``broken`` what went wrong with Shipway itself."""

    survey: Survey
    answers: list[dict[str, object]] = field(default_factory=list)
    fine: int = 0
    missed: list[str] = field(default_factory=list)
    broken: str = ""
    unlike: int = 0
    hadolint: Hadolint = field(default_factory=Hadolint)

    def count(self, rule: str) -> int:
        return sum(each["rule"] == rule for each in self.answers)

    def verdicts(self, verdict: str) -> int:
        return sum(each["verdict"] == verdict for each in self.answers)

    def cells(self) -> tuple[object, ...]:
        return (
            self.survey.repository.replace("+", "/"),
            len(self.survey.dockerfiles),
            self.survey.builds,
            self.count("SW101"),
            self.count("SW102"),
            self.count("SW105") + self.count("SW106"),
            self.verdicts("confirmed"),
            self.verdicts("false"),
            self.fine,
            len(self.missed),
        )


def look(root: Path, buildkit: BuildKit, linter: str | None, share: float, random: Random) -> Row:
    """Survey one clone and ask BuildKit about every claim, and about a share of the builds called fine."""
    try:
        row = Row(survey(root))
    except Exception:
        return Row(Survey(root.name, root), broken=traceback.format_exc(limit=-3))
    findings, row.broken = check_json(root)
    told = context_findings(findings)
    claimed = {
        (each.rule, each.path, each.source.read.line, each.source.read.source) for each in row.survey.claims
    }
    row.unlike = len({each for each in claimed ^ told if each[0] in ("SW101", "SW102")})
    row.answers = [_answer(claim, buildkit) for claim in row.survey.claims]
    for path, sources in row.survey.fine:
        if random.random() < share:
            row.fine += 1
            built = confirm_fine(sources, buildkit)
            if not built.ok:
                row.missed.append(f"{path}: {built.error}")
    if linter is not None and row.survey.dockerfiles:
        files = [path for path in sorted(row.survey.dockerfiles) if (root / path).is_file()]
        row.hadolint = hadolint(linter, root, files)
    return row


def _answer(claim: Claim, buildkit: BuildKit) -> dict[str, object]:
    built = confirm(claim, buildkit)
    verdict = "false" if built.ok else "confirmed" if built.lacks_a_source else "unclear"
    read = claim.source.read
    context = claim.source.context
    path = str(read.expanded or "").lstrip("./")
    return {
        "rule": claim.rule,
        "repository": claim.repository,
        "path": claim.path,
        "line": read.line,
        "source": read.source,
        "reason": claim.reason,
        "certain": claim.certain,
        "git_ignores": bool(path) and _git_ignores(context, path),
        "verdict": verdict,
        "said": built.error[-300:],
    }


def _git_ignores(directory: Path, path: str) -> bool:
    """Whether git is told to ignore a path: then something makes it before the build."""
    argv = ["git", "-C", str(directory), "check-ignore", "-q", "--", path]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def table(rows: Iterable[Row]) -> Iterator[str]:
    """The rows as Markdown, with a last one for all."""
    cells = [row.cells() for row in rows]
    yield f"| {' | '.join(_HEAD)} |"
    yield f"| --- {'| ---: ' * (len(_HEAD) - 1)}|"
    for each in cells:
        yield f"| {' | '.join(map(str, each))} |"
    sums = [sum(int(str(row[column])) for row in cells) for column in range(1, len(_HEAD))]
    yield f"| **all {len(cells)}** | {' | '.join(f'**{each}**' for each in sums)} |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy")
    parser.add_argument("directory", type=Path, help="the directory that holds the clones")
    parser.add_argument("--docker", default="docker", help="the docker client; its daemon must have BuildKit")
    parser.add_argument("--hadolint", help="the hadolint program")
    parser.add_argument("--fine", type=float, default=1.0, help="share of the builds called fine to build")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="file for the answers, as JSON")
    options = parser.parse_args()
    random, buildkit = Random(options.seed), BuildKit(options.docker)
    rows = []
    for root in sorted(each for each in options.directory.iterdir() if each.is_dir()):
        print(root.name, file=sys.stderr, flush=True)
        row = look(root, buildkit, options.hadolint, options.fine, random)
        if row.survey.dockerfiles or row.broken:
            rows.append(row)
    print("\n".join(table(rows)))
    _summary(rows)
    if options.out is not None:
        options.out.write_text(json.dumps([_document(row) for row in rows], indent=1))
    return int(any(row.broken or row.missed or row.verdicts("false") for row in rows))


def _summary(rows: list[Row]) -> None:
    digests = {digest for row in rows for digest in row.survey.dockerfiles.values()}
    print(f"\ndistinct Dockerfiles: {len(digests)}")
    print(f"unclear answers: {sum(row.verdicts('unclear') for row in rows)}")
    print(f"told otherwise by the command line: {sum(row.unlike for row in rows)}")
    for row in rows:
        if row.broken:
            print(f"broken: {row.survey.repository}: {row.broken}")
        for missed in row.missed:
            print(f"missed: {row.survey.repository} {missed}")
    sums = [row.hadolint for row in rows]
    about, unparsed = sum(each.about_sources for each in sums), sum(each.unparsed for each in sums)
    print(f"hadolint: {about} about sources, {unparsed} files unparsed, {sum(e.others for e in sums)} others")


def _document(row: Row) -> dict[str, object]:
    return {
        "repository": row.survey.repository,
        "dockerfiles": row.survey.dockerfiles,
        "builds": row.survey.builds,
        "seconds": row.survey.seconds,
        "answers": row.answers,
        "fine": row.fine,
        "missed": row.missed,
        "broken": row.broken,
        "unlike": row.unlike,
        "hadolint": vars(row.hadolint),
    }


if __name__ == "__main__":
    sys.exit(main())
