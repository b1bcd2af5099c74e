"""No secret is ever shown: not in errors, their chains, events, or logs."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from shipway.errors import RegistryError
from shipway.oci.manifest import OCI_MANIFEST, Descriptor, Manifest
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.registry.credentials import Credential
from shipway.testing.scripted_registry import Bench
from shipway.values import Digest, Reference

BLOB = Descriptor("", str(Digest.of(b"x")), 1)
MANIFEST = Manifest(OCI_MANIFEST, b"{}")
CANARIES = ("password-canary", "refresh-canary", "ready-canary", "token-canary", "signature-canary")
ENCODED = base64.b64encode(b"kim:password-canary").decode()

Operation = Callable[[RegistryClient, Reference], Awaitable[object]]
OPERATIONS: dict[str, Operation] = {
    "ping": lambda client, reference: client.ping(reference.registry),
    "head": lambda client, reference: client.head(reference),
    "manifest": lambda client, reference: client.manifest(reference),
    "put_manifest": lambda client, reference: client.put_manifest(reference, MANIFEST),
    "blob": lambda client, reference: client.blob(reference, BLOB),
    "put_blob": lambda client, reference: client.put_blob(reference, b"x"),
    "copy": lambda client, reference: client.copy(reference, reference.with_tag("2")),
    "tags": lambda client, reference: client.tags(reference),
    "delete": lambda client, reference: client.delete(reference),
}


def echo(request: web.Request) -> str:
    """Everything that a careless server knows."""
    sent = request.headers.get("Authorization", "")
    decoded = ""
    if sent.startswith("Basic "):
        decoded = base64.b64decode(sent.removeprefix("Basic ")).decode()
    return f"{sent} {decoded} {request.raw_path}"


async def echoes_and_refuses(request: web.Request) -> web.Response:
    if request.path == "/token":
        return web.json_response({"token": "token-canary"})
    header = f'Bearer realm="http://{request.host}/token",service="x",error="insufficient_scope"'
    return web.Response(status=401, text=echo(request), headers={"WWW-Authenticate": header})


async def token_service_echoes(request: web.Request) -> web.Response:
    if request.path == "/token":
        return web.Response(status=403, text=f"{echo(request)} {(await request.read()).decode()}")
    header = f'Bearer realm="http://{request.host}/token",service="x"'
    return web.Response(status=401, headers={"WWW-Authenticate": header})


async def basic_echoes(request: web.Request) -> web.Response:
    return web.Response(status=401, text=echo(request), headers={"WWW-Authenticate": 'Basic realm="x"'})


async def busy(request: web.Request) -> web.Response:
    if "Authorization" not in request.headers:
        return await basic_echoes(request)
    return web.Response(status=503, text=echo(request))


async def signs_and_breaks(request: web.Request) -> web.StreamResponse:
    signed = f"http://{request.host}/signed?X-Amz-Signature=signature-canary"
    if request.path != "/signed":
        status = 202 if request.method == "POST" else 307
        return web.Response(status=status, headers={"Location": signed})
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def leads_astray(request: web.Request) -> web.Response:
    status = 202 if request.method == "POST" else 307
    location = "http://kim:signature-canary@169.254.169.254/x?sig=signature-canary"
    return web.Response(status=status, headers={"Location": location})


SERVERS = [echoes_and_refuses, token_service_echoes, basic_echoes, busy, signs_and_breaks, leads_astray]


@pytest.mark.parametrize(
    "credential",
    [
        Credential("kim", "password-canary", source="config.json"),
        Credential("kim", identity_token="refresh-canary", source="config.json"),
        Credential(registry_token="ready-canary", source="config.json"),
    ],
    ids=["password", "identity", "bearer"],
)
@pytest.mark.parametrize("handler", SERVERS)
async def test_a_registry_that_echoes_secrets_does_not_make_them_show(
    bench: Bench,
    caplog: pytest.LogCaptureFixture,
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    credential: Credential,
) -> None:
    async def lookup(registry: str, repository: str) -> Credential:
        return credential

    caplog.set_level(logging.DEBUG)
    server = await bench.serve(handler)
    client = await bench.client(RegistryConfig(credentials=lookup))
    shown = [repr(client)]
    for operation in OPERATIONS.values():
        try:
            await operation(client, Reference.parse(f"{server.address}/acme/api:1"))
        except RegistryError as error:
            shown += ["".join(traceback.format_exception(error)), repr(error.__dict__)]
    assert len(shown) > len(OPERATIONS)
    shown += [repr(event) for event in bench.events] + [caplog.text]
    text = "\n".join(shown)
    assert [canary for canary in (*CANARIES, ENCODED) if canary in text] == []
