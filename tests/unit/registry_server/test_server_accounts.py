"""User accounts: who is in the password file may push and pull, nobody else anything."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from shipway.errors import ConfigError, HostError
from shipway.registry.server.accounts import Accounts
from shipway.registry.server.embedded import EmbeddedRegistry
from shipway.testing.raw import RawRepository


def line(user: str, password: bytes, prefix: bytes = b"2b") -> str:
    hashed = bcrypt.hashpw(password[:72], bcrypt.gensalt(4)).decode()
    return f"{user}:{hashed.replace('$2b$', f'${prefix.decode()}$')}\n"


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[RawRepository]:
    file = tmp_path / "htpasswd"
    file.write_text("# people\n\n" + line("alice", b"wonderland", b"2y") + line("bób", "pä:ss".encode()))
    with EmbeddedRegistry(tmp_path / "data", htpasswd=file) as registry:
        yield RawRepository(registry.address, "shop/api")


def test_accounts_push_and_pull(repository: RawRepository) -> None:
    for headers in (basic("alice", "wonderland"), basic("bób", "pä:ss")):
        assert repository("GET", "/v2/", headers=headers).status == 200
        assert repository("POST", "blobs/uploads/", headers=headers).status == 202
        # the second time it is known
        assert repository("GET", "/v2/", headers=headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("alice", "wrong"),
        basic("alice", ""),
        basic("nobody", "wonderland"),
        basic("", ""),
        basic("alice", "wonderland\0"),
        {"Authorization": "Basic !"},
        {"Authorization": "Basic"},
        {"Authorization": ""},
        {"Authorization": "Bearer " + base64.b64encode(b"alice:wonderland").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v2/"), ("GET", "/v2/_catalog"), ("POST", "blobs/uploads/"), ("GET", "/")]
)
def test_nobody_else_gets_anything(
    repository: RawRepository, headers: dict[str, str], method: str, path: str
) -> None:
    answer = repository(method, path, headers=headers)
    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"] == 'Basic realm="shipway", charset="UTF-8"'


def test_a_wrong_password_is_wrong_after_a_right_one(repository: RawRepository) -> None:
    assert repository("GET", "/v2/", headers=basic("alice", "wonderland")).status == 200
    assert repository("GET", "/v2/", headers=basic("alice", "wonderlanD")).status == 401


def test_bcrypt_reads_72_bytes_of_a_password(tmp_path: Path) -> None:
    file = tmp_path / "htpasswd"
    file.write_text(line("alice", b"x" * 100))
    accounts = Accounts.read(file)
    assert accounts.check(basic("alice", "x" * 100)["Authorization"])
    assert not accounts.check(basic("alice", "x" * 71)["Authorization"])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 1),
        ("# nobody\n", 1),
        ("alice\n", 1),
        (":$2y$05$" + "a" * 53, 1),
        (line("alice", b"a") + "bob:{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=\n", 2),
        ("bob:$apr1$abc$def\n", 1),
        ("bob:plain\n", 1),
    ],
)
def test_what_is_no_account_is_named_with_its_line(tmp_path: Path, text: str, number: int) -> None:
    file = tmp_path / "htpasswd"
    file.write_text(text)
    with pytest.raises(ConfigError, match=f"bcrypt hash in line {number}") as caught:
        EmbeddedRegistry(tmp_path / "data", htpasswd=file).start()
    assert "htpasswd -B" in (caught.value.help or "")
    assert "SHA}0DP" not in str(caught.value)


def test_a_password_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="htpasswd"):
        EmbeddedRegistry(tmp_path / "data", htpasswd=tmp_path / "htpasswd").start()
