"""Credentials of a user, made when they are first needed and made anew when they grow old."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shipway.cluster.access import Access, ExecPlugin
from shipway.errors import ClusterUnauthorized, ConfigError, HostError
from shipway.gitops.kubernetes import Object, mapping, text
from shipway.ports import Clock, Completed, Host

_SECONDS = 60.0
# tokens of service accounts last an hour, and the kubelet writes new ones long before
_FILE_AGE = timedelta(minutes=1)
_EARLY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Credentials:
    """``headers`` of every request, and the client certificate (PEM) with its key, if there is one."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificate: bytes | None = None
    key: bytes | None = field(default=None, repr=False)
    expires: datetime | None = None


class Identity:
    """Who we are to one cluster."""

    def __init__(self, access: Access, host: Host, clock: Clock) -> None:
        self._access = access
        self._host = host
        self._clock = clock
        self._known: Credentials | None = None

    def forget(self) -> bool:
        """Drop what was refused; whether another try may be better."""
        self._known = None
        return self._access.user.plugin is not None or self._access.user.token_file is not None

    async def credentials(self) -> Credentials:
        """What to show. Raises ClusterUnauthorized when the plugin gives nothing."""
        known = self._known
        if known is None or (known.expires is not None and known.expires <= self._clock.now()):
            known = self._known = await self._make()
        return known

    async def _make(self) -> Credentials:
        user = self._access.user
        if user.plugin is not None and not user.token and user.certificate is None:
            return await self._from_plugin(user.plugin)
        headers, expires = dict(user.impersonate), None
        if user.token or user.token_file:
            headers["Authorization"] = f"Bearer {user.token or self._file_token()}"
            expires = None if user.token else self._clock.now() + _FILE_AGE
        elif user.basic:
            encoded = base64.b64encode(":".join(user.basic).encode()).decode()
            headers["Authorization"] = f"Basic {encoded}"
        return Credentials(headers, user.certificate, user.key, expires)

    def _file_token(self) -> str:
        path = self._access.user.token_file
        token = (self._host.read_text(path) or "").strip() if path else ""
        if not token:
            raise ConfigError(
                f"there is no token in {path}", cause="the file is missing, empty or not readable"
            )
        return token

    async def _from_plugin(self, plugin: ExecPlugin) -> Credentials:
        info: dict[str, object] = {"interactive": False}
        if plugin.takes_cluster:
            info["cluster"] = self._cluster_info()
        document = {"apiVersion": plugin.version, "kind": "ExecCredential", "spec": info}
        env = {**plugin.env, "KUBERNETES_EXEC_INFO": json.dumps(document)}
        try:
            done = await self._host.run(plugin.argv, env=env, timeout=_SECONDS)
        except HostError as error:
            raise ClusterUnauthorized(
                f"cannot get credentials for {self._access.name}: {error.message}",
                cause="the kubeconfig names this program as a credential plugin",
                help=plugin.hint or error.help,
            ) from None
        return self._read(plugin, done)

    def _cluster_info(self) -> Mapping[str, object]:
        access = self._access
        authority = base64.b64encode(access.authority).decode() if access.authority else None
        told: dict[str, object] = {"server": access.server, "insecure-skip-tls-verify": access.insecure}
        if authority is not None:
            told["certificate-authority-data"] = authority
        if access.server_name is not None:
            told["tls-server-name"] = access.server_name
        return told

    def _read(self, plugin: ExecPlugin, done: Completed) -> Credentials:
        answer: Object = {}
        with suppress(ValueError, RecursionError):
            answer = mapping(json.loads(done.stdout), "status")
        token = text(answer, "token")
        certificate, key = text(answer, "clientCertificateData"), text(answer, "clientKeyData")
        if done.code != 0 or not (token or (certificate and key)):
            said = done.stderr.strip().splitlines()
            raise ClusterUnauthorized(
                f"{plugin.argv[0]} gave no credentials for {self._access.name}",
                cause=said[-1][:300] if said else f"it ended with exit code {done.code}",
                help=f"run it yourself, it may want a login: {plugin.argv[0]}",
            )
        headers = dict(self._access.user.impersonate)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return Credentials(headers, certificate.encode() or None, key.encode() or None, self._expiry(answer))

    def _expiry(self, answer: Object) -> datetime | None:
        with suppress(ValueError):
            return datetime.fromisoformat(text(answer, "expirationTimestamp")) - _EARLY
        return None
