"""Bad input gives one clear message with place, cause and next step, the right exit code, no traceback."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest


def shipway(*arguments: str, directory: Path, state: Path | None = None) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "shipway", *arguments, "-C", str(directory)]
    argv += ["--state", str(state or directory.parent / "state")]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error:") == 1
    for word in words:
        assert word in done.stderr


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    directory = tmp_path / "repo"
    directory.mkdir()
    (directory / "Dockerfile").write_text("FROM scratch\nCOPY a /a\n")
    (directory / "a").write_text("a")
    return directory


def fleet_file(repo: Path, text: str) -> None:
    (repo / "shipway.yaml").write_text(text)


def test_a_yaml_syntax_error_is_placed(repo: Path) -> None:
    fleet_file(repo, "images:\n  api: {context: .\n  web: x\n")
    refused(shipway("plan", directory=repo), 2, "shipway.yaml:3", "YAML")


def test_an_unknown_key_is_answered_with_the_nearest_one(repo: Path) -> None:
    fleet_file(repo, "images:\n  api:\n    contxt: .\n")
    refused(shipway("plan", directory=repo), 2, "shipway.yaml:3:5", "contxt", "context")


def test_an_unknown_image_is_answered_with_the_nearest_one(repo: Path) -> None:
    fleet_file(repo, "images:\n  payments: {context: .}\n")
    refused(shipway("plan", "paiments", directory=repo), 2, "paiments", "payments")


@pytest.mark.parametrize("group", ["registry", "tags", "keys"])
def test_a_group_called_alone_shows_its_help_and_no_error(group: str) -> None:
    argv = [sys.executable, "-m", "shipway", group]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: ")
    assert f"shipway {group} [OPTIONS] COMMAND" in done.stderr


def test_the_images_that_are_known_are_listed_as_declared(repo: Path) -> None:
    names = ["payments", "orders", "base", "mailer", "gateway", "cron"]
    fleet_file(repo, "images:\n" + "".join(f"  {name}: {{context: .}}\n" for name in names))
    refused(shipway("plan", "zzz", directory=repo), 2, "known here: " + ", ".join(names))


def test_a_directory_without_images_is_not_shipped_as_if_all_were_well(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(shipway("ship", directory=empty), 2, "no file here declares an image", "-C")


def test_what_is_no_registry_is_named_as_it_was_written(repo: Path) -> None:
    done = shipway("registry", "diagnose", "bad ref!!", directory=repo)
    refused(done, 2, "'bad ref!!' is no registry", "HOST/REPOSITORY")


def test_a_missing_dockerfile_is_refused_before_any_build(repo: Path) -> None:
    fleet_file(repo, "images:\n  api: {context: ., dockerfile: api/Dockerfile}\n")
    refused(shipway("ship", directory=repo), 1, "api/Dockerfile")


def test_a_cycle_is_named_edge_by_edge(repo: Path) -> None:
    for name, base in (("a1", "b1"), ("b1", "a1")):
        (repo / name).mkdir()
        (repo / name / "Dockerfile").write_text(f"FROM {base}\n")
    fleet_file(repo, "images:\n  a1: {context: a1}\n  b1: {context: b1}\n")
    refused(shipway("plan", directory=repo), 2, "a1 -> b1 (a1/Dockerfile:1)", "-> a1 (b1/Dockerfile:1)")


def test_an_unreachable_registry_is_named(repo: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fleet_file(repo, f"registry: 127.0.0.1:{port}/shop\nimages:\n  api: {{context: ., tag: '1'}}\n")
    refused(shipway("ship", directory=repo), 3, f"127.0.0.1:{port}", "refused")


def test_plain_http_behind_a_tls_address_is_named(repo: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def answer() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(1024)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    threading.Thread(target=answer, daemon=True).start()
    access = f"registries: {{'127.0.0.1:{port}': {{insecure: true}}}}\n"
    fleet_file(repo, f"{access}registry: 127.0.0.1:{port}/shop\nimages:\n  api: {{context: ., tag: '1'}}\n")
    done = shipway("ship", directory=repo)
    listener.close()
    refused(done, 3, f"127.0.0.1:{port}", "plain HTTP", "plain-http")


def test_a_full_disk_is_named_and_a_resume_finishes(repo: Path, tmp_path: Path, engine_name: str) -> None:
    state = tmp_path / "small"
    state.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(state)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small file system")
    try:
        (repo / "a").write_bytes(random.Random(1).randbytes(3_000_000))
        fleet_file(repo, "images:\n  api: {context: ., tag: '1'}\n")
        refused(shipway("ship", "--engine", engine_name, directory=repo, state=state), 3, "space")
        (repo / "a").write_bytes(b"small")
        assert shipway("ship", "--engine", engine_name, directory=repo, state=state).returncode == 0
    finally:
        subprocess.run(["umount", "--lazy", str(state)], check=True)


def test_errors_are_documents_when_json_is_asked_for(repo: Path) -> None:
    fleet_file(repo, "imagse: {}\n")
    done = shipway("plan", "--json", directory=repo)
    error = json.loads(done.stdout)["error"]
    assert done.returncode == error["exit_code"] == 2
    assert (error["path"], error["line"]) == ("shipway.yaml", 1)


def test_an_unknown_command_is_answered_with_the_nearest_one(repo: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shipway", "shpi"], capture_output=True, text=True, check=False
    )
    refused(done, 2, "shpi", "'ship'")


def test_a_missing_config_file_is_named(repo: Path) -> None:
    refused(shipway("plan", "--config", "fleet.yaml", directory=repo), 2, "fleet.yaml")
