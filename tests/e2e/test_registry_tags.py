"""``shipway registry tags``: the command over a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from shipway.cli.app import shipway
from shipway.errors import NotFound
from shipway.host import SystemClock
from shipway.oci.manifest import OCI_INDEX, Manifest
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.registry.server.embedded import EmbeddedRegistry
from shipway.values import Reference


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with EmbeddedRegistry(tmp_path / "registry") as server:
        asyncio.run(_put(server.address, "b", "a"))
        yield server.address


async def _put(address: str, *tags: str) -> None:
    empty = Manifest(OCI_INDEX, b'{"schemaVersion":2,"manifests":[]}')
    async with RegistryClient(RegistryConfig(), SystemClock()) as client:
        for tag in tags:
            await client.put_manifest(Reference.parse(f"{address}/fleet/app:{tag}"), empty)


def _tags(directory: Path, *words: str) -> str:
    argv = ["registry", "tags", "-C", str(directory), "--state", str(directory / "state"), *words]
    return CliRunner().invoke(shipway, argv, catch_exceptions=False).output


def test_every_tag_is_a_line(tmp_path: Path, address: str) -> None:
    assert _tags(tmp_path, f"{address}/fleet/app") == "a\nb\n"


def test_as_json_the_repository_is_named(tmp_path: Path, address: str) -> None:
    assert json.loads(_tags(tmp_path, "--json", f"{address}/fleet/app:a")) == {
        "schema": "shipway.registry-tags/1",
        "repository": f"{address}/fleet/app",
        "tags": ["a", "b"],
    }


def test_a_repository_without_tags_is_an_error_and_not_an_empty_list(tmp_path: Path, address: str) -> None:
    with pytest.raises(NotFound, match="has no tags"):
        _tags(tmp_path, f"{address}/fleet/other")
