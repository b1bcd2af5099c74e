from __future__ import annotations

import pytest

from shipway.registry.proxy import Proxies


def test_the_scheme_of_the_request_chooses_the_proxy() -> None:
    proxies = Proxies.from_environment({"HTTP_PROXY": "http://a:1", "https_proxy": "b:2"})
    assert proxies.for_request("http", "r.example") == "http://a:1"
    assert proxies.for_request("https", "r.example") == "http://b:2"


def test_lower_case_wins_and_all_proxy_fills_in() -> None:
    environ = {"HTTPS_PROXY": "http://upper", "https_proxy": "http://lower", "ALL_PROXY": "http://all"}
    proxies = Proxies.from_environment(environ)
    assert proxies.for_request("https", "r.example") == "http://lower"
    assert proxies.for_request("http", "r.example") == "http://all"


@pytest.mark.parametrize("authority", ["localhost:5000", "127.0.0.1:5000", "[::1]:80"])
def test_loopback_is_never_proxied(authority: str) -> None:
    assert Proxies(http="http://proxy").for_request("http", authority) is None


@pytest.mark.parametrize(
    ("entry", "authority", "bypassed"),
    [
        ("r.example", "r.example", True),
        ("r.example", "r.example:5000", True),
        ("r.example", "sub.r.example", True),
        (".r.example", "sub.r.example", True),
        ("*.r.example", "sub.r.example", True),
        ("r.example", "other-r.example", False),
        ("R.Example", "r.example", True),
        ("r.example:5000", "r.example:5000", True),
        ("r.example:5000", "r.example:5001", False),
        ("10.0.0.0/8", "10.1.2.3:5000", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "r.example", False),
        ("*", "anything.example", True),
    ],
)
def test_no_proxy_excepts_hosts(entry: str, authority: str, bypassed: bool) -> None:
    proxies = Proxies.from_environment({"ALL_PROXY": "http://proxy", "NO_PROXY": f" x.example , {entry}"})
    assert (proxies.for_request("https", authority) is None) is bypassed


def test_a_password_in_a_proxy_url_is_not_shown() -> None:
    assert "hunter2" not in repr(Proxies.from_environment({"ALL_PROXY": "http://user:hunter2@proxy"}))
