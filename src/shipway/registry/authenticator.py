"""Who we are at each registry: challenges remembered, tokens fetched once and renewed when refused."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from shipway.registry.address import guard_realm
from shipway.registry.auth import (
    MAX_TOKEN_BYTES,
    Scope,
    Token,
    TokenAnswer,
    TokenCache,
    TokenQuery,
    TokenRefused,
    TokenRequest,
    merge,
    obtain,
)
from shipway.registry.challenge import Challenge, choose, parse_challenges
from shipway.registry.config import CredentialLookup
from shipway.registry.credentials import Credential
from shipway.registry.diagnose import Attempt, token_refused
from shipway.registry.transport import Answer, Request, Transport, whole

_SKEW_WAIT = 1.5
_REDACTED = "[redacted]"
# shorter ones would blacken ordinary words
_SHORTEST_SECRET = 6


@dataclass(frozen=True, slots=True)
class Login:
    """What is sent in Authorization. ``fresh``: made for this very request; ``token`` for Bearer."""

    header: str = field(repr=False)
    token: Token | None = None
    fresh: bool = False


class Authenticator:
    """Answers the challenges of registries. One for a client."""

    def __init__(self, transport: Transport, lookup: CredentialLookup) -> None:
        self._transport = transport
        self._lookup = lookup
        self._challenges: dict[str, Challenge] = {}
        self._tokens = TokenCache()
        self._locks: dict[tuple[object, ...], asyncio.Lock] = {}
        self._secrets: set[str] = set()

    async def credential(self, attempt: Attempt) -> Credential:
        """The credential for the registry and repository of ``attempt``."""
        credential = await self._lookup(attempt.endpoint.registry, attempt.repository)
        self._keep_secret(*credential.secrets)
        return credential

    def redact(self, text: str) -> str:
        """``text`` without any secret that was ever sent."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, _REDACTED)
        return text

    async def login(self, attempt: Attempt, scopes: tuple[Scope, ...]) -> Login | None:
        """What to send at once, from what the registry asked for before; None when it never asked."""
        challenge = self._challenges.get(attempt.endpoint.base)
        if challenge is None:
            return None
        return await self._answer(attempt, challenge, merge(scopes))

    async def renew(
        self, attempt: Attempt, scopes: tuple[Scope, ...], refusal: Answer, used: Login | None
    ) -> Login | None:
        """What to send after ``refusal`` (a 401); None when nothing else can be tried."""
        asked = choose(parse_challenges(refusal.headers.getall("WWW-Authenticate", [])))
        challenge = await self._settle(attempt, asked, used)
        if challenge is None:
            return None
        self._challenges[attempt.endpoint.base] = challenge
        if challenge.scheme == "basic":
            login = await self._basic(attempt)
            return login if login != used else None
        if used is None or used.token is None:
            return await self._answer(attempt, challenge, _demanded(asked, scopes))
        return await self._again(attempt, challenge, _demanded(asked, scopes), asked, used)

    async def _settle(
        self, attempt: Attempt, asked: Challenge | None, used: Login | None
    ) -> Challenge | None:
        """The challenge that counts. Harbor answers a refused bearer with Basic, though bearer is right;
        gcr.io challenges only at ``/v2/``."""
        known = self._challenges.get(attempt.endpoint.base)
        if known is not None and used is not None and used.token is not None:
            return asked if asked is not None and asked.scheme == "bearer" else known
        if asked is not None:
            return asked
        if known is not None:
            return known
        answer = await self._transport.send(Request(attempt, "GET", f"{attempt.endpoint.base}/v2/"))
        return choose(parse_challenges(answer.headers.getall("WWW-Authenticate", [])))

    async def _again(
        self,
        attempt: Attempt,
        challenge: Challenge,
        scopes: tuple[Scope, ...],
        asked: Challenge | None,
        used: Login,
    ) -> Login | None:
        """Another token after one was refused: at once for a cached one, after a moment for a fresh one,
        since the clocks of registry and token service may disagree; not at all when rights are missing."""
        token = used.token
        if token is None or (await self.credential(attempt)).registry_token:
            return None
        self._tokens.drop(token.value)
        if used.fresh:
            insufficient = asked is not None and asked.parameters.get("error") == "insufficient_scope"
            if insufficient or token.lacks(scopes):
                return None
            await self._transport.pause(_SKEW_WAIT)
        return await self._answer(attempt, challenge, scopes)

    async def _answer(
        self, attempt: Attempt, challenge: Challenge, scopes: tuple[Scope, ...]
    ) -> Login | None:
        if challenge.scheme == "basic":
            return await self._basic(attempt)
        credential = await self.credential(attempt)
        if credential.registry_token:
            token = Token(credential.registry_token, float("inf"))
            return Login(f"Bearer {credential.registry_token}", token, fresh=True)
        return await self._bearer(attempt, challenge, scopes, credential)

    async def _basic(self, attempt: Attempt) -> Login | None:
        basic = (await self.credential(attempt)).basic
        return Login(f"Basic {basic}") if basic else None

    async def _bearer(
        self, attempt: Attempt, challenge: Challenge, scopes: tuple[Scope, ...], credential: Credential
    ) -> Login:
        realm = guard_realm(challenge.parameters["realm"], attempt.endpoint)
        service = challenge.parameters.get("service", "")
        key = (attempt.endpoint.base, realm, service)
        # many requests at once need one token, not one each
        async with self._locks.setdefault((key, frozenset(scopes)), asyncio.Lock()):
            held = self._tokens.get(key, scopes, self._transport.now.timestamp())
            if held is not None:
                return Login(f"Bearer {held.value}", held)
            token = await self._fetch(attempt, TokenQuery(realm, service, scopes, credential))
            self._keep_secret(token.value)
            self._tokens.put(key, scopes, token)
            return Login(f"Bearer {token.value}", token, fresh=True)

    async def _fetch(self, attempt: Attempt, query: TokenQuery) -> Token:
        host = urlsplit(query.realm).netloc
        attempt = replace(attempt, credential=query.credential, redact=self.redact)
        dance = obtain(query)
        request = next(dance)
        while True:
            answer = await self._transport.send(_http(attempt, request))
            try:
                request = dance.send(TokenAnswer(answer.status, answer.body, self._transport.now.timestamp()))
            except StopIteration as done:
                outcome: Token | TokenRefused = done.value
                break
        if isinstance(outcome, TokenRefused):
            raise token_refused(attempt, host, outcome.status, outcome.body)
        return outcome

    def _keep_secret(self, *values: str) -> None:
        self._secrets.update(value for value in values if len(value) >= _SHORTEST_SECRET)


def _demanded(asked: Challenge | None, scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """The scopes of the challenge, which come first, and our own."""
    words = asked.parameters.get("scope", "").split() if asked is not None else ()
    return merge([*filter(None, map(Scope.parse, words)), *scopes])


def _http(attempt: Attempt, request: TokenRequest) -> Request:
    headers = {"Authorization": f"Basic {request.basic}"} if request.basic else {}
    if request.form is None:
        return Request(attempt, request.method, request.url, headers, limit=MAX_TOKEN_BYTES)
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    body, size = whole(request.form), len(request.form)
    return Request(attempt, request.method, request.url, headers, body, size, limit=MAX_TOKEN_BYTES)
