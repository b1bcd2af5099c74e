from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from shipway.errors import Mismatch
from shipway.registry.auth import (
    Scope,
    Token,
    TokenAnswer,
    TokenCache,
    TokenQuery,
    TokenRefused,
    TokenRequest,
    merge,
    obtain,
    read_token,
)
from shipway.registry.credentials import ANONYMOUS, Credential

NOW = datetime(2026, 5, 1, tzinfo=UTC).timestamp()
PULL = Scope.repository("acme/api", "pull")
PUSH = Scope.repository("acme/api", "pull", "push")
KEY = ("https://r.example", "https://auth.example/token", "r.example")


def query(credential: Credential = ANONYMOUS, *scopes: Scope) -> TokenQuery:
    return TokenQuery("https://auth.example/token", "r.example", scopes or (PULL,), credential)


def answer(status: int = 200, **content: object) -> TokenAnswer:
    return TokenAnswer(status, json.dumps(content).encode(), NOW)


def outcome(query: TokenQuery, *answers: TokenAnswer) -> tuple[list[TokenRequest], Token | TokenRefused]:
    dance = obtain(query)
    requests = [next(dance)]
    for given in answers:
        try:
            requests.append(dance.send(given))
        except StopIteration as done:
            return requests, done.value
    raise AssertionError("the dance wants more answers")


def test_anonymous_tokens_are_asked_for_without_authorization() -> None:
    (request,), token = outcome(query(), answer(token="abc"))
    assert (request.method, request.basic, request.form) == ("GET", None, None)
    assert parse_qs(urlsplit(request.url).query) == {
        "service": ["r.example"],
        "scope": ["repository:acme/api:pull"],
        "client_id": ["shipway"],
    }
    assert isinstance(token, Token)
    assert token.value == "abc"


def test_a_password_goes_into_basic_and_the_account_into_the_query() -> None:
    (request,), _ = outcome(query(Credential("kim", "s3cret!")), answer(token="abc"))
    assert base64.b64decode(request.basic or "") == b"kim:s3cret!"
    assert parse_qs(urlsplit(request.url).query)["account"] == ["kim"]
    assert "s3cret" not in request.url


def test_each_scope_is_a_parameter_of_its_own() -> None:
    other = Scope.repository("acme/base", "pull")
    (request,), _ = outcome(query(ANONYMOUS, PUSH, other), answer(token="abc"))
    assert parse_qs(urlsplit(request.url).query)["scope"] == [str(PUSH), str(other)]


def test_a_realm_that_has_a_query_keeps_it() -> None:
    asked = TokenQuery("https://auth.example/token?tenant=a%2Fb", "", (), ANONYMOUS)
    (request,), _ = outcome(asked, answer(token="abc"))
    assert request.url == "https://auth.example/token?tenant=a%2Fb&client_id=shipway"


def test_an_identity_token_is_posted_with_all_scopes_in_one_parameter() -> None:
    other = Scope.repository("acme/base", "pull")
    credential = Credential(identity_token="refresh-me")
    (request,), token = outcome(query(credential, PUSH, other), answer(access_token="abc"))
    assert (request.method, request.url) == ("POST", "https://auth.example/token")
    form = parse_qs((request.form or b"").decode())
    assert form["grant_type"] == ["refresh_token"]
    assert form["refresh_token"] == ["refresh-me"]
    assert form["scope"] == [f"{PUSH} {other}"]
    assert isinstance(token, Token)


@pytest.mark.parametrize("status", [404, 405])
def test_a_token_service_without_oauth_is_asked_by_get(status: int) -> None:
    credential = Credential(identity_token="refresh-me")
    requests, token = outcome(query(credential), answer(status), answer(token="abc"))
    assert [request.method for request in requests] == ["POST", "GET"]
    assert isinstance(token, Token)


def test_a_refusal_is_handed_back() -> None:
    _, refused = outcome(query(), TokenAnswer(403, b"DENIED", NOW))
    assert refused == TokenRefused(403, b"DENIED")


def test_access_token_wins_over_token() -> None:
    assert read_token(answer(token="old", access_token="new")).value == "new"


