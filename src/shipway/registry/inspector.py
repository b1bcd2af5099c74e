"""Looks at registries before anything is built: one short try each, nothing written."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from shipway.errors import RegistryError, TlsFailed
from shipway.oci.manifest import read_config
from shipway.ports import Account, Clock, EngineTrust, PushProof, Quota, Reached
from shipway.registry.address import is_loopback, split_authority
from shipway.registry.auth import expires_at
from shipway.registry.config import RegistryConfig, nobody
from shipway.registry.content import Content
from shipway.registry.credentials import Credential, CredentialStore
from shipway.registry.probe import look_at_tls
from shipway.registry.reach import reach
from shipway.registry.session import Call, Session
from shipway.registry.transport import Answer, Request
from shipway.registry.upload import Uploader
from shipway.values import Platform, Reference

_CONNECT_SECONDS = 3.0
_READ_SECONDS = 3.5
_HARBOR_SERVICE = "harbor-registry"


class RegistryInspector:
    """Satisfies ``ports.Inspector``. One for all registries; use it within one event loop, then close it."""

    def __init__(self, config: RegistryConfig, store: CredentialStore, clock: Clock) -> None:
        self._config = replace(config, connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS, tries=1)
        self._store = store
        self._clock = clock
        self._session = Session(self._config, clock)
        self._content = Content(self._session)
        self._uploader = Uploader(self._session)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.transport.close()

    async def reach(self, registry: str, trust: EngineTrust | None = None) -> Reached:
        """See ``ports.Inspector``."""
        if trust is not None:
            return await self._reach_as(registry, trust)
        return await self._look(self._session, registry)

    async def _reach_as(self, registry: str, trust: EngineTrust) -> Reached:
        """As an engine does it: over TLS with what it trusts, then over plain HTTP where it may."""
        free = any(_names(pattern, registry) for pattern in trust.plain)
        config = replace(
            self._config,
            credentials=nobody,
            authorities=trust.authorities,
            plain_http=frozenset(),
            secure=frozenset({registry}),
            insecure=frozenset({registry} if free else ()),
            certificate_directories=trust.certificates,
            forwards=None,
        )
        try:
            return await self._once(config, registry)
        except TlsFailed as error:
            if not free or error.reason != "plain-server":
                raise
        return await self._once(replace(config, plain_http=frozenset({registry})), registry)

    async def _once(self, config: RegistryConfig, registry: str) -> Reached:
        session = Session(config, self._clock)
        try:
            return await self._look(session, registry, certificate=False)
        finally:
            await session.transport.close()

    async def _look(self, session: Session, registry: str, *, certificate: bool = True) -> Reached:
        answer = await reach(session, registry)
        endpoint = session.endpoint(registry)
        config = self._config
        proxied = config.forwarded(endpoint.authority) or (
            config.proxy(endpoint.scheme, endpoint.authority) is not None
        )
        look = None
        if certificate and endpoint.scheme == "https" and not proxied:
            look = await look_at_tls(endpoint.host, endpoint.port)
        return Reached(
            base=endpoint.base,
            time=_date(answer),
            expires=look.certificate.ends if look else None,
            issuer=look.certificate.issuer if look else "",
            is_harbor=_HARBOR_SERVICE in answer.headers.get("WWW-Authenticate", ""),
        )

    async def account(self, reference: Reference) -> Account:
        """See ``ports.Inspector``."""
        found = await self._store.lookup(reference.registry, reference.repository)
        similar = await self._store.similar(reference.registry) if found.is_anonymous else ()
        token = found.registry_token or found.identity_token
        return Account(
            source="" if found.is_anonymous else found.source,
            username=found.username,
            searched=found.searched,
            similar=similar,
            expires=expires_at(token) if token else None,
        )

    async def prove_push(self, repository: Reference) -> PushProof:
        """See ``ports.Registry``."""
        return await self._uploader.rehearse(repository)

    async def platforms(self, reference: Reference) -> tuple[Platform, ...]:
        """See ``ports.Inspector``."""
        manifest = await self._content.manifest(reference)
        if manifest.is_index:
            known = (child.parsed_platform for child in manifest.children)
            return tuple(dict.fromkeys(platform for platform in known if platform is not None))
        if manifest.body.config is None:
            return ()
        return (read_config(await self._content.blob(reference, manifest.body.config)).platform,)

    # --- Harbor's own API (v2.0), which answers with Basic authentication -----------------------

    async def quota(self, repository: Reference) -> Quota | None:
        """See ``ports.Inspector``."""
        project = await self._harbor(repository, f"projects/{_project(repository)}")
        number = project.get("project_id") if isinstance(project, dict) else None
        if not isinstance(number, int):
            return None
        quotas = await self._harbor(repository, f"quotas?reference=project&reference_id={number}")
        return _quota(quotas[0]) if isinstance(quotas, list) and quotas else None

    async def is_immutable(self, reference: Reference) -> bool:
        """See ``ports.Inspector``."""
        rest = quote(quote(reference.repository.partition("/")[2], safe=""), safe="")
        path = f"projects/{_project(reference)}/repositories/{rest}/artifacts/{reference.tag}/tags"
        tags = await self._harbor(reference, f"{path}?with_immutable_status=true")
        entries = [tag for tag in tags if isinstance(tag, dict)] if isinstance(tags, list) else []
        return any(tag.get("name") == reference.tag and tag.get("immutable") is True for tag in entries)

    async def _harbor(self, reference: Reference, path: str) -> object:
        """The answer as JSON, None for whatever Harbor does not tell this account."""
        call = Call(
            f"ask Harbor about {reference.name}", reference.registry, reference.repository, "GET", "/v2/"
        )
        attempt = self._session.attempt(call)
        credential = await self._session.authenticator.credential(attempt)
        url = f"{attempt.endpoint.base}/api/v2.0/{path}"
        try:
            answer = await self._session.transport.send(Request(attempt, "GET", url, _basic(credential)))
            return json.loads(answer.body) if answer.status == 200 else None
        except (RegistryError, ValueError, RecursionError):
            return None


def _basic(credential: Credential) -> Mapping[str, str]:
    return {"Authorization": f"Basic {credential.basic}"} if credential.basic else {}


def _project(reference: Reference) -> str:
    return reference.repository.partition("/")[0]


def _quota(entry: object) -> Quota | None:
    """Storage of one entry of ``GET /quotas``; a limit of -1 stands for none."""
    hard, used = (entry.get(key) for key in ("hard", "used")) if isinstance(entry, dict) else (None, None)
    limit = hard.get("storage") if isinstance(hard, dict) else None
    taken = used.get("storage") if isinstance(used, dict) else None
    if not isinstance(limit, int) or not isinstance(taken, int):
        return None
    return Quota(taken, limit if limit >= 0 else None)


def _date(answer: Answer) -> datetime | None:
    with suppress(ValueError, IndexError, TypeError):
        return parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
    return None


def _names(pattern: str, registry: str) -> bool:
    """Whether an entry of an engine's list of insecure registries covers ``registry``: the same host and
    port, the host alone, a network, or ``*.domain``."""
    host = split_authority(registry)[0].lower()
    if pattern.startswith("*."):
        return host.endswith(pattern[1:].lower())
    if "/" in pattern:
        with suppress(ValueError):
            network = ipaddress.ip_network(pattern, strict=False)
            return (
                ipaddress.ip_address("127.0.0.1" if is_loopback(registry) and host == "localhost" else host)
                in network
            )
        return False
    return pattern.lower() in (registry.lower(), host)
