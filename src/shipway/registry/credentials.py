"""Credentials from where Docker and Podman keep them (config.json, containers-auth.json(5)).

Places, in this order; the first that knows the registry wins: the text of ``DOCKER_AUTH_CONFIG``;
``$DOCKER_CONFIG/config.json`` or ``~/.docker/config.json``; ``$REGISTRY_AUTH_FILE``;
``$XDG_RUNTIME_DIR/containers/auth.json``; ``$XDG_CONFIG_HOME/containers/auth.json``. Within a place:
``credHelpers`` of the host, ``credsStore``, ``auths``.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from shipway.errors import ConfigError, HostError
from shipway.place import Place
from shipway.ports import Host
from shipway.registry.address import split_authority

_HUB = "docker.io"
_HUB_KEY = "https://index.docker.io/v1/"
_HUB_ALIASES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_IDENTITY_USER = "<token>"
_HELPER_SECONDS = 60.0
_CLOSE = 0.85


@dataclass(frozen=True, slots=True)
class Credential:
    """How to log in: user name and password, an identity token (OAuth2 refresh token), or a ready bearer.

    ``source`` names the place it came from, ``searched`` every place that was looked at before, each with
    what was (not) there: both are for messages. Secrets stay out of ``repr``.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    source: str = ""
    searched: tuple[str, ...] = ()

    @property
    def is_anonymous(self) -> bool:
        return not (self.password or self.identity_token or self.registry_token)

    @property
    def basic(self) -> str | None:
        """``user:password`` in base64 as Basic authentication sends it; None without a password."""
        if not self.password:
            return None
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        values = (self.password, self.identity_token, self.registry_token, self.basic)
        return tuple(value for value in values if value)


ANONYMOUS = Credential()


class CredentialStore:
    """Looks credentials up. ``lookup`` fits ``RegistryConfig.credentials``."""

    def __init__(self, environ: Mapping[str, str], home: Path, host: Host) -> None:
        self._environ = environ
        self._home = home
        self._host = host
        self._places: list[_Place] | None = None
        self._answers: dict[tuple[str, str], Credential] = {}
        self._helped: dict[tuple[str, str], Credential | str] = {}
        self._lock = asyncio.Lock()

    async def lookup(self, registry: str, repository: str = "") -> Credential:
        """The credential for ``registry/repository``; anonymous, with the places searched, when none is kept.

        Raises ConfigError for a file that cannot be understood. A helper that fails is a note in
        ``searched``: the registry may well let us in without it.
        """
        async with self._lock:
            key = (registry, repository)
            if key not in self._answers:
                self._answers[key] = await self._search(registry, repository)
            return self._answers[key]

    async def similar(self, registry: str) -> tuple[str, ...]:
        """Entries that a login for ``registry`` may have been meant to be, as they are spelt: another port
        or spelling of the host, or a path on it."""
        async with self._lock:
            if self._places is None:
                self._places = list(self._read())
            return tuple(
                f"{key} in {place.name}" for place in self._places for key in place.similar(registry)
            )

    async def _search(self, registry: str, repository: str) -> Credential:
        notes: list[str] = []
        if self._places is None:
            self._places = list(self._read())
        for place in self._places:
            credential = await self._ask(place, registry, repository, notes)
            if credential is not None:
                return replace(credential, searched=tuple(notes))
        return replace(ANONYMOUS, searched=tuple(notes))

    async def _ask(
        self, place: _Place, registry: str, repository: str, notes: list[str]
    ) -> Credential | None:
        for helper in place.helpers(registry):
            answer = await self._run(helper, registry)
            if isinstance(answer, Credential):
                return answer
            notes.append(answer)
        credential = place.credential(registry, repository)
        if credential is None:
            notes.append(place.missing or f"{place.name}: no entry for {registry}")
        return credential

    async def _run(self, helper: str, registry: str) -> Credential | str:
        """The answer of a credential helper, or why there is none; each is asked once for a registry."""
        key = (helper, registry)
        if key not in self._helped:
            self._helped[key] = await self._start(helper, registry)
        return self._helped[key]

    async def _start(self, helper: str, registry: str) -> Credential | str:
        """docker-credential-helpers' protocol: ``get``, the server on standard input, JSON back."""
        program = f"docker-credential-{helper}"
        # the name comes from a file: only a bare program name is looked up, never a path
        if "/" in helper or self._host.which(program) is None:
            return f"{program}: not found on PATH"
        server = _HUB_KEY if registry == _HUB else registry
        try:
            completed = await self._host.run([program, "get"], stdin=server.encode(), timeout=_HELPER_SECONDS)
        except HostError:
            return f"{program}: could not be run to its end"
        if completed.code != 0:
            return f"{program}: has nothing for {registry} (exit code {completed.code})"
        return _helper_answer(completed.stdout, program)

    def _read(self) -> Iterator[_Place]:
        if text := self._environ.get("DOCKER_AUTH_CONFIG"):
            yield _Place("DOCKER_AUTH_CONFIG", _parse(text, "DOCKER_AUTH_CONFIG"))
        for path in self._paths():
            yield _read_file(path)

    def _paths(self) -> Iterator[Path]:
        environ = self._environ
        yield Path(environ.get("DOCKER_CONFIG") or self._home / ".docker") / "config.json"
        if named := environ.get("REGISTRY_AUTH_FILE"):
            yield Path(named)
        if runtime := environ.get("XDG_RUNTIME_DIR"):
            yield Path(runtime) / "containers/auth.json"
        yield Path(environ.get("XDG_CONFIG_HOME") or self._home / ".config") / "containers/auth.json"


