from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipway.testing.harbour import Harbour
from shipway.testing.registry import running_registry


@pytest.fixture
def destination() -> Iterator[str]:
    with running_registry() as registry:
        yield registry.address


@pytest.fixture
def harbour(tmp_path: Path, destination: str) -> Harbour:
    """A small fleet and all it takes to ship it."""
    return Harbour(tmp_path, destination)


@pytest.fixture
def own_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the user's git configuration nor a surrounding hook has a say."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (home / ".gitconfig").write_text(
        "[user]\nname = A\nemail = a@example.org\n[init]\ndefaultBranch = main\n"
    )
