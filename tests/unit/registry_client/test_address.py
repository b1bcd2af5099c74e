from __future__ import annotations

from pathlib import Path

import pytest

from shipway.errors import RegistryError
from shipway.registry.address import (
    Endpoint,
    guard_location,
    guard_realm,
    guard_redirect,
    is_loopback,
    resolve,
    shown,
    split_authority,
)
from shipway.registry.config import RegistryConfig

SECURE = Endpoint.of("registry.example:5443", "https")
PLAIN = Endpoint.of("127.0.0.1:5000", "http")


@pytest.mark.parametrize(
    ("authority", "parts"),
    [
        ("ghcr.io", ("ghcr.io", None)),
        ("localhost:5000", ("localhost", 5000)),
        ("[::1]:5000", ("::1", 5000)),
        ("[::1]", ("::1", None)),
        ("::1", ("::1", None)),
    ],
)
def test_host_and_port_are_told_apart(authority: str, parts: tuple[str, int | None]) -> None:
    assert split_authority(authority) == parts


@pytest.mark.parametrize(
    ("authority", "loopback"),
    [
        ("localhost:5000", True),
        ("127.0.0.1:5000", True),
        ("127.9.9.9", True),
        ("[::1]:5000", True),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
    ],
)
def test_loopback_is_told_by_spelling(authority: str, loopback: bool) -> None:
    assert is_loopback(authority) is loopback


@pytest.mark.parametrize(
    ("config", "registry", "base"),
    [
        (RegistryConfig(), "ghcr.io", "https://ghcr.io"),
        (RegistryConfig(), "docker.io", "https://registry-1.docker.io"),
        (RegistryConfig(), "localhost:5000", "http://localhost:5000"),
        (RegistryConfig(), "10.0.0.1:5000", "https://10.0.0.1:5000"),
        (RegistryConfig(plain_http=frozenset({"nas:5000"})), "nas:5000", "http://nas:5000"),
        (RegistryConfig(plain_http=frozenset({"nas:5000"})), "nas:5001", "https://nas:5001"),
        (RegistryConfig(secure=frozenset({"localhost:5000"})), "localhost:5000", "https://localhost:5000"),
        (RegistryConfig(insecure=frozenset({"localhost:5000"})), "localhost:5000", "https://localhost:5000"),
    ],
)
def test_plain_http_is_for_loopback_and_for_who_is_named(
    config: RegistryConfig, registry: str, base: str
) -> None:
    assert config.endpoint(registry).base == base


def test_a_loopback_host_with_certificates_of_its_own_speaks_tls(tmp_path: Path) -> None:
    (tmp_path / "localhost:5000").mkdir()
    config = RegistryConfig(certificate_directories=(tmp_path,))
    assert config.endpoint("localhost:5000").scheme == "https"
    assert config.endpoint("localhost:5001").scheme == "http"


@pytest.mark.parametrize(
    ("url", "owned"),
    [
        ("https://registry.example:5443/v2/", True),
        ("https://REGISTRY.example:5443/v2/", True),
        ("https://registry.example/v2/", False),
        ("http://registry.example:5443/v2/", False),
        ("https://registry.example:5443@evil.example/", False),
        ("https://registry.example.evil.example:5443/", False),
    ],
)
def test_secrets_belong_to_scheme_host_and_port(url: str, owned: bool) -> None:
    assert SECURE.owns(url) is owned


def test_default_ports_are_the_same_origin() -> None:
    assert Endpoint.of("ghcr.io", "https").owns("https://ghcr.io:443/v2/")


@pytest.mark.parametrize(
    ("endpoint", "realm"),
    [
        (SECURE, "https://auth.example/token"),
        (SECURE, "https://registry.example:8443/token"),
        (PLAIN, "http://127.0.0.1:5001/token"),
        (PLAIN, "http://localhost:5001/token"),
        (Endpoint.of("10.0.0.7", "https"), "https://10.0.0.7:8443/token"),
    ],
)
def test_an_ordinary_realm_is_followed(endpoint: Endpoint, realm: str) -> None:
    assert guard_realm(realm, endpoint) == realm


@pytest.mark.parametrize(
    ("endpoint", "realm", "reason"),
    [
        (SECURE, "http://auth.example/token", "without TLS"),
        (SECURE, "https://169.254.169.254/latest/meta-data", "private address"),
        (SECURE, "https://10.0.0.1/token", "private address"),
        (SECURE, "https://127.0.0.1/token", "private address"),
        (SECURE, "https://localhost/token", "private address"),
        (SECURE, "https://[::1]/token", "private address"),
        (SECURE, "https://[::ffff:10.0.0.1]/token", "private address"),
        (PLAIN, "http://10.0.0.1/token", "private address"),
        (SECURE, "file:///etc/passwd", "no URL"),
        (SECURE, "https://auth.example/to ken", "no URL"),
        (SECURE, "https://[auth/", "no URL"),
    ],
)
def test_a_realm_that_would_leak_credentials_is_refused(endpoint: Endpoint, realm: str, reason: str) -> None:
    with pytest.raises(RegistryError, match=reason):
        guard_realm(realm, endpoint)


@pytest.mark.parametrize(
    ("location", "url", "mended"),
    [
        (
            "/v2/a/uploads/1?_state=a%2Fb%3A",
            "https://registry.example:5443/v2/a/uploads/1?_state=a%2Fb%3A",
            False,
        ),
        ("https://store.example/x?sig=%2B", "https://store.example/x?sig=%2B", False),
        ("http://registry.example/v2/a?s=%2F", "https://registry.example:5443/v2/a?s=%2F", True),
        ("http://registry.example:80/v2/a", "https://registry.example:5443/v2/a", True),
    ],
)
def test_an_upload_goes_on_where_it_was_sent_byte_for_byte(location: str, url: str, mended: bool) -> None:
    answered = "https://registry.example:5443/v2/a/blobs/uploads/"
    assert guard_location(location, answered, SECURE) == (url, mended)


@pytest.mark.parametrize(
    "location", ["http://store.example/x", "https://169.254.1.1/x", "https://10.0.0.1/x"]
)
def test_an_upload_is_not_sent_in_the_clear_or_to_inner_hosts(location: str) -> None:
    with pytest.raises(RegistryError):
        guard_location(location, "https://registry.example:5443/v2/", SECURE)


def test_downloads_may_come_from_private_storage_but_not_from_this_machine() -> None:
    answered = "https://registry.example:5443/v2/a/blobs/x"
    assert (
        guard_redirect("https://10.0.0.1/bucket?s=%2B", answered, SECURE) == "https://10.0.0.1/bucket?s=%2B"
    )
    for host in ("127.0.0.1", "169.254.169.254", "localhost:9000", "[::ffff:169.254.169.254]", "[fe80::1]"):
        with pytest.raises(RegistryError, match="private address"):
            guard_redirect(f"https://{host}/x", answered, SECURE)


def test_relative_locations_are_resolved_against_the_answer() -> None:
    assert resolve("next?last=b%20c", "https://a.example/v2/x/tags/list") == (
        "https://a.example/v2/x/tags/next?last=b%20c"
    )


def test_what_is_shown_of_a_url_holds_no_secret() -> None:
    assert (
        shown("https://user:hunter2@store.example:9/a/b?signature=hunter2") == "https://store.example:9/a/b"
    )
