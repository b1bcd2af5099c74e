"""Every command that takes ``--json`` prints one document whose first key says what it is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from shipway.cli.app import shipway
from shipway.ledger.sqlite import SqliteLedger
from shipway.testing.gitops import git
from shipway.testing.kubernetes.server import FakeCluster
from shipway.testing.raw import RawRepository
from shipway.testing.registry import running_registry

# one row a document of a command; HOST is a registry with three tags of shop/api, run 2 a prune
COMMANDS = (
    ("init", "--dry-run"),
    ("scaffold", "--dry-run", "later"),
    ("discover",),
    ("check", "--no-hadolint"),
    ("doctor",),
    ("doctor", "--cluster"),
    ("plan",),
    ("ship", "--dry-run"),
    ("status",),
    ("status", "--runs"),
    ("status", "--live"),
    ("wait", "--commit", "0" * 40, "--repository", "https://git.example.org/acme/fleet"),
    ("report", "--format", "json"),
    ("verify", "HOST/shop/api:main-abcdef1-1700000001"),
    ("promote", "repo", "--to", "CLUSTER", "--dry-run"),
    ("promote", "--rewrite", "HOST=r.example", "--to", "CLUSTER", "--dry-run"),
    ("rollback", "HOST/new/repo", "--tag", "1", "--to", "CLUSTER", "--dry-run"),
    ("rollback", "HOST/new/repo", "--release", "--to", "CLUSTER", "--dry-run"),
    ("keys", "generate", "-o", "test"),
    ("copy", "HOST/shop/api:main-abcdef1-1700000001", "HOST/shop/copy", "--dry-run"),
    ("prune", "HOST/shop/api", "--keep", "1", "--dry-run"),
    ("prune", "--undo", "2"),
    ("registry", "diagnose", "HOST/shop/api"),
    ("registry", "gc", "--data", "DATA", "--dry-run"),
    ("registry", "ls", "HOST"),
    ("registry", "tags", "HOST/shop/api"),
    ("tags", "select", "--policy", "numerical", "1", "2"),
    ("tags", "explain", "--policy", "numerical", "1", "2"),
    ("tags", "prove", "--policy", "numerical", "--scheme", "{run}"),
    ("tags", "policy", "--config", "other.yaml"),
)
# these run until they are stopped: the first has a test below, a worker is tested with its scheduler
SERVE, WORKER = ("registry", "serve"), ("worker",)
NAME = re.compile(r"shipway\.[a-z-]+/[1-9][0-9]*")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A repository with one image, a ledger with one run and a registry with old tags."""
    home = tmp_path_factory.mktemp("documents")
    (home / "repo").mkdir()
    (home / "repo" / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    (home / "repo" / "compose.yaml").write_text("services: {later: {build: ./later, image: later}}\n")
    (home / "repo" / "other.yaml").write_text("registry: ghcr.io/acme\nimages: {api: {context: .}}\n")
    ledger = SqliteLedger(home / "state")
    at = datetime(2026, 11, 21, tzinfo=UTC)
    ledger.finish(ledger.begin("shipway ship", {"waves": []}, at), "done", at)
    ledger.close()
    with running_registry(home / "data") as registry, FakeCluster() as cluster:
        for name in ("shop/api", "shop/old"):
            for number in (1, 2, 3):
                tag = f"main-abcdef{number}-170000000{number}"
                RawRepository(registry.address, name).push_image(tag, f"{number}".encode())
        world = {"HOST": registry.address, "DATA": str(home / "data"), "home": str(home)}
        world["KUBECONFIG"] = str(cluster.kubeconfig(home / "kubeconfig"))
        world["CLUSTER"] = str(_cluster(home / "cluster", registry.address))
        assert document_of(world, ("prune", "HOST/shop/old", "--keep", "1"))["run"] == 2
        document_of(world, ("ship", "repo", "--registry", "HOST/new", "--tag", "1", "--engine", "assemble"))
        yield world


def _cluster(directory: Path, host: str) -> Path:
    """A repository that names an image."""
    directory.mkdir()
    git(directory, "init", "-q")
    (directory / "pod.yaml").write_text(f"image: {host}/new/repo:0\n")
    git(directory, "add", ".")
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    git(directory, *who, "commit", "-qm", "first")
    return directory


def document_of(world: dict[str, str], argv: Sequence[str]) -> dict[str, Any]:
    environ = {"SHIPWAY_KEY_PASSWORD": "x", "KUBECONFIG": world["KUBECONFIG"]}
    done = CliRunner(env=environ).invoke(shipway, arguments(world, argv))
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def arguments(world: dict[str, str], argv: Sequence[str]) -> list[str]:
    home = world["home"]
    words = list(argv)
    for name in ("HOST", "DATA", "CLUSTER"):
        words = [word.replace(name, world[name]) for word in words]
    return [*words, "--json", "-C", f"{home}/repo", "--state", f"{home}/state"]


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_the_first_key_of_a_document_is_its_schema(world: dict[str, str], argv: Sequence[str]) -> None:
    document = document_of(world, argv)
    assert next(iter(document)) == "schema"
    assert NAME.fullmatch(document["schema"])


def test_the_line_of_a_registry_that_is_ready_is_a_document(world: dict[str, str], tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "shipway", *SERVE, "--listen", "127.0.0.1:0", "--data", str(tmp_path)]
    with subprocess.Popen([*argv, "--json"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            document = json.loads(process.stdout.readline())
        finally:
            process.terminate()
    assert list(document) == ["schema", "url", "data"]
    assert NAME.fullmatch(document["schema"])


def test_an_error_is_a_document_too(world: dict[str, str]) -> None:
    argv = [sys.executable, "-m", "shipway", *arguments(world, ("plan", "nobody"))]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    document = json.loads(done.stdout)
    assert done.returncode == 2
    assert next(iter(document.items())) == ("schema", "shipway.error/1")


def test_no_command_that_takes_json_is_left_out() -> None:
    rows = {argv[:length] for argv in (*COMMANDS, SERVE, WORKER) for length in (1, 2)}
    assert set(takes_json(shipway, ())) - rows == set()


def takes_json(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from takes_json(inner, (*path, name))
    elif any("--json" in parameter.opts for parameter in command.params):
        yield path
