from __future__ import annotations

from pathlib import Path

import pytest

from shipway.testing.gitops import MANIFEST, OLD, Cluster, git
from shipway.testing.harbour import Harbour


@pytest.fixture(autouse=True)
def configuration(own_git: None) -> None:
    """No test here knows the user's git."""


@pytest.fixture
async def shipped(harbour: Harbour) -> Harbour:
    """A fleet in git that was delivered."""
    git(harbour.root, "init", "-q")
    git(harbour.root, "add", "-A")
    git(harbour.root, "commit", "-qm", "all")
    harbour.attests = True
    await harbour.ship("solo")
    return harbour


@pytest.fixture
def cluster(tmp_path: Path, shipped: Harbour) -> Cluster:
    return Cluster(tmp_path, "cluster", MANIFEST.format(registry=shipped.destination, old=OLD))
