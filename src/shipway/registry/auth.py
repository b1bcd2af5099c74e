"""Tokens: the dance of the distribution token protocol, without I/O, and the cache of what it yields.

Follows distribution's ``docs/spec/auth`` (token.md, oauth.md, scope.md, jwt.md).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Any
from urllib.parse import urlencode

from shipway.errors import Mismatch
from shipway.registry.credentials import Credential

CLIENT_ID = "shipway"
MAX_TOKEN_BYTES = 64 * 1024
_SHORTEST_LIFE = 60.0
_SKEW_GUARD = 10.0


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """``repository:NAME:pull,push``. ``actions`` are kept sorted, so equal rights are equal values."""

    kind: str
    name: str
    actions: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Scope | None:
        """None for what is no scope. The name may hold a colon (a port)."""
        kind, colon, rest = text.partition(":")
        name, last, actions = rest.rpartition(":")
        if not colon or not last or not name:
            return None
        return cls(kind, name, tuple(sorted({action for action in actions.split(",") if action})))

    @classmethod
    def repository(cls, name: str, *actions: str) -> Scope:
        return cls("repository", name, tuple(sorted(actions)))

    def covers(self, other: Scope) -> bool:
        same = (self.kind, self.name) == (other.kind, other.name)
        return same and (set(other.actions) <= set(self.actions) or "*" in self.actions)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(self.actions)}"


def merge(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    """One scope per resource with all its actions, in the order of first mention.

    Some servers honour only the first scope, so what is newly demanded has to come first.
    """
    merged: dict[tuple[str, str], set[str]] = {}
    for scope in scopes:
        merged.setdefault((scope.kind, scope.name), set()).update(scope.actions)
    return tuple(Scope(kind, name, tuple(sorted(actions))) for (kind, name), actions in merged.items())


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token. ``expires`` is in seconds since the epoch, the skew guard already taken off.

    ``granted`` is what its claims say it allows, None for a token that cannot be read.
    """

    value: str = field(repr=False)
    expires: float
    granted: tuple[Scope, ...] | None = None

    def lacks(self, scopes: Iterable[Scope]) -> tuple[Scope, ...]:
        """The wanted ``scopes`` that the claims do not cover; empty when the claims cannot be read."""
        granted = self.granted
        if granted is None:
            return ()
        return tuple(scope for scope in scopes if not any(have.covers(scope) for have in granted))


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request to a token service. ``basic`` goes into Authorization, ``form`` is the body of a POST."""

    method: str
    url: str
    basic: str | None = field(default=None, repr=False)
    form: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What a token service answered; ``now`` is the time of the answer in seconds since the epoch."""

    status: int
    body: bytes = field(repr=False)
    now: float


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """A token service said no: its last answer, for the diagnosis."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class TokenQuery:
    """What a token is asked for: the guarded ``realm``, the ``service``, the scopes, and as whom."""

    realm: str
    service: str
    scopes: tuple[Scope, ...]
    credential: Credential


def obtain(query: TokenQuery) -> Generator[TokenRequest, TokenAnswer, Token | TokenRefused]:
    """Yield requests to the token service, be sent the answers, return the token or the refusal.

    Raises Mismatch for an answer that holds no token.
    """
    if query.credential.identity_token:
        answer = yield _oauth_request(query)
        # older token services know only GET (oauth.md)
        if answer.status not in (404, 405):
            return _outcome(answer)
    answer = yield _get_request(query)
    return _outcome(answer)


def _oauth_request(query: TokenQuery) -> TokenRequest:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": query.credential.identity_token,
        "service": query.service,
        "client_id": CLIENT_ID,
        # one parameter here, several in the GET form
        "scope": " ".join(str(scope) for scope in query.scopes),
    }
    return TokenRequest("POST", query.realm, form=urlencode(form).encode())


def _get_request(query: TokenQuery) -> TokenRequest:
    credential = query.credential
    parameters = [("service", query.service)] if query.service else []
    parameters += [("scope", str(scope)) for scope in query.scopes]
    parameters.append(("client_id", CLIENT_ID))
    if credential.username:
        parameters.append(("account", credential.username))
    separator = "&" if "?" in query.realm else "?"
    return TokenRequest("GET", f"{query.realm}{separator}{urlencode(parameters)}", basic=credential.basic)


def _outcome(answer: TokenAnswer) -> Token | TokenRefused:
    if answer.status != 200:
        return TokenRefused(answer.status, answer.body)
    return read_token(answer)


def read_token(answer: TokenAnswer) -> Token:
    """The token of a 200. Raises Mismatch when there is none."""
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        content = None
    content = content if isinstance(content, dict) else {}
    value = content.get("access_token") or content.get("token")
    if not isinstance(value, str) or not _is_header_safe(value):
        raise Mismatch(
            "the token service answered without a token",
            cause="what answers at the realm is no token service of a registry",
            status=answer.status,
        )
    life = max(_number(content.get("expires_in")), _SHORTEST_LIFE)
    begins = _issued(content.get("issued_at"), answer.now, life)
    return Token(value, begins + life - _SKEW_GUARD, granted_by(value))


def _is_header_safe(value: str) -> bool:
    return value != "" and value.isascii() and value.isprintable() and " " not in value


def _number(value: object) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return number if isfinite(number) else 0.0


def _issued(value: object, now: float, life: float) -> float:
    """When the token began; local time where the server's clock makes no sense."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return now
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    issued = moment.timestamp()
    return issued if issued <= now < issued + life - _SKEW_GUARD else now


def granted_by(token: str) -> tuple[Scope, ...] | None:
    """The ``access`` claim of a JSON web token (jwt.md), unverified: it only explains refusals."""
    claims = _claims(token)
    access = claims.get("access") if claims is not None else None
    if not isinstance(access, list):
        return None
    return tuple(_scope(entry) for entry in access if isinstance(entry, dict))


def expires_at(token: str) -> datetime | None:
    """The ``exp`` claim of a JSON web token, unverified; None for a token that tells none."""
    claims = _claims(token)
    seconds = _number(claims.get("exp")) if claims is not None else 0.0
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def _scope(entry: Mapping[str, object]) -> Scope:
    actions = entry.get("actions")
    words = actions if isinstance(actions, list) else []
    return Scope(str(entry.get("type")), str(entry.get("name")), tuple(sorted(map(str, words))))


def _claims(token: str) -> Mapping[str, Any] | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


class TokenCache:
    """Tokens by registry, realm and service; a token with more rights serves for fewer."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str, str], dict[frozenset[Scope], Token]] = {}

    def get(self, key: tuple[str, str, str], scopes: tuple[Scope, ...], now: float) -> Token | None:
        """A token that was asked for with (at least) ``scopes`` and has not expired."""
        held = self._tokens.get(key, {})
        for asked, token in held.items():
            if now < token.expires and all(any(have.covers(want) for have in asked) for want in scopes):
                return token
        return None

    def put(self, key: tuple[str, str, str], scopes: tuple[Scope, ...], token: Token) -> None:
        self._tokens.setdefault(key, {})[frozenset(scopes)] = token

    def drop(self, value: str) -> None:
        """Forget the token with this text: a registry refused it."""
        for held in self._tokens.values():
            for asked in [asked for asked, token in held.items() if token.value == value]:
                del held[asked]
