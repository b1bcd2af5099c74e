"""``shipway tags`` as it is typed: policies of manifests, tags of registries, tags of CI scripts."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shipway.cli.app import shipway
from shipway.errors import ConfigError, HostError, ShipwayError, UsageError
from shipway.host import SystemClock
from shipway.oci.manifest import OCI_INDEX, Manifest
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.registry.server.embedded import EmbeddedRegistry
from shipway.values import Reference

REPOSITORY = """\
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: api}
spec:
  image: ghcr.io/acme/api
  exclusionList: ['-debug$']
"""
POLICIES = """\
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: api}
spec:
  imageRepositoryRef: {name: api}
  policy:
    alphabetical: {order: asc}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: broken}
spec:
  imageRepositoryRef: {name: api}
  policy:
    semver: {range: '>='}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: later}
spec:
  imageRepositoryRef: {name: api}
  policy:
    semver: {range: '${RANGE}'}
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "repository.yaml").write_text(REPOSITORY)
    (tmp_path / "policies.yaml").write_text(POLICIES)
    return tmp_path / "policies.yaml"


def run(*words: str) -> Result:
    return CliRunner().invoke(shipway, ["tags", *words], catch_exceptions=False)


def test_a_manifest_tells_the_policy_and_its_repository_the_exclusions(manifest: Path) -> None:
    assert run("select", "--image-policy", f"{manifest}#api", "a", "b-debug").output == "a\n"


def test_without_a_repository_the_default_exclusions_hold(manifest: Path) -> None:
    manifest.with_name("repository.yaml").unlink()
    assert run("select", "--image-policy", f"{manifest}#api", "a", "b-debug", "c.sig").output == "b-debug\n"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("", UsageError, "several policies: api, broken, later"),
        ("#web", UsageError, "no ImagePolicy web"),
        ("#broken", ConfigError, "no range of versions"),
        ("#later", UsageError, "filled in later"),
    ],
)
def test_a_policy_that_cannot_be_told_is_an_error(
    manifest: Path, name: str, error: type[ShipwayError], message: str
) -> None:
    with pytest.raises(error, match=message):
        run("explain", "--image-policy", f"{manifest}{name}", "a")


def test_a_manifest_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot be read"):
        run("explain", "--image-policy", str(tmp_path / "none.yaml"), "a")


@pytest.mark.parametrize("option", [("--policy", "numerical"), ("--order", "asc"), ("--exclude", "x")])
def test_a_policy_is_told_once(manifest: Path, option: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match=f"so does {option[0]}"):
        run("explain", "--image-policy", f"{manifest}#api", *option, "a")


def test_a_policy_is_needed() -> None:
    with pytest.raises(UsageError, match="no policy is given"):
        run("select", "a")


def test_a_tag_of_a_script_is_proven_or_refuted(manifest: Path) -> None:
    script = "main-${GITHUB_SHA::7}-$(date +%s)"
    refuted = run("prove", "--scheme", script, "--image-policy", f"{manifest}#api", "--json")
    assert refuted.exit_code == 1
    assert json.loads(refuted.output)["suggestion"]["scheme"] == "main-{sha7}-{timestamp}"


def test_what_a_script_loses_is_told() -> None:
    words = ("--policy", "numerical", "--pattern", "^main-(?P<ts>[0-9]+)$", "--extract", "$ts")
    proven = run("prove", "--scheme", "${GITHUB_REF##*/}-$(date +%s)", *words)
    assert proven.exit_code == 0
    assert "feature/main" in proven.output


def test_tags_are_taken_from_a_registry(tmp_path: Path) -> None:
    with EmbeddedRegistry(tmp_path / "registry") as server:
        asyncio.run(_put(server.address, "1", "9", "10"))
        words = ("--state", str(tmp_path / "state"), "-C", str(tmp_path))
        result = run(
            "explain", "--policy", "numerical", "--repository", f"{server.address}/app", *words, "--json"
        )
    assert json.loads(result.output)["selected"] == "10"


async def _put(address: str, *tags: str) -> None:
    empty = Manifest(OCI_INDEX, b'{"schemaVersion":2,"manifests":[]}')
    async with RegistryClient(RegistryConfig(), SystemClock()) as client:
        for tag in tags:
            await client.put_manifest(Reference.parse(f"{address}/app:{tag}"), empty)


def test_a_reference_is_not_taken_for_a_tag() -> None:
    done = CliRunner().invoke(shipway, ["tags", "select", "--policy", "alphabetical", "ghcr.io/acme/api:1.0"])
    assert isinstance(done.exception, UsageError)
    assert "shipway registry tags ghcr.io/acme/api" in str(done.exception.help)