class _Place:
    """One configuration: a file or a variable, by name, and what it says."""

    def __init__(self, name: str, content: Mapping[str, Any], missing: str = "") -> None:
        self.name = name
        self.missing = missing
        self._auths = _mapping(content, "auths", name)
        self._helpers = _mapping(content, "credHelpers", name)
        self._store = content.get("credsStore")

    def helpers(self, registry: str) -> Iterator[str]:
        """The helpers to ask for ``registry``, the one named for it first."""
        for key, helper in self._helpers.items():
            if _normalised(key) == registry and isinstance(helper, str) and helper:
                yield helper
        if isinstance(self._store, str) and self._store:
            yield self._store

    def credential(self, registry: str, repository: str) -> Credential | None:
        """What ``auths`` holds, the longest path first (containers-auth.json(5))."""
        entries = {_normalised(key): (key, entry) for key, entry in self._auths.items()}
        name = f"{registry}/{repository}" if repository else registry
        while name:
            if name in entries and (credential := self._entry(*entries[name])) is not None:
                return credential
            name = name.rpartition("/")[0]
        return None

    def similar(self, registry: str) -> Iterator[str]:
        """The keys of entries for hosts close to ``registry``, which none of them is."""
        wanted = _host(registry)
        for key in dict.fromkeys((*self._auths, *self._helpers)):
            name = _normalised(key)
            host = _host(name)
            if name != registry and (host == wanted or get_close_matches(wanted, [host], 1, _CLOSE)):
                yield key

    def _entry(self, key: str, entry: object) -> Credential | None:
        if not isinstance(entry, dict):
            raise self._broken(f"auths.{key} is not an object")
        values = {name: value for name, value in entry.items() if isinstance(value, str)}
        username, password = values.get("username", ""), values.get("password", "")
        if encoded := values.get("auth"):
            username, password = self._decode(key, encoded)
        identity = values.get("identitytoken", "")
        credential = Credential(
            username, "" if identity else password, identity, values.get("registrytoken", ""), self.name
        )
        # Docker leaves an empty entry behind when a helper keeps the secret
        return None if credential.is_anonymous else credential

    def _decode(self, key: str, encoded: str) -> tuple[str, str]:
        try:
            text = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode()
        except (binascii.Error, ValueError):
            text = ""
        username, colon, password = text.partition(":")
        if not colon:
            raise self._broken(f"auths.{key}.auth is not user:password in base64")
        return username, password.rstrip("\0")

    def _broken(self, what: str) -> ConfigError:
        return ConfigError(
            f"{self.name}: {what}",
            place=Place(self.name),
            help=f"log in again, or remove the entry from {self.name}",
        )


def _read_file(path: Path) -> _Place:
    name = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return _Place(name, {}, f"{name}: no such file")
    except OSError as error:
        return _Place(name, {}, f"{name}: {error.strerror}")
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is not UTF-8 text", place=Place(name)) from None
    return _Place(name, _parse(text, name) if text.strip() else {})


def _parse(text: str, name: str) -> Mapping[str, Any]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        place = Place(name, error.lineno, error.colno)
        raise ConfigError(f"not valid JSON: {error.msg}", place=place) from None
    except RecursionError:
        raise ConfigError("not valid JSON: nested too deeply", place=Place(name)) from None
    if not isinstance(content, dict):
        raise ConfigError("must be a JSON object", place=Place(name))
    return content


def _mapping(content: Mapping[str, Any], key: str, name: str) -> Mapping[str, Any]:
    value = content.get(key) or {}
    if not isinstance(value, dict):
        raise ConfigError(f"{key} must be a JSON object", place=Place(name))
    return value


def _normalised(key: str) -> str:
    """``https://ghcr.io/v2/`` and ``ghcr.io`` name the same; Docker Hub has many names."""
    name = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    for version in ("/v1", "/v2"):
        name = name.removesuffix(version)
    host, slash, path = name.partition("/")
    return f"{_HUB if host in _HUB_ALIASES else host}{slash}{path}"


def _host(name: str) -> str:
    """The host of a registry or a key, without port and path, for comparison."""
    return split_authority(name.partition("/")[0])[0].lower().removeprefix("www.")


def _helper_answer(stdout: str, program: str) -> Credential | str:
    try:
        answer = json.loads(stdout)
        username, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError):
        return f"{program}: answered something else than a credential"
    if not secret:
        return f"{program}: answered without a secret"
    if username == _IDENTITY_USER:
        return Credential(identity_token=secret, source=program)
    return Credential(username, secret, source=program)
