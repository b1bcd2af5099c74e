"""Connections that fail, each against a real server that is wrong in one way."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shipway.errors import ConfigError, RegistryError, TlsFailed, Unreachable
from shipway.registry.config import RegistryConfig
from shipway.registry.proxy import Proxies
from shipway.testing.scripted_registry import Bench
from shipway.values import Reference

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Acme Test Authority")


async def registry(request: web.Request) -> web.Response:
    return web.json_response({}, headers={"Docker-Distribution-Api-Version": "registry/2.0"})


def server_side(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def trusting(authority: trustme.CA, directory: Path, address: str) -> RegistryConfig:
    """A configuration with the authority in ``certs.d``, as users lay it out."""
    (directory / address).mkdir(parents=True)
    authority.cert_pem.write_to_path(directory / address / "ca.crt")
    return RegistryConfig(certificate_directories=(directory,))


def tls_to(address: str) -> RegistryConfig:
    return RegistryConfig(secure=frozenset({address}), certificate_directories=())


async def failed(bench: Bench, config: RegistryConfig, address: str) -> RegistryError:
    client = await bench.client(config)
    with pytest.raises(RegistryError) as caught:
        await client.ping(address)
    assert bench.waits == []
    return caught.value


# --- certificates -----------------------------------------------------------------------------


async def test_an_authority_in_certs_d_is_trusted(
    bench: Bench, authority: trustme.CA, tmp_path: Path
) -> None:
    server = await bench.serve(registry, tls=server_side(authority.issue_cert("127.0.0.1")))
    client = await bench.client(trusting(authority, tmp_path, server.address))
    await client.ping(server.address)


async def test_an_authority_in_a_bundle_is_trusted(
    bench: Bench, authority: trustme.CA, tmp_path: Path
) -> None:
    server = await bench.serve(registry, tls=server_side(authority.issue_cert("127.0.0.1")))
    authority.cert_pem.write_to_path(tmp_path / "bundle.pem")
    config = RegistryConfig(ca_file=tmp_path / "bundle.pem", secure=frozenset({server.address}))
    await (await bench.client(config)).ping(server.address)


async def test_an_authority_of_one_host_is_trusted_there_alone(
    bench: Bench, authority: trustme.CA, tmp_path: Path
) -> None:
    tls = server_side(authority.issue_cert("127.0.0.1"))
    one, other = await bench.serve(registry, tls=tls), await bench.serve(registry, tls=tls)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    config = RegistryConfig(authorities={one.address: tmp_path / "ca.pem"}, secure=frozenset({other.address}))
    client = await bench.client(config)
    await client.ping(one.address)
    with pytest.raises(TlsFailed):
        await client.ping(other.address)


async def test_an_unknown_authority_is_named_with_the_place_to_put_it(
    bench: Bench, authority: trustme.CA
) -> None:
    server = await bench.serve(registry, tls=server_side(authority.issue_cert("127.0.0.1")))
    error = await failed(bench, tls_to(server.address), server.address)
    assert isinstance(error, TlsFailed)
    assert "signed by an authority" in error.message
    assert "unknown here" in error.message
    assert error.help is not None
    assert f"/etc/containers/certs.d/{server.address}/ca.crt" in error.help


async def test_an_insecure_host_is_not_checked(bench: Bench, authority: trustme.CA) -> None:
    server = await bench.serve(registry, tls=server_side(authority.issue_cert("elsewhere.example")))
    client = await bench.client(RegistryConfig(insecure=frozenset({server.address})))
    await client.ping(server.address)


@pytest.mark.parametrize(
    ("host", "name", "wanted"),
    [
        ("127.0.0.1", "registry.example", "subjectAltName=IP:127.0.0.1"),
        ("localhost", "registry.example", "subjectAltName=DNS:localhost"),
    ],
)
async def test_a_certificate_for_another_name_tells_its_names(
    bench: Bench, authority: trustme.CA, tmp_path: Path, host: str, name: str, wanted: str
) -> None:
    server = await bench.serve(registry, host, server_side(authority.issue_cert(name, "other.example")))
    error = await failed(bench, trusting(authority, tmp_path, server.address), server.address)
    assert isinstance(error, TlsFailed)
    assert f"is not for {host}" in error.message
    assert "registry.example, other.example" in (error.cause or "")
    assert wanted in (error.help or "")


async def test_an_expired_certificate_tells_since_when(
    bench: Bench, authority: trustme.CA, tmp_path: Path
) -> None:
    certificate = authority.issue_cert(
        "127.0.0.1", not_before=LONG_AGO, not_after=LONG_AGO + timedelta(days=1)
    )
    server = await bench.serve(registry, tls=server_side(certificate))
    error = await failed(bench, trusting(authority, tmp_path, server.address), server.address)
    assert isinstance(error, TlsFailed)
    assert "expired on 2020-01-02" in error.message
    assert (error.help or "").startswith("renew")


async def test_a_certificate_of_the_future_tells_its_beginning(
    bench: Bench, authority: trustme.CA, tmp_path: Path
) -> None:
    certificate = authority.issue_cert(
        "127.0.0.1", not_before=FAR_AHEAD, not_after=FAR_AHEAD + timedelta(days=1)
    )
    server = await bench.serve(registry, tls=server_side(certificate))
    error = await failed(bench, trusting(authority, tmp_path, server.address), server.address)
    assert "not valid before 2099-01-01" in error.message


async def test_a_wrong_clock_here_is_told_from_a_wrong_certificate(
    bench: Bench, authority: trustme.CA, tmp_path: Path
) -> None:
    async def in_2020(request: web.Request) -> web.Response:
        return web.json_response({}, headers={"Date": "Wed, 01 Jan 2020 12:00:00 GMT"})

    certificate = authority.issue_cert(
        "127.0.0.1", not_before=LONG_AGO, not_after=LONG_AGO + timedelta(days=1)
    )
    server = await bench.serve(in_2020, tls=server_side(certificate))
    error = await failed(bench, trusting(authority, tmp_path, server.address), server.address)
    assert "does not fit this machine's clock" in error.message
    assert "ahead of the registry's" in (error.cause or "")


async def test_a_self_signed_certificate_is_named_so(bench: Bench, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *private)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = await bench.serve(registry, tls=context)
    error = await failed(bench, tls_to(server.address), server.address)
    assert "is self-signed" in error.message
    assert "ca.crt" in (error.help or "")


async def test_a_client_certificate_in_certs_d_is_presented(
    bench: Bench, authority: trustme.CA, tmp_path: Path
) -> None:
    context = server_side(authority.issue_cert("127.0.0.1"))
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    server = await bench.serve(registry, tls=context)
    config = trusting(authority, tmp_path, server.address)
    mine = authority.issue_cert("kim@acme.example")
    mine.private_key_pem.write_to_path(tmp_path / server.address / "client.key")
    for pem in mine.cert_chain_pems:
        pem.write_to_path(tmp_path / server.address / "client.cert", append=True)
    await (await bench.client(config)).ping(server.address)


async def test_a_client_certificate_without_its_key_is_a_configuration_error(
    bench: Bench, authority: trustme.CA, tmp_path: Path
) -> None:
    config = trusting(authority, tmp_path, "127.0.0.1:1")
    (tmp_path / "127.0.0.1:1/client.cert").touch()
    client = await bench.client(config)
    with pytest.raises(ConfigError, match="no key beside it"):
        await client.ping("127.0.0.1:1")


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
async def test_a_broken_authority_is_a_configuration_error(
    bench: Bench, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    client = await bench.client(RegistryConfig(ca_file=path, secure=frozenset({"127.0.0.1:1"})))
    with pytest.raises(ConfigError, match="cannot be read"):
        await client.ping("127.0.0.1:1")


async def test_the_certificate_of_a_token_service_is_not_blamed_on_the_registry(
    bench: Bench, authority: trustme.CA, tmp_path: Path
) -> None:
    realm = await bench.serve(registry, "localhost", server_side(authority.issue_cert("other.example")))

    async def challenge(request: web.Request) -> web.Response:
        header = f'Bearer realm="https://{realm.address}/token",service="x"'
        return web.Response(status=401, headers={"WWW-Authenticate": header})

    server = await bench.serve(challenge, tls=server_side(authority.issue_cert("127.0.0.1")))
    config = trusting(authority, tmp_path, server.address)
    client = await bench.client(config)
    with pytest.raises(TlsFailed) as caught:
        await client.tags(Reference.parse(f"{server.address}/acme/api:1"))
    assert f"the certificate of {realm.address}" in caught.value.message
    assert f"{server.address} sends its clients on to {realm.address}" in (caught.value.cause or "")


# --- plain where TLS is spoken, and the reverse -----------------------------------------------


async def test_plain_http_behind_a_tls_address_is_told(bench: Bench) -> None:
    server = await bench.serve(registry)
    error = await failed(bench, tls_to(server.address), server.address)
    assert isinstance(error, TlsFailed)
    assert f"{server.address} speaks plain HTTP, not TLS" in error.message
    assert f'registries: {{"{server.address}": {{plain-http: true}}}}' in (error.help or "")


async def test_tls_behind_a_plain_address_is_told(bench: Bench, authority: trustme.CA) -> None:
    server = await bench.serve(registry, tls=server_side(authority.issue_cert("127.0.0.1")))
    client = await bench.client()
    with pytest.raises(TlsFailed) as caught:
        await client.ping(server.address)
    assert "speaks TLS and was spoken to over plain HTTP" in caught.value.message
    assert f"certs.d/{server.address}/ca.crt" in (caught.value.help or "")


# --- no registry at all -----------------------------------------------------------------------


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize("secure", [False, True])
async def test_a_refused_connection_is_told_at_once(bench: Bench, secure: bool) -> None:
    address = free_port()
    error = await failed(bench, tls_to(address) if secure else RegistryConfig(), address)
    assert isinstance(error, Unreachable)
    assert error.message.endswith(f"{address} refused the connection")


async def test_a_refused_connection_is_told_for_a_name_with_several_addresses(bench: Bench) -> None:
    address = free_port().replace("127.0.0.1", "localhost")
    error = await failed(bench, RegistryConfig(), address)
    assert error.message.endswith(f"{address} refused the connection")


async def test_a_name_that_does_not_resolve_is_told_at_once(bench: Bench) -> None:
    error = await failed(bench, RegistryConfig(), "registry.invalid")
    assert isinstance(error, Unreachable)
    assert "the name registry.invalid cannot be resolved" in error.message


async def test_a_proxy_that_does_not_answer_is_told(bench: Bench) -> None:
    proxies = Proxies(https=f"http://kim:hunter2-canary@{free_port()}")
    error = await failed(bench, RegistryConfig(proxies=proxies), "registry.example")
    assert isinstance(error, Unreachable)
    assert "the proxy on the way to registry.example failed" in error.message
    assert "hunter2-canary" not in f"{error} {error.cause} {error.help}"


async def test_a_server_that_never_answers_times_out(bench: Bench) -> None:
    async with raw_server(lambda reader, writer: asyncio.sleep(60)) as address:
        client = await bench.client(RegistryConfig(read_timeout=0.5, tries=2))
        with pytest.raises(Unreachable, match="did not answer in time"):
            await client.ping(address)
    assert len(bench.waits) == 1


async def test_a_host_that_drops_packets_is_given_up_after_one_try(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as stack:
        address = full.getsockname()
        # the queue of a listener that never accepts takes one or two; the next one gets no answer
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        client = await bench.client(RegistryConfig(connect_timeout=0.1))
        with pytest.raises(Unreachable, match="did not answer in time"):
            await client.ping(f"127.0.0.1:{address[1]}")
    assert bench.waits == []


async def test_something_that_speaks_no_http_is_told(bench: Bench) -> None:
    async def ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        writer.close()

    async with raw_server(ssh) as address:
        error = await failed(bench, RegistryConfig(tries=1), address)
    assert isinstance(error, Unreachable)


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, "<!doctype html><title>Welcome</title>", {"Content-Type": "text/html"}),
        (200, "hello", {"Content-Type": "text/plain"}),
        (302, "", {"Location": "/login"}),
        (404, "not found", {}),
        (401, "who are you", {}),
    ],
)
async def test_a_web_server_is_no_registry(
    bench: Bench, status: int, body: str, headers: dict[str, str]
) -> None:
    async def web_site(request: web.Request) -> web.Response:
        if request.path == "/login":
            return web.Response(text="<html>log in</html>", content_type="text/html")
        return web.Response(status=status, text=body, headers=headers)

    server = await bench.serve(web_site)
    error = await failed(bench, RegistryConfig(), server.address)
    assert isinstance(error, Unreachable)
    assert f"curl -sSi http://{server.address}/v2/" in (error.help or "")


async def test_a_registry_that_wants_a_login_answers_a_ping(bench: Bench) -> None:
    async def closed(request: web.Request) -> web.Response:
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})

    server = await bench.serve(closed)
    await (await bench.client()).ping(server.address)


Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


@asynccontextmanager
async def raw_server(handle: Connection) -> AsyncIterator[str]:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)  # type: ignore[arg-type]
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
