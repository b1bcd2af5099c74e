"""What git and the servers of the field say when they do not take a push."""

from __future__ import annotations

from shipway.errors import GitError
from shipway.ports import Branch, Completed

# the remote moved since it was asked: git push's own words, and those of its receiving side for two at once
_RACES = (
    "(fetch first)",
    "(non-fast-forward)",
    "(stale info)",
    "cannot lock ref",
    "failed to update ref",
    "incorrect old value provided",
    "reference already exists",
)
_REFUSALS: tuple[tuple[str, str, str], ...] = (
    (
        "protected branch",
        "the branch is protected: it takes changes by pull requests alone",
        "push to a branch of your own: --branch NAME, and --pull-request to open one",
    ),
    (
        "GH006",
        "the branch is protected: it takes changes by pull requests alone",
        "push to a branch of your own: --branch NAME, and --pull-request to open one",
    ),
    (
        "GH013",
        "a rule of the repository refuses the push",
        "push to a branch of your own: --branch NAME, and --pull-request to open one",
    ),
    (
        "hook declined",
        "a hook of the server refuses the push; its words stand above",
        "where the branch is protected: --branch NAME, and --pull-request to open a pull request",
    ),
    (
        "branch is currently checked out",
        "the remote is a working copy with this branch checked out",
        "push to a bare repository, or to another branch with --branch NAME",
    ),
)


def lost_race(stdout: str, stderr: str) -> bool:
    """Whether a push was refused since somebody else was faster."""
    said = stdout + stderr
    return "hook declined" not in said and any(race in said for race in _RACES)


def refused(branch: Branch, to: str, done: Completed) -> GitError | None:
    """The error of a push that the server refused; None for what failed in another way."""
    said = done.stdout + done.stderr
    for sign, cause, help in _REFUSALS:
        if sign in said:
            return GitError(
                f"{branch.title} does not take a push to {to}: {_words(done)}", cause=cause, help=help
            )
    return None


def _words(done: Completed) -> str:
    """What the server said: the lines of its hooks, else the line that git reports the ref with."""
    spoken = [line.removeprefix("remote:").strip() for line in done.stderr.splitlines() if "remote:" in line]
    told = [line for line in spoken if line]
    if told:
        return "; ".join(told[:4])
    lines = [line for line in done.stdout.splitlines() if line.startswith("!")]
    return lines[0].rpartition("\t")[2] if lines else f"exit code {done.code}"
