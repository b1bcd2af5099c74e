"""Repositories that clusters follow, as the fleet file names them."""

from __future__ import annotations

import pytest

from shipway.errors import ConfigError
from shipway.fleet.file import read_fleet_file
from shipway.fleet.model import GitOpsRepository


def test_each_one_is_a_directory_or_a_url() -> None:
    text = """\
gitops:
  - {path: ../cluster, branch: main, directory: ./clusters/prod/}
  - {git: 'git@example.org:acme/cluster.git'}
"""
    assert read_fleet_file(text, "deploy/shipway.yaml").gitops == (
        GitOpsRepository("cluster", None, "main", "clusters/prod"),
        GitOpsRepository(None, "git@example.org:acme/cluster.git"),
    )


@pytest.mark.parametrize(
    "text",
    ["gitops: ../cluster", "gitops: [{branch: main}]", "gitops: [{path: a, git: b}]", "gitops: [{pth: a}]"],
)
def test_anything_else_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_fleet_file(text, "shipway.yaml")
    assert error.value.place is not None
    assert error.value.place.line == 1
