"""``shipway copy --fleet`` as people run it: a fleet that was shipped, moved to another registry."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from shipway.testing.distribution import running_distribution
from shipway.testing.front import forward
from shipway.testing.raw import RawRepository
from shipway.testing.scripted_registry import serving

pytestmark = [pytest.mark.engine, pytest.mark.registry, pytest.mark.xdist_group("engine")]

FILES = {
    "shipway.yaml": (
        "images:\n"
        '  base: {context: base, tag: "1"}\n'
        '  api: {context: api, tag: "2", tags: [latest]}\n'
        '  web: {context: web, tag: "3"}\n'
    ),
    "base/Dockerfile": "FROM scratch\nCOPY Dockerfile /base\n",
    "api/Dockerfile": "FROM base:1\nCOPY Dockerfile /api\n",
    "web/Dockerfile": "FROM base:1\nCOPY Dockerfile /web\n",
}
TAGS = {"base": ("1",), "api": ("2", "latest"), "web": ("3",)}


@dataclass(frozen=True)
class Shop:
    """A fleet that was shipped to its embedded registry, and the digest of each image."""

    home: Path
    digests: dict[str, str]

    def own_layer(self, image: str) -> str:
        """The digest of the layer that no other image has."""
        _, _, digest = self.digests[image].partition(":")
        manifest = self.home / "state" / "registry" / "blobs" / "sha256" / digest
        layer: str = json.loads(manifest.read_text())["layers"][-1]["digest"]
        return layer

    def command(self, *argv: str) -> list[str]:
        places = ["-C", str(self.home / "repo"), "--state", str(self.home / "state")]
        return [sys.executable, "-m", "shipway", *argv, *places, "--json"]

    def copy(self, registry: str) -> dict[tuple[str, str], dict[str, Any]]:
        """What became of each image and tag."""
        argv = self.command("copy", "--fleet", f"{registry}/mirror")
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        rows = json.loads(done.stdout)["copies"]
        return {named(row["destination"]): row for row in rows}


def named(destination: str) -> tuple[str, str]:
    """Image and tag of ``HOST/mirror/IMAGE:TAG``."""
    image, _, tag = destination.rpartition("/")[2].partition(":")
    return image, tag


@pytest.fixture
def shop(tmp_path: Path, engine_name: str) -> Shop:
    for path, text in FILES.items():
        file = tmp_path / "repo" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    argv = Shop(tmp_path, {}).command("ship", "--engine", engine_name)
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return Shop(tmp_path, {row["image"]: row["digest"] for row in json.loads(done.stdout)["rows"]})


@pytest.fixture
def mirror(tmp_path: Path, require_tool: Callable[[str], str]) -> Iterator[str]:
    """A docker-registry of this test's own."""
    require_tool("docker-registry")
    with running_distribution(tmp_path / "mirror") as address:
        yield address


def test_a_fleet_is_copied_with_all_its_tags_and_a_second_time_nothing_moves(
    shop: Shop, mirror: str, require_tool: Callable[[str], str]
) -> None:
    skopeo = require_tool("skopeo")
    first = shop.copy(mirror)
    assert set(first) == {(image, tag) for image, tags in TAGS.items() for tag in tags}
    assert {row["state"] for row in first.values()} == {"copied"}
    for image, tag in first:
        place = f"docker://{mirror}/mirror/{image}:{tag}"
        argv = [skopeo, "inspect", "--tls-verify=false", "--format", "{{.Digest}}", place]
        told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
        assert told == shop.digests[image]
    again = shop.copy(mirror)
    assert set(again) == set(first)
    assert {(row["state"], row["bytes"], row["blobs_moved"]) for row in again.values()} == {("present", 0, 0)}


async def test_a_fleet_whose_copy_was_killed_is_whole_after_the_next(shop: Shop, mirror: str) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        killed = asyncio.Event()
        passing = forward(session, f"http://{mirror}", frozenset(), None)

        async def stuck(request: web.Request) -> web.StreamResponse:
            if request.query.get("digest") == shop.own_layer("web"):
                await killed.wait()
            return await passing(request)

        async with serving(stuck) as front:
            argv = shop.command("copy", "--fleet", f"{front.address}/mirror")
            process = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.DEVNULL, env=os.environ)
            others = [(image, tag) for image in ("base", "api") for tag in TAGS[image]]
            while not all([await asyncio.to_thread(digest_at, mirror, *each) for each in others]):
                assert process.returncode is None
                await asyncio.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            await process.wait()
            killed.set()
    assert digest_at(mirror, "web", "3") is None
    rows = await asyncio.to_thread(shop.copy, mirror)
    assert {each: row["state"] for each, row in rows.items()} == {
        ("base", "1"): "present",
        ("api", "2"): "present",
        ("api", "latest"): "present",
        ("web", "3"): "copied",
    }
    assert [row["bytes"] for (image, _), row in rows.items() if image != "web"] == [0, 0, 0]
    assert digest_at(mirror, "web", "3") == shop.digests["web"]


def digest_at(registry: str, image: str, tag: str) -> str | None:
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    answer = RawRepository(registry, f"mirror/{image}")("HEAD", f"manifests/{tag}", headers=accept)
    return answer.headers["docker-content-digest"] if answer.status == 200 else None
