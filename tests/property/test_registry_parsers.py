"""Whatever a registry sends in a header, its parsers answer; and they read back what is well-formed."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from shipway.errors import Mismatch, RegistryError
from shipway.registry.address import Endpoint, guard_location, guard_realm, origin, split_authority
from shipway.registry.auth import Scope, TokenAnswer, granted_by, merge, read_token
from shipway.registry.challenge import Challenge, choose, parse_challenges
from shipway.registry.paging import next_link
from shipway.registry.retry import MAX_WAIT, parse_retry_after

NOW = datetime(2026, 5, 1, tzinfo=UTC)
WORD = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,12}", fullmatch=True)
VALUE = st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=30)
NAME = st.from_regex(r"[a-z0-9]+(?:[._-][a-z0-9]+)*(?:/[a-z0-9]+){0,3}", fullmatch=True)
SECURE = Endpoint.of("registry.example", "https")


@given(st.lists(st.text(max_size=80)))
@example(['Bearer realm="unclosed', "=,=", 'a b="'])
def test_any_challenge_is_parsed_or_skipped(headers: list[str]) -> None:
    chosen = choose(parse_challenges(headers))
    assert chosen is None or chosen.scheme in ("basic", "bearer")


@given(WORD, st.dictionaries(WORD.map(str.lower), VALUE, min_size=1, max_size=4))
def test_a_challenge_is_read_as_it_was_written(scheme: str, parameters: dict[str, str]) -> None:
    def quoted(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"')

    written = ", ".join(f'{name}="{quoted(value)}"' for name, value in parameters.items())
    assert parse_challenges([f"{scheme} {written}"]) == (Challenge(scheme.lower(), parameters),)


@given(st.text(max_size=40))
def test_any_retry_after_gives_a_bounded_wait_or_none(value: str) -> None:
    wait = parse_retry_after(value, NOW)
    assert wait is None or 0 <= wait <= MAX_WAIT


@given(st.lists(st.text(max_size=60)))
def test_any_link_is_parsed_or_skipped(headers: list[str]) -> None:
    target = next_link(headers)
    assert target is None or any(target in header for header in headers)


@given(NAME, st.sets(st.sampled_from(["pull", "push", "delete", "*"]), min_size=1))
def test_a_scope_is_read_as_it_was_written(name: str, actions: set[str]) -> None:
    scope = Scope.repository(name, *actions)
    assert Scope.parse(str(scope)) == scope


@given(st.lists(st.builds(Scope.repository, NAME, st.sampled_from(["pull", "push"])), max_size=6))
def test_merged_scopes_cover_what_was_merged_once_each(scopes: list[Scope]) -> None:
    merged = merge(scopes)
    assert all(any(have.covers(scope) for have in merged) for scope in scopes)
    assert len({scope.name for scope in merged}) == len(merged)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
LIFE = JSON | st.sampled_from(["1e400", "nan", "300", 10**400, float("nan"), "2026-04-30T23:59:59Z"])


@given(
    st.fixed_dictionaries({"token": st.just("abc") | JSON}, optional={"expires_in": LIFE, "issued_at": LIFE})
)
def test_any_answer_of_a_token_service_is_a_token_or_a_mismatch(content: object) -> None:
    try:
        token = read_token(TokenAnswer(200, json.dumps(content).encode(), NOW.timestamp()))
    except Mismatch:
        return
    assert NOW.timestamp() < token.expires < float("inf")


@given(st.binary(max_size=60))
def test_any_bytes_of_a_token_service_are_a_token_or_a_mismatch(body: bytes) -> None:
    with suppress(Mismatch):
        read_token(TokenAnswer(200, body, NOW.timestamp()))


ENTRY = st.dictionaries(st.sampled_from(["type", "name", "actions"]), JSON)


@given(JSON | st.fixed_dictionaries({"access": JSON | st.lists(ENTRY, max_size=3)}))
def test_any_claims_are_rights_or_none(claims: object) -> None:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    granted = granted_by(f"e30.{part}.sig")
    assert granted is None or all(isinstance(scope, Scope) for scope in granted)


@given(st.text(max_size=80))
def test_any_token_has_claims_or_none(value: str) -> None:
    granted_by(f"a.{value}.b")


@given(st.text(max_size=60))
@example("http://[")
@example("//169.254.169.254/x")
@example("https://registry.example:99999999/")
def test_a_guarded_url_never_leaves_tls(location: str) -> None:
    for guard in (guard_realm, lambda where, endpoint: guard_location(where, SECURE.base, endpoint)[0]):
        try:
            url = guard(location, SECURE)
        except RegistryError:
            continue
        assert origin(url)[0] == "https"
        assert urlsplit(url).hostname


@given(st.text(max_size=40))
def test_any_authority_has_a_host(authority: str) -> None:
    host, port = split_authority(authority)
    assert isinstance(host, str)
    assert port is None or port >= 0
