"""The git program: never prompting, never running hooks, its refusals explained."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from shipway.errors import GitError, HostError
from shipway.fleet.model import NOTHING
from shipway.ports import Completed, Host

LONG_SECONDS = 600.0
_READ_SECONDS = 60.0
# options before the subcommand: a repository's own configuration must not start programs of its choice
_HARDENED = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never")
# variables that git sets for its hooks would turn every command to another repository
_ENVIRONMENT: Mapping[str, str | None] = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_DIR": None,
    "GIT_WORK_TREE": None,
    "GIT_INDEX_FILE": None,
    "GIT_PREFIX": None,
}
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


class Git:
    """Runs git on ``host``."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def run(
        self,
        directory: Path,
        *arguments: str,
        doing: str = "",
        accept: Sequence[int] = (0,),
        timeout: float = _READ_SECONDS,
        more: Mapping[str, str] = NOTHING,
    ) -> Completed:
        """Run git in ``directory``; ``doing`` says what failed, ``more`` is added to the environment.

        Raises GitError for an exit code that is not in ``accept``.
        """
        argv = ("git", *_HARDENED, "-C", str(directory), *arguments)
        env = {**_ENVIRONMENT, **more}
        if "GIT_SSH_COMMAND" not in self._host.environ:
            env["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes"
        try:
            completed = self._host.run_sync(argv, env=env, timeout=timeout)
        except HostError as error:
            raise GitError(error.message, cause=error.cause, help=error.help) from None
        if completed.code not in accept:
            raise failure(doing or f"git {arguments[0]} failed in {directory}", directory, completed)
        return completed


def under_git(directory: Path) -> bool:
    """Whether a working copy holds ``directory``."""
    return any((parent / ".git").exists() for parent in (directory, *directory.parents))


def without_userinfo(text: str) -> str:
    """``text`` without the credentials of URLs: CI systems write tokens into them."""
    return _USERINFO.sub("", text)


_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        "dubious ownership",
        "the files belong to another user, and git does not trust them",
        "git config --global --add safe.directory {directory}",
    ),
    (
        "could not read Username",
        "the repository does not exist, or wants credentials",
        "give git credentials: git config --global credential.helper store, or use an SSH URL",
    ),
    (
        "Permission denied (publickey)",
        "the server does not know this machine's SSH key",
        "ssh-add -l shows the keys offered",
    ),
    ("Could not resolve host", "the host name is unknown here", "check the spelling and the network"),
    (
        "couldn't find remote ref",
        "the repository has no such branch, tag or commit",
        "git ls-remote URL lists branches and tags",
    ),
    (
        "tell me who you are",
        "git does not know who makes the commit",
        "git config --global user.name NAME, and user.email ADDRESS",
    ),
    (
        "failed to sign",
        "commit.gpgsign is set, and the key could not be used without asking",
        "unlock the key (gpg, ssh-add), or git config commit.gpgsign false in that repository",
    ),
    ("not a git repository", "the directory is not under git", "git init, or name another directory"),
)


def failure(doing: str, directory: Path, completed: Completed) -> GitError:
    """The error that a command was, with cause and help where what git said is known."""
    said = without_userinfo(completed.stderr.strip())
    last = next((line for line in reversed(said.splitlines()) if line.startswith("fatal:")), said[-300:])
    message = f"{doing}: {last or f'exit code {completed.code}'}"
    for sign, cause, help in _CAUSES:
        if sign in said:
            return GitError(message, cause=cause, help=help.format(directory=directory.absolute()))
    return GitError(message)
