"""Kubeconfig files, as kubectl reads them.

Several files (``KUBECONFIG``) are merged: the first that has a name has it, the first ``current-context``
counts. Paths in a file are relative to it. Files of the list that are not there are passed over.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from shipway.cluster.access import Access, ExecPlugin, User
from shipway.cluster.pod import SERVICE_ACCOUNT, in_cluster
from shipway.document import Node, parse
from shipway.errors import ConfigError, UsageError
from shipway.place import Place

_VERSIONS = frozenset({"client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"})
_PROXIES = frozenset({"http", "https"})
_MOST_BYTES = 8 << 20


def access_to(
    context: str | None,
    environ: Mapping[str, str],
    home: Path,
    service_account: Path = SERVICE_ACCOUNT,
) -> Access:
    """The cluster of ``context``, of the current one without.

    Reads the files of ``KUBECONFIG``, else ``~/.kube/config``, else what a pod is given. Raises UsageError
    when there is nothing or no such context, ConfigError for a file that is none.
    """
    files = [_File.read(path) for path in _paths(environ, home) if path.is_file()]
    if not files and context is None:
        inside = in_cluster(environ, service_account)
        if inside is not None:
            return inside
    if not files:
        raise UsageError(
            "no kubeconfig tells how to reach a cluster",
            cause=f"there is none at {', '.join(map(str, _paths(environ, home)))}",
            help="set KUBECONFIG to the file of your cluster",
        )
    return _Merged(files).access(context)


def _paths(environ: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    listed = [each for each in environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    return tuple(map(Path, listed)) or (home / ".kube" / "config",)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    root: Node

    @classmethod
    def read(cls, path: Path) -> _File:
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise ConfigError(f"{path} is too large for a kubeconfig", place=Place(str(path)))
            root = parse(path.read_bytes(), str(path))
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}", place=Place(str(path))) from None
        if not root.is_mapping:
            raise ConfigError(f"{path} is no kubeconfig", place=root.place, cause="it has to be a mapping")
        return cls(path, root)

    def named(self, section: str, kind: str) -> Iterator[tuple[str, _Entry]]:
        """The entries of ``contexts``, ``clusters`` or ``users``."""
        node = self.root.get(section)
        for item in node.sequence if node else ():
            name, body = item.get("name"), item.get(kind)
            if name is not None and name.text:
                yield name.text, _Entry(self.path, body or item)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A context, cluster or user; its paths are relative to the file that it is in."""

    file: Path
    node: Node

    def text(self, *path: str) -> str:
        node = self.node.get(*path)
        return (node.text or "") if node is not None else ""

    def flag(self, key: str) -> bool:
        node = self.node.get(key)
        return node is not None and node.value is True

    def place(self, key: str) -> Place:
        return self.node.key_place(key)

    def path(self, key: str) -> Path | None:
        written = self.text(key)
        return self.file.parent / written if written else None

    def data(self, key: str) -> bytes | None:
        """What ``KEY-data`` holds inline, or the file that ``KEY`` names."""
        inline, path = self.text(f"{key}-data"), self.path(key)
        if inline:
            try:
                return base64.b64decode(inline, validate=True)
            except (binascii.Error, ValueError):
                raise ConfigError(
                    f"{key}-data is no base64",
                    place=self.place(f"{key}-data"),
                    help="kubectl config view --raw",
                ) from None
        if path is None:
            return None
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}", place=self.place(key)) from None


class _Merged:
    def __init__(self, files: Sequence[_File]) -> None:
        self._files = files

    def access(self, wanted: str | None) -> Access:
        name = wanted or self._current()
        context = self._find("contexts", "context", name)
        cluster = self._find("clusters", "cluster", context.text("cluster"), context)
        user = self._find("users", "user", context.text("user"), context)
        server = cluster.text("server").rstrip("/")
        if urlsplit(server).scheme not in ("http", "https"):
            raise ConfigError(
                f"the cluster of context {name} has no server URL",
                place=cluster.node.place,
                cause=f"server is {server!r}" if server else "server is missing",
            )
        return Access(
            name=name,
            server=server,
            user=_user(user),
            origin=str(cluster.file),
            authority=cluster.data("certificate-authority"),
            insecure=cluster.flag("insecure-skip-tls-verify"),
            server_name=cluster.text("tls-server-name") or None,
            proxy=_proxy(cluster),
        )

    def _current(self) -> str:
        for file in self._files:
            node = file.root.get("current-context")
            if node is not None and node.text:
                return node.text
        known = ", ".join(sorted(self._names("contexts", "context"))) or "none"
        raise UsageError(
            "no context is current in the kubeconfig",
            cause=f"known contexts: {known}",
            help="name one with --context, or: kubectl config use-context NAME",
        )

    def _names(self, section: str, kind: str) -> set[str]:
        return {name for file in self._files for name, _ in file.named(section, kind)}

    def _find(self, section: str, kind: str, wanted: str, asker: _Entry | None = None) -> _Entry:
        for file in self._files:
            for name, entry in file.named(section, kind):
                if name == wanted:
                    return entry
        known = sorted(self._names(section, kind))
        close = get_close_matches(wanted, known, n=1)
        raise UsageError(
            f"the kubeconfig has no {kind} {wanted!r}" + (f"; did you mean {close[0]!r}?" if close else ""),
            place=asker.node.place if asker else Place(str(self._files[0].path)),
            cause=f"known: {', '.join(known) or 'none'}",
        )


def _proxy(cluster: _Entry) -> str | None:
    url = cluster.text("proxy-url")
    if url and urlsplit(url).scheme not in _PROXIES:
        raise ConfigError(
            f"a {urlsplit(url).scheme or 'nameless'} proxy cannot be used",
            place=cluster.place("proxy-url"),
            help="use an http:// or https:// proxy",
        )
    return url or None


def _user(entry: _Entry) -> User:
    if entry.node.get("auth-provider") is not None:
        raise ConfigError(
            "auth-provider is gone from Kubernetes since 1.26",
            place=entry.place("auth-provider"),
            help="log in again: current tools write exec plugins",
        )
    username = entry.text("username")
    headers = {"Impersonate-User": entry.text("as")} if entry.text("as") else {}
    return User(
        certificate=entry.data("client-certificate"),
        key=entry.data("client-key"),
        token=entry.text("token"),
        token_file=None if entry.text("token") else entry.path("tokenFile"),
        basic=(username, entry.text("password")) if username else None,
        plugin=_plugin(entry),
        impersonate=headers,
    )


def _plugin(entry: _Entry) -> ExecPlugin | None:
    node = entry.node.get("exec")
    if node is None or not node.is_mapping:
        return None
    plugin = _Entry(entry.file, node)
    command, version = plugin.text("command"), plugin.text("apiVersion")
    if not command or version not in _VERSIONS:
        raise ConfigError(
            "the exec plugin cannot be used",
            place=node.place,
            cause=f"its apiVersion is {version or 'missing'}" if command else "it has no command",
            help=f"apiVersion has to be one of {', '.join(sorted(_VERSIONS))}",
        )
    if "/" in command:
        command = str(entry.file.parent / command)
    arguments, variables = node.get("args"), node.get("env")
    pairs = ((item.get("name"), item.get("value")) for item in (variables.sequence if variables else ()))
    return ExecPlugin(
        argv=(command, *(item.text or "" for item in (arguments.sequence if arguments else ()))),
        version=version,
        env={name.text: value.text or "" for name, value in pairs if name and name.text and value},
        hint=" ".join(plugin.text("installHint").split()),
        takes_cluster=plugin.flag("provideClusterInfo"),
    )
