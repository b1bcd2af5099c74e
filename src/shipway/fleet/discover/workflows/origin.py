"""The repository on GitHub that a working copy belongs to, from its own configuration."""

from __future__ import annotations

import re

from shipway.errors import ShipwayError
from shipway.fleet.discover.workflows.build import WORKSPACE
from shipway.fleet.discover.workflows.evaluate import Open, Value
from shipway.fleet.tree import FileTree

_SECTION = re.compile(r'\s*\[\s*remote\s+"origin"\s*\]\s*\Z')
_URL = re.compile(r"\s*url\s*=\s*(\S+)\s*\Z")
_ADDRESS = re.compile(
    r"(?:(?:https?|ssh|git)://(?:[^/@\s]+@)?|[^/@\s:]+@)(?P<host>[^/:\s]+)(?::\d+(?=/))?[/:]"
    r"(?P<owner>[^/\s]+)/(?P<name>[^/\s]+?)(?:\.git)?/?\Z"
)


def github_context(tree: FileTree) -> Open:
    """The ``github`` context as far as the files of ``tree`` tell it."""
    known: dict[str, Value] = {"workspace": WORKSPACE}
    event: dict[str, Value] = {}
    address = _origin(tree)
    if address is not None:
        host, owner, name = address["host"], address["owner"], address["name"]
        known |= {
            "repository": f"{owner}/{name}",
            "repository_owner": owner,
            "server_url": f"https://{host}",
            "repositoryUrl": f"git://{host}/{owner}/{name}.git",
        }
        event["repository"] = Open(
            {"name": name, "full_name": f"{owner}/{name}", "owner": Open({"login": owner})}
        )
    return Open({**known, "event": Open(event)})


def runner_variables(github: Open) -> dict[str, str]:
    """The ``GITHUB_*`` variables of the runner that follow from the ``github`` context."""
    names = ("workspace", "repository", "repository_owner", "server_url")
    found = {f"GITHUB_{name.upper()}": str(github[name]) for name in names if name in github}
    return {**found, "CI": "true", "GITHUB_ACTIONS": "true"}


def _origin(tree: FileTree) -> re.Match[str] | None:
    try:
        lines = tree.read_text(".git/config").splitlines()
    except ShipwayError:
        return None
    inside = False
    for line in lines:
        if line.strip().startswith("["):
            inside = bool(_SECTION.match(line))
        elif inside and (match := _URL.match(line)):
            return _ADDRESS.match(match[1])
    return None
