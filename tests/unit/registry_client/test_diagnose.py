"""Every refusal that a registry is known to answer, and the cause and remedy that it gets."""

from __future__ import annotations

import json

import pytest

from shipway.errors import (
    Denied,
    Mismatch,
    NotFound,
    RateLimited,
    RegistryError,
    TlsFailed,
    Unauthorized,
    Unreachable,
)
from shipway.registry.address import Endpoint
from shipway.registry.auth import Scope
from shipway.registry.credentials import ANONYMOUS, Credential
from shipway.registry.diagnose import Attempt, not_a_registry, refusal, token_refused
from shipway.registry.wordings import WORDINGS

KIM = Credential("kim", "hunter2-canary", source="/home/kim/.docker/config.json")


def attempt(registry: str = "registry.example", credential: Credential = KIM, *lacking: Scope) -> Attempt:
    endpoint = Endpoint.of(registry, "https")
    return Attempt("put the manifest of acme/api:1", endpoint, "acme/api", credential, lacking)


def errors(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


CASES: list[tuple[str, int, bytes, type[RegistryError], str, str]] = [
    # GHCR
    (
        "ghcr.io",
        403,
        errors("DENIED", "permission_denied: write_package"),
        Denied,
        "no write access",
        "Manage Actions",
    ),
    (
        "ghcr.io",
        403,
        errors("DENIED", "installation not allowed to Create organization package"),
        Denied,
        "packages: write",
        "permissions: {packages: write}",
    ),
    (
        "ghcr.io",
        403,
        errors("DENIED", "installation not allowed to Write organization package"),
        Denied,
        "GitHub App",
        "GITHUB_TOKEN",
    ),
    (
        "ghcr.io",
        403,
        errors("DENIED", "The token provided does not match expected scopes."),
        Denied,
        "write:packages",
        "docker login ghcr.io",
    ),
    ("ghcr.io", 403, b"You have exceeded a secondary rate limit", RateLimited, "no lack of rights", "wait"),
    # Harbor
    (
        "harbor.example",
        403,
        errors("DENIED", "Quota exceeded when processing the request of adding 2 GiB"),
        Denied,
        "quota of the Harbor project acme",
        "raise the quota of acme",
    ),
    (
        "harbor.example",
        403,
        errors("DENIED", "can not push artifact to a proxy project: acme"),
        Denied,
        "proxy cache",
        "ordinary project",
    ),
    (
        "harbor.example",
        401,
        errors("UNAUTHORIZED", "project acme not found: project acme not found"),
        NotFound,
        "acme does not exist",
        "create the project acme on https://harbor.example",
    ),
    (
        "harbor.example",
        412,
        errors("PRECONDITION", "Failed to process request due to 'api:1' configured as immutable."),
        Denied,
        "immutability rule",
        "choose a tag",
    ),
    (
        "harbor.example",
        403,
        errors("DENIED", "The system is in read only mode."),
        Denied,
        "read-only",
        "maintenance",
    ),
    (
        "harbor.example",
        403,
        b'{"errors":[{"code":"FORBIDDEN","message":"CSRF token invalid"}]}',
        Denied,
        "browser",
        "cookies",
    ),
    # Quay
    ("quay.io", 503, errors("X", "System is currently read-only."), Denied, "read-only", "maintenance"),
    (
        "quay.io",
        401,
        errors("UNAUTHORIZED", "robot may not create repository"),
        Denied,
        "robot account",
        "role Write",
    ),
    # ECR
    (
        "1234.dkr.ecr.eu-west-1.amazonaws.com",
        404,
        errors("NAME_UNKNOWN", "The repository with name 'acme/api' does not exist in the registry"),
        NotFound,
        "does not create repositories",
        "aws ecr create-repository --repository-name acme/api",
    ),
    (
        "1234.dkr.ecr.eu-west-1.amazonaws.com",
        400,
        errors("ImageTagAlreadyExistsException", "the tag is immutable"),
        Denied,
        "immutable tags",
        "put-image-tag-mutability --repository-name acme/api",
    ),
    (
        "1234.dkr.ecr.eu-west-1.amazonaws.com",
        403,
        b"Your authorization token has expired. Reauthenticate and try again.",
        Unauthorized,
        "twelve hours",
        "aws ecr get-login-password",
    ),
    # Docker Hub
    (
        "docker.io",
        401,
        errors("UNAUTHORIZED", "requested access to the resource is denied"),
        Denied,
        "acme/api does not exist, or",
        "docker login docker.io",
    ),
    (
        "docker.io",
        429,
        errors("TOOMANYREQUESTS", "You have reached your pull rate limit."),
        RateLimited,
        "Docker Hub's limit",
        "docker login",
    ),
    # Artifact Registry
    (
        "europe-docker.pkg.dev",
        403,
        errors("DENIED", 'Permission "artifactregistry.repositories.uploadArtifacts" denied'),
        Denied,
        "no role",
        "roles/artifactregistry.writer",
    ),
    ("harbor.example", 412, b"signature required", Denied, "policy", "ask who administers harbor.example"),
    (
        "1234.dkr.ecr.eu-west-1.amazonaws.com",
        400,
        errors("ImageTagAlreadyExistsException", "tag '1' exists in 'acme/api'"),
        Denied,
        "immutable tags",
        "put-image-tag-mutability",
    ),
    (
        "1234.dkr.ecr.eu-west-1.amazonaws.com",
        401,
        b"no basic auth credentials",
        Unauthorized,
        "twelve hours",
        "aws ecr get-login-password",
    ),
    ("registry.example", 503, errors("TOOMANYREQUESTS", "slow down"), RateLimited, "too many", "wait"),
    # proxies and servers
    (
        "registry.example",
        400,
        b"Client sent an HTTP request to an HTTPS server.\n",
        TlsFailed,
        "speaks TLS",
        "ca.crt",
    ),
    (
        "registry.example",
        400,
        b"<html><h1>400 Bad Request</h1>The plain HTTP request was sent to HTTPS port</html>",
        TlsFailed,
        "speaks TLS",
        "remove plain-http",
    ),
    (
        "registry.example",
        400,
        b"<h1>Request Header Or Cookie Too Large</h1>",
        Denied,
        "so many repositories",
        "buffers",
    ),
    (
        "registry.example",
        413,
        b"<html>413 Request Entity Too Large</html>",
        Denied,
        "size of a request",
        "client_max_body_size",
    ),
    # distribution and everyone
    (
        "registry.example",
        400,
        errors("DIGEST_INVALID", "provided digest did not match"),
        Mismatch,
        "not what was sent",
        "again",
    ),
    (
        "registry.example",
        404,
        errors("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"),
        NotFound,
        "lacks a blob",
        "again",
    ),
    (
        "registry.example",
        404,
        errors("NAME_UNKNOWN", "x"),
        NotFound,
        "no such repository",
        "shipway registry tags registry.example/acme/api",
    ),
    ("registry.example", 405, errors("UNSUPPORTED", "x"), Denied, "switched off", "storage.delete.enabled"),
    ("registry.example", 429, b"", RateLimited, "too many requests", "wait"),
    ("registry.example", 503, b"", Unreachable, "fails by itself", "log"),
    ("registry.example", 418, b"", Denied, "reason of its own", "log"),
    ("registry.example", 302, b"", Unreachable, "no registry", "curl -sSi https://registry.example/v2/"),
    ("registry.example", 400, b"<!DOCTYPE html><title>Hello</title>", Unreachable, "a web page", "curl"),
]


@pytest.mark.parametrize(("registry", "status", "body", "kind", "cause", "remedy"), CASES)
def test_a_refusal_gets_its_cause_and_remedy(
    registry: str, status: int, body: bytes, kind: type[RegistryError], cause: str, remedy: str
) -> None:
    error = refusal(attempt(registry), status, {}, body)
    assert type(error) is kind
    assert error.status == status
    assert error.message.startswith(f"cannot put the manifest of acme/api:1: HTTP {status}")
    assert cause in (error.cause or "")
    assert remedy in (error.help or "")


def test_every_wording_is_reached_and_its_texts_can_be_filled_in() -> None:
    recognised = set()
    for registry, status, body, *_ in CASES:
        text = body.decode().lower()
        recognised.add(next((row for row in WORDINGS if row.fits(status, text, registry)), None))
    unreached = [row.part for row in WORDINGS if row not in recognised]
    assert unreached == []
    for row in WORDINGS:
        assert "{" not in attempt().fill(row.cause).replace("{packages: write}", "")
        assert attempt().fill(row.help)


def test_what_the_registry_said_is_part_of_the_message() -> None:
    error = refusal(attempt(), 403, {}, errors("DENIED", "no\nway"))
    assert error.message == "cannot put the manifest of acme/api:1: HTTP 403 DENIED: no way"
    assert refusal(attempt(), 500, {}, b"it \x1b[31mbroke").message.endswith("HTTP 500 it  [31mbroke")
    assert refusal(attempt(), 403, {}, b'{"details": "look"}').message.endswith("HTTP 403 look")
    assert len(refusal(attempt(), 500, {}, b"x" * 100_000).message) < 400


def test_without_credentials_the_places_searched_are_named() -> None:
    nobody = Credential(
        searched=("/root/.docker/config.json: no such file", "docker-credential-{x}: not found")
    )
    error = refusal(attempt(credential=nobody), 401, {}, b"")
    assert type(error) is Unauthorized
    assert error.cause == (
        "no credentials for registry.example were found"
        " (/root/.docker/config.json: no such file; docker-credential-{x}: not found)"
    )
    assert error.help == "log in: docker login registry.example (or buildah login registry.example)"


def test_without_credentials_that_is_the_cause_whatever_right_is_said_to_be_missing() -> None:
    body = errors("UNAUTHORIZED", "requested access to the resource is denied")
    assert type(refusal(attempt("docker.io", ANONYMOUS), 401, {}, body)) is Unauthorized


def test_wrong_credentials_are_named_by_their_source() -> None:
    error = refusal(attempt(), 401, {}, b"")
    assert type(error) is Unauthorized
    assert "/home/kim/.docker/config.json are wrong or expired" in (error.cause or "")


@pytest.mark.parametrize("status", [401, 403])
def test_a_right_that_the_token_lacks_is_named(status: int) -> None:
    missing = Scope.repository("acme/api", "pull", "push")
    error = refusal(attempt("registry.example", KIM, missing), status, {}, b"")
    assert type(error) is Denied
    assert "did not grant repository:acme/api:pull,push" in (error.cause or "")


def test_what_a_registry_echoes_is_redacted() -> None:
    def redact(text: str) -> str:
        return text.replace("hunter2-canary", "[redacted]")

    echo = errors("DENIED", "bad password hunter2-canary")
    error = refusal(Attempt("pull", Endpoint.of("r.example", "https"), redact=redact), 403, {}, echo)
    assert error.message.endswith("bad password [redacted]")


def test_a_token_service_that_refuses_is_named() -> None:
    error = token_refused(attempt(), "auth.example", 401, b"")
    assert type(error) is Unauthorized
    assert "auth.example refused the credentials from /home/kim/.docker/config.json" in (error.cause or "")
    error = token_refused(attempt("ghcr.io"), "ghcr.io", 403, errors("DENIED", "denied"))
    assert type(error) is Denied
    assert "the token service ghcr.io decided so" in (error.cause or "")


def test_an_anonymous_caller_cannot_tell_private_from_missing() -> None:
    error = token_refused(attempt("ghcr.io", ANONYMOUS), "ghcr.io", 401, b"")
    assert type(error) is Unauthorized
    assert "acme/api is private or does not exist" in (error.cause or "")


def test_a_web_page_is_no_registry() -> None:
    error = not_a_registry(attempt(), 200, {"Content-Type": "text/html"}, b"<html>")
    assert type(error) is Unreachable
    assert "a web page" in (error.cause or "")
