"""Programs that are not ours push to the embedded registry and pull from it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shipway.registry.server.embedded import EmbeddedRegistry
from shipway.testing.raw import RawRepository, descriptor, encode, index
from shipway.testing.registry import running_registry
from shipway.values import Digest

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("docker")]

Run = Callable[..., str]
Require = Callable[[str], str]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[EmbeddedRegistry]:
    with running_registry(tmp_path / "registry") as registry:
        yield registry


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A build context: an image of two layers without a RUN."""
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\nCOPY small /\nCOPY large /\nLABEL made=here\n")
    (context / "small").write_text("hello\n")
    (context / "large").write_bytes(bytes(range(256)) * 20_000)
    return context


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
    return path


@pytest.fixture
def skopeo(require_tool: Require, run_tool: Run, policy: Path) -> Run:
    program = require_tool("skopeo")
    return lambda *arguments: run_tool(program, "--policy", policy, *arguments)


@pytest.fixture
def storage() -> Iterator[list[object]]:
    """Options that keep the images of buildah or podman away from the machine's own."""
    # not below tmp_path: podman wants a path of fifty characters at most
    with tempfile.TemporaryDirectory(prefix="images-") as directory:
        yield ["--root", f"{directory}/root", "--runroot", f"{directory}/run", "--storage-driver", "vfs"]


def platforms(registry: EmbeddedRegistry, name: str) -> Digest:
    """Push an index over two images, and give its digest."""
    repository = RawRepository(registry.address, name)
    documents = []
    for architecture in ("amd64", "arm64"):
        config = encode({"architecture": architecture, "os": "linux", "rootfs": {"type": "layers"}})
        repository.push_blob(config)
        document = repository.image(architecture.encode())
        document["config"] = descriptor(config, document["config"]["mediaType"])
        repository.put_manifest(Digest.of(encode(document)), document)
        platform = {"architecture": architecture, "os": "linux"}
        documents.append(descriptor(encode(document)) | {"platform": platform})
    whole = index(*documents)
    assert repository.put_manifest("1.0", whole).status == 201
    return Digest.of(encode(whole))


def test_buildah_pushes_and_pulls(
    registry: EmbeddedRegistry,
    context: Path,
    policy: Path,
    require_tool: Require,
    run_tool: Run,
    storage: list[object],
) -> None:
    buildah = [require_tool("buildah"), *storage]
    trust = ["--signature-policy", policy]
    reference = f"{registry.address}/shop/api:1.0"
    run_tool(*buildah, "bud", *trust, "--tag", reference, context)
    for destination in (reference, f"{registry.address}/shop/again:1.0"):
        run_tool(*buildah, "push", *trust, "--tls-verify=false", reference, f"docker://{destination}")
    pushed = RawRepository(registry.address, "shop/api")("GET", "manifests/1.0")
    assert pushed.status == 200
    run_tool(*buildah, "rmi", "--all")
    image = run_tool(*buildah, "pull", *trust, "--tls-verify=false", f"docker://{reference}").strip()
    assert pushed.json["config"]["digest"] == f"sha256:{image}"


def test_podman_pushes_and_pulls(
    registry: EmbeddedRegistry,
    context: Path,
    policy: Path,
    require_tool: Require,
    run_tool: Run,
    storage: list[object],
) -> None:
    podman = [require_tool("podman"), *storage]
    trust = ["--signature-policy", policy, "--tls-verify=false"]
    reference = f"{registry.address}/shop/api:1.0"
    run_tool(*podman, "build", "--isolation", "chroot", "--tag", reference, context)
    run_tool(*podman, "push", *trust, reference)
    run_tool(*podman, "rmi", "--all", "--force")
    image = run_tool(*podman, "pull", "--quiet", *trust, reference).strip()
    manifest = RawRepository(registry.address, "shop/api")("GET", "manifests/1.0").json
    assert manifest["config"]["digest"] == f"sha256:{image}"


def test_docker_pushes_and_pulls(
    registry: EmbeddedRegistry, context: Path, docker_daemon: str, run_tool: Run
) -> None:
    reference = f"{registry.address}/shop/api:1.0"
    other = f"{registry.address}/shop/mounted:1.0"
    try:
        run_tool(docker_daemon, "build", "--tag", reference, context, env={"DOCKER_BUILDKIT": "0"})
        run_tool(docker_daemon, "tag", reference, other)
        for destination in (reference, other):
            run_tool(docker_daemon, "push", destination)
        image = run_tool(docker_daemon, "image", "inspect", "--format", "{{.Id}}", reference).strip()
        run_tool(docker_daemon, "rmi", "--force", image)
        run_tool(docker_daemon, "pull", reference)
        assert run_tool(docker_daemon, "image", "inspect", "--format", "{{.Id}}", reference).strip() == image
    finally:
        run_tool(docker_daemon, "rmi", "--force", reference, other)
    manifest = RawRepository(registry.address, "shop/mounted")("GET", "manifests/1.0").json
    assert manifest["config"]["digest"] == image
    assert len(manifest["layers"]) == 2


@pytest.mark.parametrize("form", ["v2s2", "oci"])
def test_skopeo_copies_and_inspects(
    registry: EmbeddedRegistry, skopeo: Run, tmp_path: Path, form: str
) -> None:
    platforms(registry, "shop/source")
    source = f"docker://{registry.address}/shop/source:1.0"
    target = f"docker://{registry.address}/shop/target:1.0"
    plain = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    skopeo("--override-arch", "arm64", "copy", *plain, "--format", form, source, target)
    shown = json.loads(skopeo("inspect", "--tls-verify=false", target))
    assert (shown["Architecture"], shown["Os"], shown["RepoTags"]) == ("arm64", "linux", ["1.0"])
    skopeo("copy", "--src-tls-verify=false", target, f"dir:{tmp_path / 'copy'}")


def test_skopeo_copies_every_platform_unchanged(registry: EmbeddedRegistry, skopeo: Run) -> None:
    digest = platforms(registry, "shop/source")
    skopeo(
        "copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false",
        f"docker://{registry.address}/shop/source:1.0", f"docker://{registry.address}/shop/target:1.0",
    )  # fmt: skip
    answer = RawRepository(registry.address, "shop/target")("GET", "manifests/1.0")
    assert answer.headers["docker-content-digest"] == str(digest)


def test_skopeo_lists_tags_and_deletes(registry: EmbeddedRegistry, skopeo: Run) -> None:
    repository = RawRepository(registry.address, "shop/api")
    for tag, content in (("1.0", b"one"), ("2.0", b"two")):
        repository.push_image(tag, content)
    skopeo("delete", "--tls-verify=false", f"docker://{registry.address}/shop/api:1.0")
    listed = skopeo("list-tags", "--tls-verify=false", f"docker://{registry.address}/shop/api")
    assert json.loads(listed)["Tags"] == ["2.0"]


def test_skopeo_reads_the_folder_as_an_image_layout(registry: EmbeddedRegistry, skopeo: Run) -> None:
    platforms(registry, "shop/api")
    layout = f"oci:{registry.directory}:shop/api:1.0"
    raw = skopeo("inspect", "--raw", layout)
    assert raw.encode() == RawRepository(registry.address, "shop/api")("GET", "manifests/1.0").body
    assert json.loads(skopeo("--override-arch", "arm64", "inspect", layout))["Architecture"] == "arm64"
