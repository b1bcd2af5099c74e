from __future__ import annotations

import pytest

from shipway.registry.challenge import Challenge, choose, parse_challenges

BEARER = Challenge("bearer", {"realm": "https://auth.example/token", "service": "registry.example"})


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (['Bearer realm="https://auth.example/token",service="registry.example"'], BEARER),
        (['bearer Realm="https://auth.example/token" , SERVICE = registry.example'], BEARER),
        (["Negotiate", 'Basic realm="x"'], Challenge("basic", {"realm": "x"})),
        (['Negotiate, Basic realm="x"'], Challenge("basic", {"realm": "x"})),
        (['Negotiate YWJjZA==, Basic realm="x"'], Challenge("basic", {"realm": "x"})),
        (['Digest realm="a", nonce="b", Basic realm="c"'], Challenge("basic", {"realm": "c"})),
        (['Basic realm="say \\"hello\\", friend"'], Challenge("basic", {"realm": 'say "hello", friend'})),
        (["Basic"], Challenge("basic", {})),
        (
            ['Bearer realm="https://a/t",scope="repository:a/b:pull,push",error="invalid_token"'],
            Challenge(
                "bearer",
                {"realm": "https://a/t", "scope": "repository:a/b:pull,push", "error": "invalid_token"},
            ),
        ),
    ],
)
def test_the_first_scheme_that_can_be_answered_is_chosen(headers: list[str], expected: Challenge) -> None:
    assert choose(parse_challenges(headers)) == expected


@pytest.mark.parametrize("headers", [[], [""], ["Negotiate"], ["Bearer"], ['Bearer service="x"'], [", ,=;"]])
def test_nothing_is_chosen_where_nothing_can_be_answered(headers: list[str]) -> None:
    assert choose(parse_challenges(headers)) is None
