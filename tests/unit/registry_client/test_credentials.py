from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from shipway.errors import ConfigError
from shipway.host import SystemHost
from shipway.registry.credentials import Credential, CredentialStore

CANARY = "hunter2-canary"


class Machine:
    """A home directory, an environment, and credential helpers that are real programs."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = directory / "home"
        self.programs = directory / "bin"
        self.calls = directory / "calls"
        self.environ: dict[str, str] = {}
        self.home.mkdir()
        self.programs.mkdir()
        monkeypatch.setenv("PATH", f"{self.programs}:/usr/bin:/bin")

    @property
    def store(self) -> CredentialStore:
        return CredentialStore(self.environ, self.home, SystemHost())

    def docker(self, **content: object) -> None:
        self.write(self.home / ".docker/config.json", content)

    def write(self, path: Path, content: object) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def helper(self, name: str, answers: Mapping[str, object], code: int = 1) -> None:
        cases = "".join(
            f"  {server!r}) echo '{json.dumps(answer)}';;\n" for server, answer in answers.items()
        )
        script = f'#!/bin/sh\nread -r server || true\necho "$1 $server" >> {self.calls}\n'
        script += f"case \"$server\" in\n{cases}  *) echo 'not found {CANARY}'; exit {code};;\nesac\n"
        path = self.programs / f"docker-credential-{name}"
        path.write_text(script)
        path.chmod(0o755)

    async def find(self, registry: str, repository: str = "acme/api") -> tuple[str, str]:
        found = await self.store.lookup(registry, repository)
        return found.username, found.password


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def auth(username: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


async def test_nothing_anywhere_is_anonymous_and_says_where_it_looked(machine: Machine) -> None:
    machine.docker(auths={"quay.io": auth("kim", "x")})
    found = await machine.store.lookup("ghcr.io", "acme/api")
    assert found.is_anonymous
    assert found.searched == (
        f"{machine.home}/.docker/config.json: no entry for ghcr.io",
        f"{machine.home}/.config/containers/auth.json: no such file",
    )


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (auth("kim", "pass:word"), ("kim", "pass:word", "", "")),
        ({"username": "kim", "password": "word"}, ("kim", "word", "", "")),
        ({"auth": "a2ltOndvcmQA"}, ("kim", "word", "", "")),
        ({"auth": base64.b64encode(b"kim:words").decode().rstrip("=")}, ("kim", "words", "", "")),
        ({**auth("<token>", ""), "identitytoken": "refresh"}, ("<token>", "", "refresh", "")),
        ({"registrytoken": "bearer"}, ("", "", "", "bearer")),
    ],
)
async def test_every_form_of_an_entry_is_read(
    machine: Machine, entry: dict[str, str], expected: tuple[str, ...]
) -> None:
    machine.docker(auths={"ghcr.io": entry})
    found = await machine.store.lookup("ghcr.io", "acme/api")
    assert (found.username, found.password, found.identity_token, found.registry_token) == expected


@pytest.mark.parametrize(
    "key", ["ghcr.io", "https://ghcr.io", "https://ghcr.io/", "https://ghcr.io/v2/", "http://ghcr.io/v1/"]
)
async def test_every_spelling_of_a_host_is_the_host(machine: Machine, key: str) -> None:
    machine.docker(auths={key: auth("kim", "word")})
    assert await machine.find("ghcr.io") == ("kim", "word")


@pytest.mark.parametrize(
    "key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"]
)
async def test_every_name_of_docker_hub_is_docker_hub(machine: Machine, key: str) -> None:
    machine.docker(auths={key: auth("kim", "word")})
    assert await machine.find("docker.io") == ("kim", "word")


async def test_another_port_is_another_registry(machine: Machine) -> None:
    machine.docker(auths={"localhost:5000": auth("kim", "word")})
    assert await machine.find("localhost:5001") == ("", "")
    assert await machine.find("localhost:5000") == ("kim", "word")


async def test_the_longest_path_wins(machine: Machine) -> None:
    auths = {
        "quay.io": auth("host", "1"),
        "quay.io/acme": auth("owner", "2"),
        "quay.io/acme/api": auth("repository", "3"),
    }
    machine.docker(auths=auths)
    assert await machine.find("quay.io", "acme/api") == ("repository", "3")
    assert await machine.find("quay.io", "acme/apinot") == ("owner", "2")
    assert await machine.find("quay.io", "acme/api/deep") == ("repository", "3")
    assert await machine.find("quay.io", "other/x") == ("host", "1")


async def test_the_places_are_asked_in_their_order(machine: Machine, tmp_path: Path) -> None:
    places = {
        "variable": None,
        "docker": tmp_path / "docker/config.json",
        "named": tmp_path / "named.json",
        "runtime": tmp_path / "run/containers/auth.json",
        "config": tmp_path / "xdg/containers/auth.json",
    }
    machine.environ = {
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "REGISTRY_AUTH_FILE": str(tmp_path / "named.json"),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "XDG_CONFIG_HOME": str(tmp_path / "xdg"),
        "DOCKER_AUTH_CONFIG": json.dumps({"auths": {"ghcr.io": auth("variable", "x")}}),
    }
    for name, path in places.items():
        if path is not None:
            machine.write(path, {"auths": {"ghcr.io": auth(name, "x")}})
    for name, path in places.items():
        assert await machine.find("ghcr.io") == (name, "x")
        if path is None:
            del machine.environ["DOCKER_AUTH_CONFIG"]
        else:
            path.unlink()
    assert await machine.find("ghcr.io") == ("", "")


async def test_the_files_in_the_home_directory_are_the_default(machine: Machine) -> None:
    machine.write(machine.home / ".config/containers/auth.json", {"auths": {"ghcr.io": auth("podman", "x")}})
    assert await machine.find("ghcr.io") == ("podman", "x")
    machine.docker(auths={"ghcr.io": auth("docker", "x")})
    assert await machine.find("ghcr.io") == ("docker", "x")


async def test_a_helper_of_the_host_wins_over_the_store_and_the_store_over_auths(machine: Machine) -> None:
    machine.helper("gcloud", {"gcr.io": {"ServerURL": "", "Username": "host", "Secret": "1"}})
    machine.helper("desktop", {name: {"Username": "store", "Secret": "2"} for name in ("gcr.io", "ghcr.io")})
    auths = {name: auth("file", "3") for name in ("gcr.io", "ghcr.io", "quay.io")}
    machine.docker(auths=auths, credsStore="desktop", credHelpers={"gcr.io": "gcloud"})
    assert await machine.find("gcr.io") == ("host", "1")
    assert await machine.find("ghcr.io") == ("store", "2")
    assert await machine.find("quay.io") == ("file", "3")


async def test_a_helper_is_asked_for_docker_hub_by_its_old_name(machine: Machine) -> None:
    machine.helper("desktop", {"https://index.docker.io/v1/": {"Username": "kim", "Secret": "word"}})
    machine.docker(auths={"https://index.docker.io/v1/": {}}, credsStore="desktop")
    assert await machine.find("docker.io") == ("kim", "word")


async def test_the_user_token_of_a_helper_means_an_identity_token(machine: Machine) -> None:
    machine.helper("acr", {"acme.azurecr.io": {"Username": "<token>", "Secret": "refresh"}})
    machine.docker(credHelpers={"acme.azurecr.io": "acr"})
    found = await machine.store.lookup("acme.azurecr.io", "api")
    assert (found.identity_token, found.password) == ("refresh", "")


async def test_a_helper_is_started_once_for_a_registry(machine: Machine) -> None:
    machine.helper("desktop", {"ghcr.io": {"Username": "kim", "Secret": "word"}})
    machine.docker(credsStore="desktop")
    store = machine.store
    found = await asyncio.gather(*(store.lookup("ghcr.io", f"acme/{number}") for number in range(5)))
    assert {credential.username for credential in found} == {"kim"}
    assert machine.calls.read_text() == "get ghcr.io\n"


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ({"credsStore": "missing"}, "docker-credential-missing: not found on PATH"),
        ({"credsStore": "failing"}, "docker-credential-failing: has nothing for ghcr.io (exit code 1)"),
        ({"credsStore": "../bin/failing"}, "docker-credential-../bin/failing: not found on PATH"),
        (
            {"credHelpers": {"ghcr.io": "talking"}},
            "docker-credential-talking: answered something else than a credential",
        ),
        ({"credHelpers": {"ghcr.io": "empty"}}, "docker-credential-empty: answered without a secret"),
    ],
)
async def test_a_helper_that_fails_is_a_note_and_the_file_still_counts(
    machine: Machine, content: dict[str, object], note: str
) -> None:
    machine.helper("failing", {})
    machine.helper("talking", {"ghcr.io": CANARY})
    machine.helper("empty", {"ghcr.io": {"Username": "kim", "Secret": ""}})
    machine.docker(**content, auths={"ghcr.io": auth("file", "word")})
    found = await machine.store.lookup("ghcr.io", "acme/api")
    assert (found.username, found.searched) == ("file", (note,))


async def test_a_helper_is_never_a_path(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    machine.helper("planted", {"ghcr.io": {"Username": "kim", "Secret": "word"}})
    (tmp_path / "docker-credential-evil").mkdir()
    (machine.programs / "docker-credential-planted").rename(tmp_path / "docker-credential-evil/x")
    machine.docker(credsStore="evil/x")
    found = await machine.store.lookup("ghcr.io", "acme/api")
    assert found.searched[0] == "docker-credential-evil/x: not found on PATH"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('{\n  "auths": {,}\n}', 2, "not valid JSON"),
        ("[]", 0, "must be a JSON object"),
        ('{"auths": []}', 0, ""),
        ('{"auths": [1]}', 0, "auths must be a JSON object"),
        ('{"auths": {"ghcr.io": "x"}}', 0, "auths.ghcr.io is not an object"),
        (json.dumps({"auths": {"ghcr.io": {"auth": CANARY}}}), 0, "not user:password in base64"),
        ("[" * 100_000, 0, "nested too deeply"),
    ],
)
async def test_a_broken_file_is_named_with_its_line_and_without_its_secrets(
    machine: Machine, text: str, line: int, message: str
) -> None:
    path = machine.write(machine.home / ".docker/config.json", text)
    if not message:
        assert (await machine.store.lookup("ghcr.io", "acme/api")).is_anonymous
        return
    with pytest.raises(ConfigError, match=message) as caught:
        await machine.store.lookup("ghcr.io", "acme/api")
    assert caught.value.place is not None
    assert (caught.value.place.path, caught.value.place.line) == (str(path), line)
    assert CANARY not in f"{caught.value} {caught.value.cause} {caught.value.help}"


async def test_an_unreadable_or_empty_file_is_no_obstacle(machine: Machine) -> None:
    machine.write(machine.home / ".docker/config.json", " \n")
    (machine.home / ".config/containers/auth.json").mkdir(parents=True)
    found = await machine.store.lookup("ghcr.io", "acme/api")
    assert found.is_anonymous
    assert "Is a directory" in found.searched[1]


def test_secrets_stay_out_of_repr() -> None:
    assert CANARY not in repr(Credential("kim", CANARY, CANARY, CANARY, "a file"))
