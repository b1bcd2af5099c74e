"""Pull requests: opened by GitHub's program where it is there, else the address where people open one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from shipway.ports import Host

_SECONDS = 120.0
_SCP = re.compile(r"(?:ssh://)?(?:[\w.-]+@)?(?P<host>[\w.-]+)(?::\d+)?[:/](?P<path>[^:]+?)(?:\.git)?/?\Z")
_HTTP = re.compile(r"https?://(?:[^/@]+@)?(?P<host>[\w.:-]+)/(?P<path>.+?)(?:\.git)?/?\Z")


@dataclass(frozen=True, slots=True)
class Request:
    """A pull request from ``head`` into ``base`` of the repository at ``url``."""

    url: str
    base: str
    head: str
    title: str
    body: str


async def open_request(host: Host, request: Request, directory: Path) -> str:
    """Open it, and say where it is; where that cannot be done, how to open it."""
    slug = _slug(request.url)
    if slug is not None and host.which("gh"):
        argv = ("gh", "pr", "create", "--repo", "/".join(slug), "--base", request.base)
        rest = ("--head", request.head, "--title", request.title, "--body", request.body)
        done = await host.run((*argv, *rest), cwd=directory, timeout=_SECONDS)
        if done.code == 0:
            return f"pull request: {done.stdout.strip()}"
        said = done.stderr.strip().splitlines()
        return f"gh opened no pull request ({said[-1] if said else done.code}): {compare_url(request)}"
    compare = compare_url(request)
    return f"open a pull request: {compare}" if compare else f"open a pull request from {request.head}"


def compare_url(request: Request) -> str | None:
    """Where the forge of a repository offers to open a pull request; None for one that is not known."""
    slug = _slug(request.url)
    if slug is None:
        return None
    host, path = slug
    base, head = quote(request.base), quote(request.head)
    if "gitlab" in host:
        query = f"merge_request%5Bsource_branch%5D={head}&merge_request%5Btarget_branch%5D={base}"
        return f"https://{host}/{path}/-/merge_requests/new?{query}"
    return f"https://{host}/{path}/compare/{base}...{head}"


def _slug(url: str) -> tuple[str, str] | None:
    """Host and path of a repository, None for one on this machine."""
    if "://" in url and not url.startswith(("http", "ssh")):
        return None
    match = _HTTP.match(url) or (_SCP.match(url) if not url.startswith(("/", ".", "http")) else None)
    return (match["host"], match["path"]) if match else None
