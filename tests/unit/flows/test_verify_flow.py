"""Verify tells apart what is wrong: each kind of tampering has its own reason, and nothing is raised."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from shipway.errors import NotMet, ShipwayError, Unreachable
from shipway.evidence.dsse import seal
from shipway.evidence.keys import PublicKey, SigningKey
from shipway.flows.verify import Row, Verification, verify
from shipway.flows.verifying.image import Subject, Verifier
from shipway.flows.verifying.origin import Origin
from shipway.git import GitWorkingCopy
from shipway.host import SystemHost
from shipway.oci.manifest import OCI_INDEX, OCI_MANIFEST
from shipway.testing.harbour import Harbour
from shipway.testing.raw import RawRepository, encode
from shipway.testing.registry import running_registry
from shipway.testing.scripted_registry import serving
from shipway.values import Digest, Platform, Reference

KEY = SigningKey.generate()
AUTHOR = ("-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")


def git(directory: Path, *arguments: str) -> str:
    argv = ["git", "-C", str(directory), *AUTHOR, *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def destination(tmp_path: Path) -> Iterator[str]:
    with running_registry(tmp_path / "registry") as registry:
        yield registry.address


@pytest.fixture
async def shipped(harbour: Harbour) -> Harbour:
    """A fleet in git that was delivered, all of it signed."""
    git(harbour.root, "init", "-q", "-b", "main")
    git(harbour.root, "add", "-A")
    git(harbour.root, "commit", "-qm", "all")
    harbour.attests, harbour.key = True, KEY
    await harbour.ship("mid", "solo")
    return harbour


class Look:
    """What is verified, and how."""

    def __init__(self, harbour: Harbour, *, key: PublicKey | None = KEY.public, deep: bool = False) -> None:
        self.harbour = harbour
        self.key = key
        self.deep = deep
        self.root: Path | None = harbour.root

    async def at(self, reference: str, **fields: Any) -> Row:
        return (await self.verification(reference, **fields)).document.images[0]

    async def verification(self, reference: str, **fields: Any) -> Verification:
        parsed = Reference.parse(f"{self.harbour.destination}/shop/{reference}")
        async with self.harbour.client() as registry:
            origin = Origin(registry, GitWorkingCopy(SystemHost()), self.root, lambda same: same)
            subject = Subject(parsed, parsed, origin, digest=parsed.digest)
            verifier = Verifier(registry, self.key, self.deep)
            return await verify(verifier, [replace(subject, **fields)], jobs=2)

    def raw(self, image: str) -> RawRepository:
        return RawRepository(self.harbour.destination, f"shop/{image}")


def states(row: Row) -> dict[str, str]:
    return {check.check: check.state for check in row.checks}


async def digest_of(harbour: Harbour, image: str) -> Digest:
    found = await harbour.tag(image)
    assert found is not None
    return found.parsed_digest


def fetched(repository: RawRepository, at: object) -> dict[str, Any]:
    accept = {"Accept": f"{OCI_MANIFEST}, {OCI_INDEX}"}
    document: dict[str, Any] = repository("GET", f"manifests/{at}", headers=accept).json
    return document


# --- what holds -------------------------------------------------------------------------------


async def test_what_was_shipped_is_verified_in_every_respect(shipped: Harbour) -> None:
    result = await Look(shipped, deep=True).verification("mid:1", platforms=(Platform("linux", "amd64"),))
    row = result.document.images[0]
    assert set(states(row).values()) == {"verified"}
    assert list(states(row)) == [
        "digest",
        "content",
        "platforms",
        "signature",
        "provenance",
        "fingerprint",
        "source",
        "dockerfile",
        "bases",
    ]
    assert row.commit == git(shipped.root, "rev-parse", "HEAD")
    assert row.builders == ("scripted 1.0",)
    assert result.error() is None
    assert result.document.totals == {"failed": 0, "absent": 0, "unobserved": 0, "verified": 1}


async def test_a_digest_alone_is_enough(shipped: Harbour) -> None:
    digest = await digest_of(shipped, "solo")
    assert (await Look(shipped).at(f"solo@{digest}")).state == "verified"


async def test_without_a_fleet_and_a_key_less_is_asked_and_that_is_said(shipped: Harbour) -> None:
    look = Look(shipped, key=None)
    look.root = None
    row = await look.at("solo:1")
    assert row.state == "verified"
    found = states(row)
    assert {name for name, state in found.items() if state == "skipped"} == {
        "signature",
        "source",
        "dockerfile",
    }


# --- tampering --------------------------------------------------------------------------------


async def test_a_tag_that_was_moved_to_another_image_is_found(shipped: Harbour) -> None:
    digest = await digest_of(shipped, "solo")
    document = fetched(Look(shipped).raw("solo"), "1")
    document["annotations"] = {"changed": "yes"}
    assert Look(shipped).raw("solo").put_manifest("1", document).status == 201
    row = await Look(shipped).at("solo:1", digest=digest)
    assert "wrong-digest" in row.reasons
    assert states(row)["signature"] == "absent"
    assert {"unsigned", "missing-provenance"} < set(row.reasons)


async def test_another_image_of_the_fleet_under_this_name_is_found_though_it_is_signed(
    shipped: Harbour,
) -> None:
    async with shipped.client() as registry:
        there = Reference.parse(f"{shipped.destination}/shop/solo:1")
        source = Reference.parse(f"{shipped.destination}/shop/mid:1")
        await registry.copy(source, there)
        for found in await registry.referrers(source.with_digest(await digest_of(shipped, "mid"))):
            at = found.parsed_digest
            await registry.copy(source.with_digest(at), there.with_digest(at))
    row = await Look(shipped).at("solo:1", image="solo")
    assert states(row)["signature"] == "verified"
    assert "other-image" in row.reasons
    assert row.state == "failed"


async def test_a_signature_of_another_key_is_told_from_none_and_from_a_bad_one(shipped: Harbour) -> None:
    other = await Look(shipped, key=SigningKey.generate().public).at("solo:1")
    assert other.reasons == ("other-key", "unsigned-provenance")
    repository = Look(shipped).raw("solo")
    digest = await digest_of(shipped, "solo")
    for entry in repository("GET", f"referrers/{digest}").json["manifests"]:
        swap_signature(repository, entry["digest"])
    for end in ("sig", "att"):
        assert repository("DELETE", f"manifests/sha256-{digest.hex}.{end}").status == 202
    bad = await Look(shipped).at("solo:1")
    assert bad.reasons == ("bad-signature", "unsigned-provenance")
    for entry in repository("GET", f"referrers/{digest}").json["manifests"]:
        assert repository("DELETE", f"manifests/{entry['digest']}").status == 202
    none = await Look(shipped).at("solo:1")
    assert none.reasons == ("unsigned", "missing-provenance")
    assert none.state == "absent"


def swap_signature(repository: RawRepository, at: str) -> None:
    """Put evidence again under the signature of another text by the same key, instead of the good one."""
    manifest = fetched(repository, at)
    bundle = repository("GET", f"blobs/{manifest['layers'][0]['digest']}").json
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(KEY.sign(b"another text")).decode()
    put_evidence(repository, manifest, bundle)
    assert repository("DELETE", f"manifests/{at}").status == 202


def put_evidence(repository: RawRepository, manifest: dict[str, Any], bundle: dict[str, Any]) -> None:
    data = encode(bundle)
    repository.push_blob(data)
    manifest["layers"][0] |= {"digest": str(Digest.of(data)), "size": len(data)}
    document = manifest | {"schemaVersion": 2}
    assert repository.put_manifest(Digest.of(encode(document)), document).status == 201


async def test_a_statement_of_another_digest_is_a_replay(shipped: Harbour) -> None:
    look = Look(shipped)
    source, target = look.raw("mid"), look.raw("solo")
    digests = {name: await digest_of(shipped, name) for name in ("mid", "solo")}
    for entry in target("GET", f"referrers/{digests['solo']}").json["manifests"]:
        target("DELETE", f"manifests/{entry['digest']}")
    for end in ("sig", "att"):
        target("DELETE", f"manifests/sha256-{digests['solo'].hex}.{end}")
    size = len(target("GET", "manifests/1", headers={"Accept": OCI_MANIFEST}).body)
    target.push_blob(b"{}")
    for entry in source("GET", f"referrers/{digests['mid']}").json["manifests"]:
        manifest = fetched(source, entry["digest"])
        bundle = source("GET", f"blobs/{manifest['layers'][0]['digest']}").json
        manifest["subject"] = {"mediaType": OCI_MANIFEST, "digest": str(digests["solo"]), "size": size}
        put_evidence(target, manifest, bundle)
    row = await look.at("solo:1")
    assert row.reasons == ("replayed-signature", "replayed-provenance")


def blob_file(harbour: Harbour, digest: str) -> Path:
    """Where the registry keeps content."""
    return harbour.directory / "registry" / "blobs" / "sha256" / digest.removeprefix("sha256:")


async def test_a_layer_that_is_gone_is_found_and_one_that_was_changed_when_it_is_read(
    shipped: Harbour,
) -> None:
    layer = blob_file(shipped, fetched(Look(shipped).raw("solo"), "1")["layers"][0]["digest"])
    good = layer.read_bytes()
    layer.write_bytes(bytes([good[0] ^ 1]) + good[1:])
    assert (await Look(shipped).at("solo:1")).state == "verified"
    row = await Look(shipped, deep=True).at("solo:1")
    assert row.reasons == ("changed", "unreadable-image")
    Look(shipped).raw("solo")("DELETE", f"blobs/sha256:{layer.name}")
    row = await Look(shipped).at("solo:1")
    assert row.reasons == ("incomplete", "unreadable-image")
    assert states(row)["signature"] == "verified"


async def test_a_manifest_whose_bytes_were_changed_is_found(shipped: Harbour) -> None:
    digest, behind = await digest_of(shipped, "solo"), Look(shipped).raw("solo")
    asked = {"Accept": OCI_MANIFEST}

    async def lie_about_the_image(request: web.Request) -> web.StreamResponse:
        answer = await asyncio.to_thread(behind, request.method, request.raw_path, None, asked)
        body = answer.body
        if request.path.endswith(f"/manifests/{digest}") and request.method == "GET":
            body = body.replace(b"schemaVersion", b"schemaversion")
        kept = {
            name: answer.headers[name]
            for name in ("content-type", "docker-content-digest", "content-length")
            if name in answer.headers
        }
        return web.Response(status=answer.status, headers=kept, body=body)

    async with serving(lie_about_the_image) as liar:
        shipped.destination = liar.address
        row = await Look(shipped).at(f"solo@{digest}")
    assert row.reasons == ("changed", "unreadable-image")
    assert states(row)["digest"] == states(row)["signature"] == "verified"


async def test_a_platform_that_is_missing_and_one_too_many_are_told_apart(shipped: Harbour) -> None:
    both = (Platform("linux", "amd64"), Platform("linux", "arm64"))
    assert (await Look(shipped).at("solo:1", platforms=both)).reasons == ("missing-platform",)
    assert (await Look(shipped).at("solo:1", platforms=())).reasons == ("other-platforms",)


async def test_a_statement_with_another_fingerprint_than_the_image_is_found(shipped: Harbour) -> None:
    repository = Look(shipped).raw("solo")
    digest = await digest_of(shipped, "solo")
    for entry in repository("GET", f"referrers/{digest}").json["manifests"]:
        if entry["annotations"]["dev.sigstore.bundle.predicateType"].endswith("provenance/v1"):
            manifest = fetched(repository, entry["digest"])
            bundle = repository("GET", f"blobs/{manifest['layers'][0]['digest']}").json
            lie(bundle)
            put_evidence(repository, manifest, bundle)
    assert (await Look(shipped).at("solo:1")).reasons == ("other-fingerprint",)


def lie(bundle: dict[str, Any]) -> None:
    """Sign a later statement with another fingerprint, as only who has the key can."""
    envelope = bundle["dsseEnvelope"]
    claim = json.loads(base64.b64decode(envelope["payload"]))
    claim["predicate"]["buildDefinition"]["internalParameters"]["fingerprint"] = "sha256:" + "0" * 64
    claim["predicate"]["runDetails"]["byproducts"][0]["annotations"]["verified"] = "2100-01-01T00:00:00Z"
    bundle["dsseEnvelope"] = msgspec.to_builtins(seal(KEY, encode(claim)))


@pytest.mark.parametrize("junk", [b"", b"[]", b"\xff\xfe", b'{"dsseEnvelope":3}', b"{" * 5000], ids=range(5))
async def test_junk_among_the_evidence_hides_nothing_and_raises_nothing(
    shipped: Harbour, junk: bytes
) -> None:
    repository = Look(shipped).raw("solo")
    digest = await digest_of(shipped, "solo")
    entry = repository("GET", f"referrers/{digest}").json["manifests"][0]
    manifest = fetched(repository, entry["digest"])
    repository.push_blob(junk)
    manifest["layers"][0] |= {"digest": str(Digest.of(junk)), "size": len(junk)}
    repository.put_manifest(Digest.of(encode(manifest)), manifest)
    assert (await Look(shipped).at("solo:1")).state == "verified"


# --- what cannot be seen ----------------------------------------------------------------------


async def test_a_registry_that_does_not_answer_is_no_failed_check(shipped: Harbour) -> None:
    look = Look(shipped)
    shipped.destination = "127.0.0.1:1"
    result = await look.verification("solo:1")
    row = result.document.images[0]
    assert (row.state, row.reasons) == ("unobserved", ("unreachable",))
    assert isinstance(result.error(), Unreachable)


async def test_an_image_that_is_not_there_is_absent(shipped: Harbour) -> None:
    for reference in ("solo:2", "none:1", f"solo@{Digest.of(b'none')}"):
        result = await Look(shipped).verification(reference)
        assert result.document.images[0].reasons == ("no-such-image",)
        assert isinstance(result.error(), NotMet)


async def test_a_commit_that_git_does_not_know_is_told_from_one_that_nobody_can_look_up(
    shipped: Harbour, tmp_path: Path
) -> None:
    look = Look(shipped)
    look.root = tmp_path / "elsewhere"
    look.root.mkdir()
    git(look.root, "init", "-q")
    row = await look.at("solo:1")
    assert row.reasons == ("unknown-commit", "no-history")
    assert row.state == "failed"
    look.root = tmp_path / "plain"
    look.root.mkdir()
    result = await look.verification("solo:1")
    assert result.document.images[0].reasons == ("no-history", "no-history")
    error = result.error()
    assert isinstance(error, ShipwayError)
    assert error.exit_code == 3


async def test_a_dockerfile_that_was_never_committed_is_told_from_another_one(harbour: Harbour) -> None:
    git(harbour.root, "init", "-q", "-b", "main")
    git(harbour.root, "add", "-A")
    git(harbour.root, "commit", "-qm", "all")
    harbour.attests, harbour.key = True, KEY
    with (harbour.root / "solo/Dockerfile").open("a") as file:
        file.write("# not committed\n")
    await harbour.ship("solo")
    result = await Look(harbour).verification("solo:1")
    row = result.document.images[0]
    assert row.reasons == ("dirty",)
    assert row.state == "unobserved"
    assert "changes" in next(check.detail for check in row.checks if check.check == "source")


async def test_a_base_that_is_gone_is_absent(shipped: Harbour) -> None:
    base = await digest_of(shipped, "base")
    assert Look(shipped).raw("base")("DELETE", f"manifests/{base}").status == 202
    assert (await Look(shipped).at("mid:1")).reasons == ("base-gone",)


async def test_an_image_built_outside_git_says_so(harbour: Harbour) -> None:
    harbour.attests, harbour.key = True, KEY
    await harbour.ship("solo")
    assert (await Look(harbour).at("solo:1")).reasons == ("no-source", "no-history")
