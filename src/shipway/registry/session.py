"""Calls of the distribution API: endpoint, Authorization, redirects, and an error for every other answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shipway.errors import RegistryError
from shipway.ports import Clock
from shipway.registry.address import Endpoint, guard_redirect
from shipway.registry.auth import Scope
from shipway.registry.authenticator import Authenticator, Login
from shipway.registry.config import RegistryConfig
from shipway.registry.diagnose import Attempt, refusal
from shipway.registry.transport import (
    MAX_ANSWER_BYTES,
    Answer,
    Body,
    OnEvent,
    Request,
    Sleep,
    Transport,
    ignore,
)

_MAX_REDIRECTS = 5
_WARNING = re.compile(r'299\s+\S+\s+"((?:[^"\\]|\\.)*)"')
_MOST_WARNINGS = 100
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Call:
    """One call: ``action`` in words, ``target`` a path from the root or a URL, and what is expected.

    ``scopes`` are the rights it needs, ``expected`` the statuses that are answers; any other one is raised
    as an error. ``follow`` redirects of GET and HEAD; the other fields are those of a Request.
    """

    action: str
    registry: str
    repository: str
    method: str
    target: str
    scopes: tuple[Scope, ...] = ()
    expected: frozenset[int] = frozenset({200})
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    size: int = 0
    limit: int = MAX_ANSWER_BYTES
    stream: bool = False
    replay: bool = True
    follow: bool = True


class Session:
    """Everything a client shares: connections, tokens, the listener."""

    def __init__(
        self, config: RegistryConfig, clock: Clock, on_event: OnEvent = ignore, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.transport = Transport(config, clock, on_event, sleep)
        self.authenticator = Authenticator(self.transport, config.credentials)
        self._config = config
        self._endpoints: dict[str, Endpoint] = {}
        self._warned: set[tuple[str, str]] = set()

    def endpoint(self, registry: str) -> Endpoint:
        """Where ``registry`` answers."""
        if registry not in self._endpoints:
            self._endpoints[registry] = self._config.endpoint(registry)
        return self._endpoints[registry]

    async def call(self, call: Call) -> Answer:
        """The answer when its status is expected. Raises the RegistryError that explains any other."""
        attempt = self.attempt(call)
        login = await self.authenticator.login(attempt, call.scopes)
        answer = await self._send(call, attempt, login)
        # the second round is for a fresh token that the registry does not believe yet
        for _ in range(2):
            if answer.status != 401 or 401 in call.expected:
                break
            again = await self.authenticator.renew(attempt, call.scopes, answer, login)
            if again is None:
                break
            login = again
            answer = await self._send(call, attempt, login)
        self._pass_on_warnings(call, answer)
        if answer.status in call.expected:
            return answer
        answer.close()
        raise await self.explain(call, answer, login)

    def _pass_on_warnings(self, call: Call, answer: Answer) -> None:
        """``Warning: 299 - "…"`` is for people (distribution spec, § Warnings): told once, never acted on."""
        for header in answer.headers.getall("Warning", []):
            match = _WARNING.match(header)
            said = (call.registry, match.group(1)) if match else None
            if said is not None and said not in self._warned and len(self._warned) < _MOST_WARNINGS:
                self._warned.add(said)
                text = self.authenticator.redact(said[1])
                self.transport.emit("warning", registry=call.registry, text=text)

    async def granted(self, call: Call) -> tuple[str, ...] | None:
        """The rights that the token for ``call`` names; None without a token that can be read."""
        login = await self.authenticator.login(self.attempt(call), call.scopes)
        granted = login.token.granted if login is not None and login.token is not None else None
        return None if granted is None else tuple(map(str, granted))

    def attempt(self, call: Call) -> Attempt:
        """What ``call`` tries, for error messages."""
        endpoint = self.endpoint(call.registry)
        return Attempt(call.action, endpoint, call.repository, redact=self.authenticator.redact)

    async def explain(self, call: Call, answer: Answer, login: Login | None = None) -> RegistryError:
        """The error for an answer that ``call`` did not hope for."""
        attempt = self.attempt(call)
        token = login.token if login is not None else None
        attempt = replace(
            attempt,
            credential=await self.authenticator.credential(attempt),
            lacking=token.lacks(call.scopes) if token is not None else (),
        )
        return refusal(attempt, answer.status, answer.headers, answer.body)

    async def _send(self, call: Call, attempt: Attempt, login: Login | None) -> Answer:
        endpoint = attempt.endpoint
        url = call.target if "://" in call.target else endpoint.base + call.target
        for _ in range(_MAX_REDIRECTS):
            answer = await self.transport.send(_request(call, attempt, url, login))
            location = answer.headers.get("Location")
            may = call.follow and call.method in ("GET", "HEAD")
            if not may or answer.status not in _REDIRECTS or not location:
                return answer
            url = guard_redirect(location, answer.url, endpoint)
        return answer


def _request(call: Call, attempt: Attempt, url: str, login: Login | None) -> Request:
    headers = dict(call.headers)
    if login is not None and attempt.endpoint.owns(url):
        headers["Authorization"] = login.header
    return Request(
        attempt,
        call.method,
        url,
        headers,
        body=call.body,
        size=call.size,
        limit=call.limit,
        stream=call.stream,
        replay=call.replay,
    )
