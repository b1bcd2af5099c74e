"""Pull requests: opened by gh where it is there, else told where to open one."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipway.flows.promote.pull_request import Request, compare_url, open_request
from shipway.host import SystemHost


def request(url: str) -> Request:
    return Request(url, "main", "promote/api", "chore(images): api", "evidence")


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("https://github.com/acme/cluster.git", "https://github.com/acme/cluster/compare/main...promote/api"),
        ("git@github.com:acme/cluster.git", "https://github.com/acme/cluster/compare/main...promote/api"),
        (
            "ssh://git@github.com:22/acme/cluster",
            "https://github.com/acme/cluster/compare/main...promote/api",
        ),
        (
            "https://gitlab.example/a/b/c.git",
            "https://gitlab.example/a/b/c/-/merge_requests/new?merge_request%5Bsource_branch%5D=promote/api"
            "&merge_request%5Btarget_branch%5D=main",
        ),
        ("/srv/git/cluster.git", None),
        ("file:///srv/git/cluster.git", None),
        ("../cluster.git", None),
    ],
)
def test_where_a_forge_opens_one(url: str, where: str | None) -> None:
    assert compare_url(request(url)) == where


@pytest.mark.parametrize(
    ("code", "said"), [(0, "pull request: https://x/1"), (1, "gh opened no pull request")]
)
async def test_gh_opens_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, said: str) -> None:
    program = tmp_path / "gh"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/words\necho https://x/1\nexit {code}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    told = await open_request(SystemHost(), request("git@github.com:acme/cluster.git"), tmp_path)
    assert told.startswith(said)
    words = (tmp_path / "words").read_text().splitlines()
    assert words[:4] == ["pr", "create", "--repo", "github.com/acme/cluster"]
    assert words[words.index("--head") + 1] == "promote/api"


async def test_without_gh_the_address_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = await open_request(SystemHost(), request("https://github.com/acme/cluster"), tmp_path)
    assert told == "open a pull request: https://github.com/acme/cluster/compare/main...promote/api"
