"""``shipway copy`` and ``shipway registry``, as processes, beside other people's tools."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web

from shipway.oci.manifest import OCI_CONFIG, OCI_LAYER_TAR, OCI_MANIFEST
from shipway.testing.distribution import running_distribution
from shipway.testing.front import forward
from shipway.testing.raw import RawRepository, descriptor, encode, index
from shipway.testing.registry import running_registry
from shipway.testing.scripted_registry import serving
from shipway.values import Digest

SHIPWAY = [sys.executable, "-m", "shipway"]
Tool = Callable[..., str]


@pytest.fixture
def shipway(run_tool: Tool, tmp_path: Path) -> Callable[..., Any]:
    """Runs a command with ``--json`` and gives its document."""

    def run(*argv: object) -> Any:
        state = tmp_path / "state"
        return json.loads(run_tool(*SHIPWAY, *argv, "--json", "--state", state, "-C", tmp_path))

    return run


def push_image(
    repository: RawRepository, tag: str, layers: list[bytes], architecture: str = "amd64"
) -> Digest:
    digests = [str(Digest.of(layer)) for layer in layers]
    rootfs = {"type": "layers", "diff_ids": digests}
    config = encode({"os": "linux", "architecture": architecture, "config": {}, "rootfs": rootfs})
    for data in (config, *layers):
        repository.push_blob(data)
    entries = [descriptor(layer, OCI_LAYER_TAR) for layer in layers]
    config_entry = descriptor(config, OCI_CONFIG)
    body = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config_entry, "layers": entries}
    assert repository.put_manifest(tag, body).status == 201
    return Digest.of(encode(body))


def push_index(repository: RawRepository, tag: str) -> Digest:
    children = []
    for architecture in ("amd64", "arm64"):
        digest = push_image(repository, architecture, [b"base" * 1000, architecture.encode()], architecture)
        size = int(
            repository("HEAD", f"manifests/{digest}", headers={"Accept": OCI_MANIFEST}).headers[
                "content-length"
            ]
        )
        platform = {"os": "linux", "architecture": architecture}
        entry = {"mediaType": OCI_MANIFEST, "digest": str(digest), "size": size, "platform": platform}
        children.append(entry)
    document = index(*children)
    assert repository.put_manifest(tag, document).status == 201
    return Digest.of(encode(document))


@pytest.mark.registry
def test_skopeo_reads_what_was_copied(
    shipway: Callable[..., Any], run_tool: Tool, require_tool: Callable[[str], str], tmp_path: Path
) -> None:
    skopeo = require_tool("skopeo")
    with running_registry() as left, running_distribution(tmp_path / "right") as right:
        digest = push_index(RawRepository(left.address, "acme/api"), "1.0")
        shipway("copy", f"{left.address}/acme/api:1.0", f"{right}/mirror/api")
        raw = run_tool(skopeo, "inspect", "--raw", "--tls-verify=false", f"docker://{right}/mirror/api:1.0")
        assert Digest.of(raw.encode()) == digest
        layout = tmp_path / "layout"
        shipway("copy", f"{right}/mirror/api:1.0", f"oci:{layout}")
        raw = run_tool(skopeo, "inspect", "--raw", f"oci:{layout}:1.0")
        assert Digest.of(raw.encode()) == digest
        archive = tmp_path / "api.tar"
        shipway(
            "copy", f"oci:{layout}", f"docker-archive:{archive}:acme/api:1.0", "--platform", "linux/amd64"
        )
        told = json.loads(run_tool(skopeo, "inspect", f"docker-archive:{archive}"))
        assert told["Architecture"] == "amd64"


@pytest.mark.registry
def test_what_skopeo_writes_is_copied(
    shipway: Callable[..., Any], run_tool: Tool, require_tool: Callable[[str], str], tmp_path: Path
) -> None:
    skopeo = require_tool("skopeo")
    with running_registry() as registry:
        push_image(RawRepository(registry.address, "acme/api"), "1.0", [b"layer" * 1000])
        source = ["--src-tls-verify=false", f"docker://{registry.address}/acme/api:1.0"]
        run_tool(skopeo, "--insecure-policy", "copy", *source, f"oci:{tmp_path}/layout:1.0")
        # skopeo compresses layers, which makes another image
        (entry,) = json.loads((tmp_path / "layout" / "index.json").read_text())["manifests"]
        shipway("copy", f"oci:{tmp_path}/layout", f"{registry.address}/back/api")
        raw = run_tool(
            skopeo, "inspect", "--raw", "--tls-verify=false", f"docker://{registry.address}/back/api:1.0"
        )
        assert str(Digest.of(raw.encode())) == entry["digest"]


@pytest.mark.engine
@pytest.mark.xdist_group("docker")
def test_docker_loads_what_was_copied_and_saves_what_can_be(
    shipway: Callable[..., Any], run_tool: Tool, docker_daemon: str, tmp_path: Path
) -> None:
    rootfs = tmp_path / "rootfs.tar"
    (tmp_path / "hello").write_text("hello")
    subprocess.run(["tar", "-cf", rootfs, "-C", tmp_path, "hello"], check=True)
    name = f"shipway.test/copy-{time.time_ns()}:1"
    with running_registry() as registry:
        push_image(RawRepository(registry.address, "acme/api"), "1.0", [rootfs.read_bytes()])
        shipway("copy", f"{registry.address}/acme/api:1.0", f"docker-archive:{tmp_path}/out.tar:{name}")
        try:
            run_tool(docker_daemon, "load", "-i", tmp_path / "out.tar")
            run_tool(docker_daemon, "save", "-o", tmp_path / "saved.tar", name)
        finally:
            subprocess.run([docker_daemon, "rmi", name], check=False, capture_output=True)
        told = shipway("copy", f"docker-archive:{tmp_path}/saved.tar", f"{registry.address}/saved/api")
        assert told["copies"][0]["state"] == "copied"
        # the same uncompressed layer came back, so it had not to move
        assert told["copies"][0]["blobs_mounted"] + told["copies"][0]["blobs_there"] == 0
        manifest = RawRepository(registry.address, "saved/api")("GET", "manifests/1").json
        assert [layer["digest"] for layer in manifest["layers"]] == [str(Digest.of(rootfs.read_bytes()))]


# --- interruptions ----------------------------------------------------------------------------


@pytest.mark.registry
async def test_a_copy_that_was_killed_goes_on_with_what_is_missing(
    tmp_path: Path, require_tool: Callable[[str], str]
) -> None:
    layers = [bytes([number]) * (1 << 20) for number in range(6)]
    stuck = str(Digest.of(layers[-1]))
    with running_registry() as left, running_distribution(tmp_path / "right") as right:
        await asyncio.to_thread(push_image, RawRepository(left.address, "acme/api"), "1.0", layers)
        target = RawRepository(right, "mirror/api")
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            killed = asyncio.Event()
            passing = forward(session, f"http://{left.address}", frozenset(), None)

            async def hanging(request: web.Request) -> web.StreamResponse:
                if request.path.endswith(stuck):
                    await killed.wait()
                return await passing(request)

            async with serving(hanging) as front:
                argv = ["copy", f"{front.address}/acme/api:1.0", f"{right}/mirror/api:1.0"]
                process = await asyncio.create_subprocess_exec(
                    *SHIPWAY, *argv, "--state", str(tmp_path / "state"), "-C", str(tmp_path)
                )
                wanted = [Digest.of(layer) for layer in layers[:-1]]
                while not all([await asyncio.to_thread(is_there, target, digest) for digest in wanted]):
                    await asyncio.sleep(0.05)
                process.send_signal(signal.SIGKILL)
                await process.wait()
                killed.set()
        assert (await asyncio.to_thread(target, "GET", "manifests/1.0")).status == 404
        again = [*SHIPWAY, "copy", f"{left.address}/acme/api:1.0", f"{right}/mirror/api:1.0", "--json"]
        done = await asyncio.create_subprocess_exec(
            *again, "-C", str(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        told = json.loads((await done.communicate())[0])
        (row,) = told["copies"]
        assert (row["state"], row["blobs_moved"], row["bytes"]) == ("copied", 1, 1 << 20)
        assert row["blobs_there"] == len(layers)


def is_there(repository: RawRepository, digest: Digest) -> bool:
    return repository("HEAD", f"blobs/{digest}").status == 200


# --- nginx ------------------------------------------------------------------------------------

NGINX = """
{user}
pid {home}/pid;
error_log {home}/error.log;
worker_processes 1;
daemon off;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/f;
  uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {home}/server.pem;
    ssl_certificate_key {home}/server.pem;
    client_max_body_size 1m;
    location = /v2/ {{ proxy_pass http://{backend}; }}
    location /v2/team/ {{
      rewrite ^/v2/team/(.*)$ /v2/$1 break;
      proxy_pass http://{backend};
      proxy_set_header Host $http_host;
      {forwarded}
      proxy_redirect ~^(https?://[^/]+)?/v2/(.*)$ {scheme}://$http_host/v2/team/$2;
    }}
  }}
}}
"""


@contextmanager
def running_nginx(home: Path, backend: str, *, tells_scheme: bool) -> Iterator[str]:
    """TLS, another path and bodies of 1 MiB at most in front of ``backend``; the address."""
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(home / "server.pem"))
    authority.cert_pem.write_to_path(str(home / "ca.pem"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    forwarded = "proxy_set_header X-Forwarded-Proto $scheme;" if tells_scheme else ""
    scheme = "https" if tells_scheme else "http"
    # its workers write bodies into a directory of the tests' own
    user = "user root;" if os.geteuid() == 0 else ""
    text = NGINX.format(user=user, home=home, port=port, backend=backend, forwarded=forwarded, scheme=scheme)
    (home / "nginx.conf").write_text(text)
    with subprocess.Popen(["nginx", "-c", home / "nginx.conf", "-e", home / "error.log"]) as process:
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline, (home / "error.log").read_text()
                    time.sleep(0.02)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.mark.registry
@pytest.mark.parametrize("tells_scheme", [True, False])
@pytest.mark.parametrize("kind", ["embedded", "debian"])
def test_a_copy_goes_through_nginx_with_tls_another_path_and_small_bodies(
    shipway: Callable[..., Any],
    require_tool: Callable[[str], str],
    tmp_path: Path,
    kind: str,
    tells_scheme: bool,
) -> None:
    require_tool("nginx")
    layer = bytes(range(256)) * (3 << 12)
    debian, embedded = running_distribution(tmp_path / "right"), running_registry()
    with running_registry() as left, debian if kind == "debian" else embedded as right:
        backend = right if isinstance(right, str) else right.address
        digest = push_image(RawRepository(left.address, "acme/api"), "1.0", [layer])
        with running_nginx(tmp_path, backend, tells_scheme=tells_scheme) as address:
            registries = {address: {"ca": "ca.pem"}}
            (tmp_path / "shipway.yaml").write_text(json.dumps({"registries": registries, "images": {}}))
            told = shipway("copy", f"{left.address}/acme/api:1.0", f"{address}/team/api")
            assert told["copies"][0]["digest"] == str(digest)
            again = shipway("copy", f"{address}/team/api:1.0", f"{left.address}/back/api")
            assert again["copies"][0]["digest"] == str(digest)
        assert RawRepository(backend, "api")("GET", f"blobs/{Digest.of(layer)}").body == layer


# --- what a registry shows --------------------------------------------------------------------


@pytest.mark.registry
def test_a_registry_is_listed(shipway: Callable[..., Any], tmp_path: Path) -> None:
    with running_distribution(tmp_path / "right") as address:
        digest = push_index(RawRepository(address, "acme/api"), "1.0")
        told = shipway("registry", "ls", f"{address}/acme")
        found = {entry["tag"]: entry for entry in told["entries"]}
        assert sorted(found) == ["1.0", "amd64", "arm64"]
        assert found["1.0"]["digest"] == str(digest)
        assert found["1.0"]["platforms"] == ["linux/amd64", "linux/arm64"]


def test_a_registry_is_diagnosed(shipway: Callable[..., Any], tmp_path: Path) -> None:
    with running_registry() as registry:
        told = shipway("registry", "diagnose", f"{registry.address}/acme/api")
        assert told["schema"] == "shipway.registry-diagnose/1"
        assert {probe["probe"]: probe["state"] for probe in told["probes"]} == {
            "registry": "ok",
            "credentials": "ok",
            "push": "ok",
        }
    argv = [*SHIPWAY, "registry", "diagnose", registry.address, "-C", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "refused the connection" in done.stdout
