"""Keys, evidence and verify through the command line; cosign has the last word where it is at hand."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shipway.testing.raw import RawRepository
from shipway.testing.registry import running_registry
from shipway.values import Digest

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

AUTHOR = ("-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")
PASSWORD = "canary-of-a-password-3b1d"
SIGNED = {"SHIPWAY_SIGNING_KEY": "cosign.key", "SHIPWAY_KEY_PASSWORD": PASSWORD}


class Project:
    """A fleet of two images in git, a registry that it is delivered to, and a machine with its own state."""

    def __init__(self, directory: Path, registry: str, engine: str) -> None:
        self.root = directory / "repo"
        self.state = directory / "state"
        self.registry = registry
        self.engine = engine
        self.said: list[str] = []
        self.root.mkdir()
        self.write("base", "base\n")
        self.write("api", "api\n")
        (self.root / "base/Dockerfile").write_text("FROM scratch\nCOPY f /f\n")
        (self.root / "api/Dockerfile").write_text(f"FROM {registry}/shop/base\nCOPY f /g\n")
        (self.root / "shipway.yaml").write_text(
            f"registry: {registry}/shop\ntag: 'v-{{sha7}}'\nsigning: {{key: cosign.pub}}\n"
            "images:\n  base: {context: base, tag: '1'}\n  api: {context: api}\n"
        )
        (self.root / ".gitignore").write_text("*.key\n")

    def write(self, image: str, text: str) -> None:
        (self.root / image).mkdir(exist_ok=True)
        (self.root / image / "f").write_text(text)

    def commit(self) -> str:
        for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), (*AUTHOR, "commit", "-qm", "change")):
            subprocess.run(["git", *arguments], cwd=self.root, check=True)
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=self.root, check=True, capture_output=True, text=True
        )
        return head.stdout.strip()

    def run(self, *arguments: str, code: int = 0, env: Mapping[str, str] | None = None) -> str:
        argv = [sys.executable, "-m", "shipway", *arguments, "--state", str(self.state)]
        own = {
            name: value for name, value in os.environ.items() if "SIGN" not in name and "PASSW" not in name
        }
        done = subprocess.run(
            argv,
            cwd=self.root,
            env={**own, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        self.said += [done.stdout, done.stderr]
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if "--json" in arguments else done.stdout + done.stderr

    def ship(self, *arguments: str, env: Mapping[str, str] = SIGNED) -> None:
        self.run("ship", "--engine", self.engine, *arguments, env=env)

    def verify(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.run("verify", *arguments, "--json", code=code))
        return document

    def digest(self, image: str, tag: str) -> Digest:
        accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        return Digest.of(
            RawRepository(self.registry, f"shop/{image}")("GET", f"manifests/{tag}", headers=accept).body
        )


@pytest.fixture(
    params=["embedded", pytest.param("distribution", marks=pytest.mark.registry)], ids=lambda name: name
)
def project(request: pytest.FixtureRequest, tmp_path: Path, engine_name: str) -> Iterator[Project]:
    """A signed fleet, on a registry with the referrers API and on one without."""
    if request.param == "distribution":
        yield keyed(Project(tmp_path, request.getfixturevalue("docker_registry"), engine_name))
        return
    with running_registry(tmp_path / "registry") as registry:
        yield keyed(Project(tmp_path, registry.address, engine_name))


def keyed(project: Project) -> Project:
    project.run("keys", "generate", env={"SHIPWAY_KEY_PASSWORD": PASSWORD})
    return project


@pytest.fixture
def cosign(tmp_path: Path) -> list[str]:
    """The real cosign, from PATH or from the directory that SHIPWAY_PEERS names."""
    peers = os.environ.get("SHIPWAY_PEERS", "")
    search = os.pathsep.join([os.environ["PATH"], peers, f"{peers}/usr/bin"])
    path = shutil.which("cosign", path=search)
    if path is None:
        pytest.skip("cosign is not at hand")
    return ["env", f"HOME={tmp_path}", path]


def states(document: dict[str, Any]) -> dict[str, str]:
    return {row["image"]: row["state"] for row in document["images"]}


def test_what_is_shipped_is_verified_from_any_machine(project: Project, tmp_path: Path) -> None:
    commit = project.commit()
    project.ship()
    document = project.verify("--fleet", "--deep")
    assert states(document) == {"base": "verified", "api": "verified"}
    assert {row["commit"] for row in document["images"]} == {commit}
    checks = {check["check"]: check["state"] for row in document["images"] for check in row["checks"]}
    assert set(checks.values()) == {"verified"}
    assert checks.keys() >= {"signature", "provenance", "source", "dockerfile", "bases"}

    # a machine that knows nothing but the repository, and one that has not even that
    shutil.rmtree(project.state)
    assert states(project.verify("--fleet")) == {"base": "verified", "api": "verified"}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    reference = f"{project.registry}/shop/api:v-{commit[:7]}"
    key = str(project.root / "cosign.pub")
    row = project.verify(reference, "--key", key, "-C", str(elsewhere))["images"][0]
    assert (row["state"], row["commit"]) == ("verified", commit)

    other = tmp_path / "other"
    project.run("keys", "generate", "-o", str(other), env={"COSIGN_PASSWORD": "x"})
    row = project.verify(reference, "--key", f"{other}.pub", code=1)["images"][0]
    assert row["reasons"] == ["other-key", "unsigned-provenance"]
    row = project.verify("127.0.0.1:1/shop/api:1", code=3)["images"][0]
    assert (row["state"], row["reasons"]) == ("unobserved", ["unreachable"])


def test_cosign_accepts_signature_and_attestation_and_refuses_another_key(
    project: Project, cosign: list[str], tmp_path: Path
) -> None:
    commit = project.commit()
    project.ship()
    tag = f"v-{commit[:7]}"

    def ask(*arguments: str, key: Path, refused: bool = False) -> str:
        how = ["--key", str(key), "--insecure-ignore-tlog=true", "--allow-http-registry"]
        argv = [*cosign, *arguments, *how, f"{project.registry}/shop/api:{tag}"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert (done.returncode != 0) == refused, done.stderr
        return done.stdout

    attestation = ("verify-attestation", "--type", "slsaprovenance1")
    ours, other = project.root / "cosign.pub", tmp_path / "other.pub"
    project.run("keys", "generate", "-o", str(tmp_path / "other"), env={"COSIGN_PASSWORD": "x"})
    digest = project.digest("api", tag)

    def accepts() -> None:
        signatures = json.loads(ask("verify", key=ours))
        assert signatures
        assert {each["critical"]["image"]["docker-manifest-digest"] for each in signatures} == {str(digest)}
        envelope = json.loads(ask(*attestation, key=ours).splitlines()[0])
        claim = json.loads(base64.b64decode(envelope["payload"]))
        assert claim["predicate"]["buildDefinition"]["externalParameters"]["image"] == "api"
        ask("verify", key=other, refused=True)
        ask(*attestation, key=other, refused=True)

    accepts()
    # what cosign before version 3 looks at is enough alone
    repository = RawRepository(project.registry, "shop/api")
    listed = repository("GET", f"referrers/{digest}")
    if listed.status == 200:
        for entry in listed.json["manifests"]:
            assert repository("DELETE", f"manifests/{entry['digest']}").status == 202
        accepts()


def test_evidence_goes_along_with_a_copy_and_stays_with_what_prune_keeps(project: Project) -> None:
    first = project.commit()
    project.ship()
    project.write("api", "api 2\n")
    second = project.commit()
    project.ship()
    repository = RawRepository(project.registry, "shop/api")
    old, new = (project.digest("api", f"v-{commit[:7]}") for commit in (first, second))
    with running_registry() as mirror:
        source, target = (f"{where}/shop/api:v-{second[:7]}" for where in (project.registry, mirror.address))
        project.run("copy", source, target)
        row = project.verify(target)["images"][0]
        assert (row["state"], row["digest"]) == ("verified", str(new))

    name = f"{project.registry}/shop/api"
    project.run("prune", name, "--keep", "1", "--match", "^v-", "--by", "created")
    kept = repository("GET", "tags/list").json["tags"]
    assert f"v-{second[:7]}" in kept
    assert not [tag for tag in kept if old.hex in tag or tag == f"v-{first[:7]}"]
    assert {f"sha256-{new.hex}.sig", f"sha256-{new.hex}.att"} <= set(kept)
    assert project.verify(f"{name}:v-{second[:7]}")["images"][0]["state"] == "verified"
    row = project.verify(f"{name}@{old}", code=1)["images"][0]
    assert row["reasons"] == ["no-such-image"]


def test_neither_key_nor_password_is_left_anywhere(project: Project, tmp_path: Path) -> None:
    project.commit()
    pem = (project.root / "cosign.key").read_text()
    inside = {**SIGNED, "SHIPWAY_SIGNING_KEY": pem}
    project.ship("-v", env=inside)
    project.run("ship", "--engine", project.engine, env={**inside, "SHIPWAY_KEY_PASSWORD": "wrong"}, code=2)
    project.run("report", "--format", "html")
    secrets = [PASSWORD, pem.splitlines()[1], pem.splitlines()[2]]
    kept = [path for path in (tmp_path / "state", tmp_path / "registry") for path in path.rglob("*")]
    texts = [*project.said, *(path.read_bytes().decode("latin-1") for path in kept if path.is_file())]
    assert len(texts) > 5
    for secret in secrets:
        assert not [text for text in texts if secret in text]


def test_a_key_pair_is_made_once_and_for_its_owner_alone(tmp_path: Path, engine_name: str) -> None:
    project = Project(tmp_path, "registry.example", engine_name)
    project.run("keys", "generate", code=2)
    keyed(project)
    key, public = project.root / "cosign.key", project.root / "cosign.pub"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes(), public.read_bytes()
    assert "exists" in project.run("keys", "generate", env={"SHIPWAY_KEY_PASSWORD": "y"}, code=2)
    public.unlink()
    assert "exists" in project.run("keys", "generate", env={"SHIPWAY_KEY_PASSWORD": "y"}, code=2)
    assert (key.read_bytes(), public.exists()) == (before[0], False)


def test_a_key_that_nobody_verifies_with_is_refused_before_anything_is_built(project: Project) -> None:
    project.commit()
    project.run("keys", "generate", "-o", "other", env={"SHIPWAY_KEY_PASSWORD": PASSWORD})
    wrong = {**SIGNED, "SHIPWAY_SIGNING_KEY": "other.key"}
    said = project.run("ship", "--engine", project.engine, env=wrong, code=2)
    assert "not the private half" in said
    said = project.run(
        "ship", "--engine", project.engine, env={**SIGNED, "SHIPWAY_SIGNING_KEY": "no.key"}, code=2
    )
    assert "cannot be read" in said
    assert "no such run" in project.run("status", code=2)


def test_without_evidence_nothing_is_left_and_verify_says_so(project: Project) -> None:
    commit = project.commit()
    project.ship("--no-evidence")
    row = project.verify(f"{project.registry}/shop/api:v-{commit[:7]}", code=1)["images"][0]
    assert row["reasons"] == ["unsigned", "missing-provenance"]