@pytest.mark.parametrize(
    ("content", "life"),
    [
        ({}, 60),
        ({"expires_in": 5}, 60),
        ({"expires_in": 300}, 300),
        ({"expires_in": "300"}, 300),
        ({"expires_in": "soon"}, 60),
        ({"expires_in": None}, 60),
        ({"expires_in": 300, "issued_at": "2026-04-30T23:59:00Z"}, 240),
        # a server whose clock is ahead, or hours behind: local time counts
        ({"expires_in": 300, "issued_at": "2026-05-01T09:00:00Z"}, 300),
        ({"expires_in": 300, "issued_at": "2026-04-30T09:00:00Z"}, 300),
        ({"expires_in": 300, "issued_at": "yesterday"}, 300),
    ],
)
def test_a_token_expires_ten_seconds_early(content: dict[str, object], life: float) -> None:
    token = read_token(TokenAnswer(200, json.dumps({"token": "abc", **content}).encode(), NOW))
    assert token.expires == pytest.approx(NOW + life - 10)


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"token": 5}', b'{"token": ""}', b'{"token": "a\\r\\nX: y"}', b"\xff"]
)
def test_an_answer_without_a_usable_token_is_a_mismatch(body: bytes) -> None:
    with pytest.raises(Mismatch, match="without a token"):
        read_token(TokenAnswer(200, body, NOW))


def jwt(**claims: object) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.sig"


def test_the_claims_tell_which_rights_are_missing() -> None:
    granted = jwt(access=[{"type": "repository", "name": "acme/api", "actions": ["pull"]}])
    token = read_token(answer(token=granted))
    assert token.lacks((PULL,)) == ()
    assert token.lacks((PUSH,)) == (PUSH,)
    assert read_token(answer(token=jwt(access=[]))).lacks((PULL,)) == (PULL,)


@pytest.mark.parametrize("value", ["opaque", "a.b.c", "a.e30.c", "a.bm8.c"])
def test_a_token_that_cannot_be_read_is_not_said_to_lack_anything(value: str) -> None:
    assert read_token(answer(token=value)).lacks((PUSH,)) == ()


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("repository:acme/api:push,pull", PUSH),
        (
            "repository:localhost:5000/acme/api:pull",
            Scope("repository", "localhost:5000/acme/api", ("pull",)),
        ),
        ("registry:catalog:*", Scope("registry", "catalog", ("*",))),
        ("repository", None),
        ("repository:acme", None),
        ("", None),
    ],
)
def test_scopes_are_split_from_the_right(text: str, scope: Scope | None) -> None:
    assert Scope.parse(text) == scope


def test_actions_of_one_repository_are_merged_in_order_of_mention() -> None:
    base = Scope.repository("acme/base", "pull")
    assert merge([Scope.repository("acme/api", "push"), base, PULL]) == (PUSH, base)


def test_a_token_with_more_rights_serves_for_fewer() -> None:
    cache = TokenCache()
    cache.put(KEY, (PUSH,), Token("both", NOW + 50))
    assert cache.get(KEY, (PULL,), NOW) == Token("both", NOW + 50)
    assert cache.get(KEY, (PUSH, Scope.repository("acme/base", "pull")), NOW) is None
    assert cache.get(("https://other", *KEY[1:]), (PULL,), NOW) is None


def test_an_expired_or_refused_token_is_not_used_again() -> None:
    cache = TokenCache()
    cache.put(KEY, (PULL,), Token("short", NOW + 50))
    assert cache.get(KEY, (PULL,), NOW + 50) is None
    assert cache.get(KEY, (PULL,), NOW + 49) is not None
    cache.drop("short")
    assert cache.get(KEY, (PULL,), NOW) is None


def test_secrets_stay_out_of_repr() -> None:
    shown = repr(query(Credential("kim", "hunter2", "hunter2", "hunter2")))
    (request,), token = outcome(query(Credential("kim", "hunter2")), answer(token="hunter2"))
    assert "hunter2" not in shown + repr(request) + repr(token)
    assert request.basic not in repr(request)
