"""BuildKit through buildctl and buildx: command lines, and what the real ones (0.32, 0.29) answered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from shipway.engines.buildkit.builder import BuildKitBuilder
from shipway.engines.buildkit.clients import Buildctl, Buildx, Client, Creation, Tls
from shipway.engines.buildkit.config import Registries
from shipway.errors import BuildFailed, EngineError, EngineMissing
from shipway.fleet.model import Attest
from shipway.host import SystemHost
from shipway.oci.manifest import OCI_INDEX, OCI_MANIFEST, Manifest
from shipway.ports import BuildRequest, Built, Completed
from shipway.testing.memory_registry import MemoryRegistry
from shipway.values import Digest, Platform, Reference

AMD = Platform("linux", "amd64")
STAGED = Reference("127.0.0.1:5000", "shop/api")
DESTINATION = Reference("r.example", "shop/api")
DIGEST = Digest.of(b"image")
REQUEST = BuildRequest("api", b"FROM scratch\nCOPY a /a\n", None, AMD)
WORKERS = json.dumps(
    [
        {
            "id": "vsrxwy689pyieu86x6j644rol",
            "platforms": [
                {"architecture": "arm64", "os": "linux"},
                {"architecture": "arm", "os": "linux", "variant": "v7"},
            ],
            "buildkitVersion": {"package": "github.com/moby/buildkit", "version": "v0.32.2"},
        }
    ]
)
LISTED = "\n".join(
    json.dumps(line)
    for line in (
        {"Name": "default", "Driver": "docker", "Err": "Cannot connect to the Docker daemon", "Nodes": None},
        {
            "Name": "box",
            "Driver": "remote",
            "Nodes": [{"Name": "box0", "Platforms": ["linux/arm64*", "linux/386"], "Version": "v0.32.2"}],
        },
    )
)


def metadata(kind: str = OCI_MANIFEST, digest: Digest = DIGEST) -> dict[str, Any]:
    described = {"mediaType": kind, "digest": str(digest), "size": 838}
    return {"containerimage.descriptor": described, "containerimage.digest": str(digest), "image.name": "x"}


@dataclass
class RecordedBuildKit(SystemHost):
    """A machine with buildctl and buildx that answer as they did once. ``installed`` are its programs,
    ``written`` goes into the metadata file, ``codes`` and ``errors`` are by a word of the command line."""

    installed: tuple[str, ...] = ("buildctl", "docker")
    written: object = field(default_factory=metadata)
    codes: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    started: list[tuple[str, ...]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def which(self, program: str) -> str | None:
        return f"/usr/bin/{program}" if program in self.installed else None

    async def run(self, argv: Sequence[str], **how: Any) -> Completed:
        self.started.append(tuple(argv))
        self.environment |= how.get("env") or {}
        for option in ("--metadata-file", "--buildkitd-config"):
            if option in argv:
                file = Path(argv[argv.index(option) + 1])
                if option == "--metadata-file" and self.written is not None:
                    file.write_text(json.dumps(self.written))
                if option == "--buildkitd-config":
                    self.texts.append(file.read_text())
        out = WORKERS if "workers" in argv else LISTED if "ls" in argv else ""
        word = next((word for word in argv if word in self.codes), "")
        for line in self.errors.get(word, "").splitlines():
            if how.get("on_line"):
                how["on_line"](line)
        return Completed(tuple(argv), self.codes.get(word, 0), out, self.errors.get(word, ""))

    def build(self) -> tuple[str, ...]:
        """The command line of the one build."""
        (found,) = (argv for argv in self.started if "build" in argv)
        return found


def values(argv: Sequence[str], option: str) -> list[str]:
    return [argv[place + 1] for place, word in enumerate(argv) if word == option]


def buildctl(host: RecordedBuildKit, **how: Any) -> BuildKitBuilder:
    return BuildKitBuilder("arm", host, Buildctl(host, "tcp://arm:1234"), MemoryRegistry(), **how)


def buildx(host: RecordedBuildKit, **how: Any) -> BuildKitBuilder:
    return BuildKitBuilder("box", host, Buildx(host, "box"), MemoryRegistry(), **how)


async def build(builder: BuildKitBuilder, request: BuildRequest = REQUEST) -> Built:
    return await builder.build(request, STAGED, DESTINATION, lambda _: None)


@pytest.mark.parametrize("make", [buildctl, buildx], ids=["buildctl", "buildx"])
async def test_an_image_is_pushed_by_digest_to_its_destination(make: Any) -> None:
    host = RecordedBuildKit()
    built = await build(make(host))
    assert built.at == DESTINATION.with_digest(DIGEST)
    assert (built.descriptor.digest, built.descriptor.size) == (str(DIGEST), 838)
    assert built.tool == "buildkit v0.32.2"
    (output,) = values(host.build(), "--output")
    assert output == (
        "type=image,name=r.example/shop/api,push=true,push-by-digest=true,name-canonical=true,oci-mediatypes=true"
    )
    assert "--tag" not in host.build()
    assert host.environment["BUILDX_NO_DEFAULT_ATTESTATIONS"] == "1"


async def test_a_daemon_of_this_machine_pushes_to_staging_and_takes_bases_from_there() -> None:
    host = RecordedBuildKit()
    builder = buildctl(host, sees_staging=True)
    assert (await build(builder)).at.registry == STAGED.registry
    assert builder.bases_from == "staging"
    assert buildctl(host).bases_from == "destination"
    assert "registry.insecure=true" in values(host.build(), "--output")[0]


@pytest.mark.parametrize("field", ["registries_plain", "registries_insecure"])
async def test_a_destination_without_a_certificate_to_check_is_pushed_to_all_the_same(field: str) -> None:
    host = RecordedBuildKit()
    await build(buildx(host), replace(REQUEST, **{field: frozenset({"r.example"})}))
    assert "registry.insecure=true" in values(host.build(), "--output")[0]


FULL = replace(
    REQUEST,
    target="final",
    args={"A": "1 2"},
    labels={"x.y": "z=1"},
    contexts={"assets": "/srv/assets", "tools": "docker-image://r.example/tools@sha256:1"},
    epoch=1_700_000_000,
    cache_from=("r.example/cache:api",),
    cache_to=("type=gha,scope=api",),
    attest=Attest("max", sbom=True),
    authorities={"r.example": Path("/ca.pem")},
)


async def test_every_part_of_a_request_reaches_buildctl() -> None:
    host = RecordedBuildKit()
    await build(buildctl(host), FULL)
    argv = host.build()
    assert argv[:3] == ("buildctl", "--addr", "tcp://arm:1234")
    assert set(values(argv, "--opt")) == {
        *("filename=Dockerfile", "platform=linux/amd64", "target=final", "build-arg:A=1 2", "label:x.y=z=1"),
        *("context:assets=local:named-0", "context:tools=docker-image://r.example/tools@sha256:1"),
        *("build-arg:SOURCE_DATE_EPOCH=1700000000", "attest:provenance=mode=max", "attest:sbom="),
    }
    assert "named-0=/srv/assets" in values(argv, "--local")
    assert values(argv, "--import-cache") == ["type=registry,ref=r.example/cache:api"]
    assert values(argv, "--export-cache") == ["type=gha,scope=api"]
    assert values(argv, "--registry-auth-tlscontext") == ["host=https://r.example,ca=/ca.pem"]
    assert "rewrite-timestamp=true" in values(argv, "--output")[0]
    assert "--no-cache" not in argv


async def test_every_part_of_a_request_reaches_buildx() -> None:
    host = RecordedBuildKit()
    await build(buildx(host), FULL)
    argv = host.build()
    assert argv[:5] == ("docker", "buildx", "build", "--builder", "box")
    assert values(argv, "--build-arg") == ["SOURCE_DATE_EPOCH=1700000000", "A=1 2"]
    assert values(argv, "--build-context") == [f"{name}={value}" for name, value in FULL.contexts.items()]
    assert values(argv, "--cache-from") == ["type=registry,ref=r.example/cache:api"]
    assert values(argv, "--cache-to") == ["type=gha,scope=api"]
    assert (values(argv, "--provenance"), values(argv, "--sbom")) == (["mode=max"], ["true"])
    assert values(argv, "--label") == ["x.y=z=1"]


@pytest.mark.parametrize("make", [buildctl, buildx], ids=["buildctl", "buildx"])
async def test_nothing_of_earlier_builds_is_used_when_that_is_asked_for(make: Any) -> None:
    host = RecordedBuildKit()
    await build(make(host), replace(REQUEST, cached=False))
    assert host.build().count("--no-cache") == 1


async def test_attestations_are_kept_apart_from_the_image_they_are_about() -> None:
    image = {"mediaType": OCI_MANIFEST, "digest": str(DIGEST), "size": 838}
    about = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": str(DIGEST)}
    attestation = {
        **{"mediaType": OCI_MANIFEST, "digest": str(Digest.of(b"attestation")), "size": 836},
        **{"annotations": about, "platform": {"architecture": "unknown", "os": "unknown"}},
    }
    children = [{**image, "platform": {"architecture": "amd64", "os": "linux"}}, attestation]
    index = Manifest(OCI_INDEX, json.dumps({"schemaVersion": 2, "manifests": children}).encode())

    class Held(MemoryRegistry):
        async def manifest(self, reference: Reference) -> Manifest:
            assert reference == DESTINATION.with_digest(index.digest)
            return index

    host = RecordedBuildKit(written=metadata(OCI_INDEX, index.digest))
    built = await build(BuildKitBuilder("arm", host, Buildctl(host, "unix:///b"), Held()))
    assert built.at == DESTINATION.with_digest(DIGEST)
    assert built.descriptor.media_type == OCI_MANIFEST
    assert [each.annotations for each in built.attestations] == [about]


# --- secrets --------------------------------------------------------------------------------------

SECRET = replace(REQUEST, args={"TOKEN": "hush-hush"}, secret_args=frozenset({"TOKEN"}), attest=Attest("max"))


async def test_a_secret_arg_is_in_the_environment_of_buildx_alone() -> None:
    host = RecordedBuildKit()
    text = b"FROM scratch AS one\nARG TOKEN\nRUN x\nFROM scratch\nCOPY --from=one /a /a\n"
    await build(buildx(host), replace(SECRET, dockerfile=text))
    assert values(host.build(), "--build-arg") == ["TOKEN"]
    assert host.environment["TOKEN"] == "hush-hush"
    assert values(host.build(), "--provenance") == ["mode=min"]  # max tells the values of args
    assert not any("hush" in word for argv in host.started for word in argv)


async def test_a_secret_arg_is_refused_where_it_would_be_shown() -> None:
    host = RecordedBuildKit()
    with pytest.raises(BuildFailed, match="buildctl shows build args"):
        await build(buildctl(host), SECRET)
    text = b"FROM scratch AS one\nARG TOKEN=x\nRUN x\nFROM one\nRUN y\n"
    with pytest.raises(BuildFailed, match="TOKEN would stay in the history"):
        await build(buildx(host), replace(SECRET, dockerfile=text))
    assert not any("build" in argv for argv in host.started)


# --- who answers ----------------------------------------------------------------------------------


async def test_platforms_are_what_the_daemon_says_unless_the_fleet_file_does() -> None:
    host = RecordedBuildKit()
    assert await buildctl(host).platforms() == (Platform("linux", "arm64"), Platform("linux", "arm", "v7"))
    assert await buildx(host).platforms() == (Platform("linux", "arm64"), Platform("linux", "386"))
    assert await buildctl(host, platforms=(AMD,)).platforms() == (AMD,)


async def test_the_files_of_tls_are_named_to_buildctl() -> None:
    host = RecordedBuildKit()
    tls = Tls(Path("/ca"), Path("/cert"), Path("/key"), "name.example")
    await Buildctl(host, "tcp://a", tls).daemon()
    assert host.started[0][3:11] == (
        *("--tlscacert", "/ca", "--tlscert", "/cert", "--tlskey", "/key", "--tlsservername", "name.example"),
    )


@pytest.mark.parametrize(
    ("client", "word", "who"),
    [
        (Buildctl, "debug", "the BuildKit at box does not answer"),
        (Buildx, "inspect", "the buildx builder box does not answer"),
    ],
    ids=["buildctl", "buildx"],
)
async def test_a_daemon_that_is_silent_is_named_with_its_clients_last_word(
    client: Any, word: str, who: str
) -> None:
    host = RecordedBuildKit(codes={word: 1}, errors={word: "context\nerror: dial tcp: connection refused"})
    with pytest.raises(EngineMissing, match=who) as caught:
        await client(host, "box").daemon()
    assert caught.value.cause == "error: dial tcp: connection refused"


async def test_a_builder_that_buildx_does_not_list_is_missing() -> None:
    with pytest.raises(EngineMissing, match="the buildx builder other"):
        await Buildx(RecordedBuildKit(), "other").daemon()


@pytest.mark.parametrize("client", [Buildctl, Buildx], ids=["buildctl", "buildx"])
async def test_a_client_that_is_not_installed_is_named(client: Any) -> None:
    made: Client = client(RecordedBuildKit(installed=()), "box")
    with pytest.raises(EngineMissing, match="is not installed"):
        await made.daemon()


async def test_buildx_without_docker_will_do() -> None:
    host = RecordedBuildKit(installed=("docker-buildx",))
    await build(buildx(host))
    assert host.build()[:2] == ("docker-buildx", "build")


@pytest.mark.parametrize("written", [None, {}, {"containerimage.descriptor": 5}, []])
async def test_a_build_that_does_not_tell_its_digest_is_an_error(written: object) -> None:
    with pytest.raises(EngineError, match="did not tell what it pushed"):
        await build(buildctl(RecordedBuildKit(written=written)))


async def test_a_build_that_fails_is_explained_as_every_engines_are() -> None:
    error = "ERROR: failed to push r.example/shop/api: x509: certificate signed by unknown authority"
    host = RecordedBuildKit(codes={"build": 1}, errors={"build": error})
    with pytest.raises(BuildFailed, match="buildkit could not build api") as caught:
        await build(buildctl(host))
    assert "certificate of a registry is not trusted" in str(caught.value.cause)


# --- how registries are reached -------------------------------------------------------------------


def test_registries_become_a_buildkitd_toml(tmp_path: Path) -> None:
    import tomllib

    file = tmp_path / 'ca "1".pem'
    file.write_text("pem")
    known = Registries(
        frozenset({"p.example:5000"}), frozenset({"i.example"}), {"c.example": file, "i.example": file}
    )
    assert tomllib.loads(known.toml())["registry"] == {
        "p.example:5000": {"http": True},
        "i.example": {"insecure": True, "ca": [str(file)]},
        "c.example": {"ca": [str(file)]},
    }
    assert Registries().toml() == ""


async def test_a_builder_is_made_once_for_the_registries_it_is_to_reach(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("one")
    creation = Creation("docker-container", Registries(authorities={"r.example": file}))
    host = RecordedBuildKit(codes={"inspect": 1})
    with pytest.raises(EngineMissing):  # the recorded buildx does not know it afterwards either
        await Buildx(host, "shipway", creation).daemon()
    (argv,) = (argv for argv in host.started if "create" in argv)
    name = values(argv, "--name")[0]
    assert name.startswith("shipway-")
    assert values(argv, "--driver") == ["docker-container"]
    assert host.texts == [creation.registries.toml()]

    host = RecordedBuildKit()
    with pytest.raises(EngineMissing):
        await Buildx(host, "shipway", creation).daemon()
    assert not any("create" in argv for argv in host.started)

    file.write_text("another authority under the same name")
    assert Buildx(host, "shipway", creation).name != name
