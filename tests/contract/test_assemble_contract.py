"""Assemble makes what the engines make: the same file tree, modes, owners and configuration.

Each line of the table is built by Assemble and by an engine: buildah, or BuildKit in the docker daemon. They
take turns; with SHIPWAY_ASSEMBLE_ENGINES=both every line is held to both (``make contract``). Where
one is known to differ, the other one counts.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import os
import tarfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shipway.engines.assemble.builder import Assembler
from shipway.engines.table import ENGINES
from shipway.host import SystemClock, SystemHost
from shipway.oci.manifest import DOCKER_CONFIG, DOCKER_MANIFEST, Manifest
from shipway.ports import BuildRequest, Engine
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.testing.registry import running_registry
from shipway.values import Digest, Platform, Reference

pytestmark = pytest.mark.engine

AMD64 = Platform.parse("linux/amd64")
ACCEPT = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
COMPARED = (
    *("Env", "Cmd", "Entrypoint", "Labels", "User", "WorkingDir", "ExposedPorts", "Volumes", "StopSignal"),
    *("Healthcheck", "Shell", "OnBuild"),
)
# what the OCI format has no field for, and buildah therefore drops
DOCKER_ONLY = frozenset({"Healthcheck", "Shell", "OnBuild"})


@dataclass(frozen=True)
class Case:
    """A Dockerfile; ``BASE`` in it stands for the base image. ``unlike`` are the engines that differ."""

    name: str
    text: str
    unlike: frozenset[str] = frozenset()
    args: dict[str, str] = field(default_factory=dict)
    target: str | None = None


def case(name: str, text: str, unlike: str = "", target: str | None = None, **args: str) -> Case:
    return Case(name, text, frozenset(unlike.split()), args, target)


CASES = [
    case("a-file-to-the-root", "FROM scratch\nCOPY a.txt /\n"),
    case("a-file-under-another-name", "FROM scratch\nCOPY a.txt /etc/b.conf\n"),
    case("a-file-into-new-directories", "FROM scratch\nCOPY a.txt /x/y/z/\n"),
    case("two-files", "FROM scratch\nCOPY a.txt b.txt /x/\n"),
    case("json-form", 'FROM scratch\nCOPY ["with space.txt", "/x y/"]\n'),
    case("the-whole-context", "FROM scratch\nCOPY . /src/\n"),
    case("the-whole-context-to-the-root", "FROM scratch\nCOPY . .\n"),
    case("an-empty-source-is-the-context", "FROM scratch\nARG NONE\nCOPY $NONE /src/\n", unlike="buildah"),
    case("contents-of-a-directory", "FROM scratch\nCOPY dir /d\n"),
    case("contents-of-a-directory-into-one", "FROM scratch\nCOPY a.txt /d/\nCOPY dir /d/\n"),
    case("a-private-directory", "FROM scratch\nCOPY private /p\n", unlike="buildah"),
    case("above-a-private-directory", "FROM scratch\nCOPY shell /p\n"),
    case("a-directory-over-another", "FROM BASE\nCOPY shell /srv/\n"),
    case("a-subdirectory-over-one-with-another-mode", "FROM BASE\nCOPY over /\n"),
    case("trailing-dot", "FROM scratch\nCOPY dir/. /d/.\n"),
    case("dots-in-the-middle", "FROM scratch\nCOPY ./dir/../a.txt /x/../y/f\n"),
    case("above-the-context", "FROM scratch\nCOPY ../../a.txt /f\n"),
    case("wildcard", "FROM scratch\nCOPY *.txt /t/\n"),
    case("wildcard-of-directories", "FROM scratch\nCOPY di* /t/\n"),
    case("wildcard-of-everything", "FROM scratch\nCOPY * /t/\n", unlike="buildah"),
    case("wildcard-class", "FROM scratch\nCOPY [ab].t?t /t/\n"),
    case("wildcard-in-a-directory", "FROM scratch\nCOPY d*/*.txt /t/\n"),
    case("wildcard-without-a-match", "FROM scratch\nCOPY a.txt /\nCOPY nothing* /t/\n", unlike="buildah"),
    case("one-match-to-a-name", "FROM scratch\nCOPY a.t* /renamed\n"),
    case("a-link-is-followed-when-named", "FROM scratch\nCOPY link.txt /x/\n"),
    case("a-link-to-a-directory-is-followed", "FROM scratch\nCOPY linkdir /x/\n"),
    case("a-link-in-a-directory-stays", "FROM scratch\nCOPY dir /x/\n"),
    case("through-a-link", "FROM scratch\nCOPY linkdir/one.txt /x/\n"),
    case("a-matched-link-is-followed", "FROM scratch\nCOPY link.t* /x/\n"),
    case("a-file-over-a-file", "FROM scratch\nCOPY a.txt /f\nCOPY b.txt /f\n"),
    case("a-file-over-a-link-target", "FROM BASE\nCOPY a.txt /link-to-file\n", unlike="buildah"),
    case("a-file-onto-a-directory-goes-into-it", "FROM BASE\nCOPY a.txt /srv\n"),
    case("a-destination-below-a-link", "FROM BASE\nCOPY a.txt /lib/x\n"),
    case("a-destination-below-an-absolute-link", "FROM BASE\nCOPY a.txt /bin/x/y\n"),
    case("a-destination-that-is-a-link-to-a-directory", "FROM BASE\nCOPY a.txt /lib\n"),
    case("a-destination-that-is-a-dangling-link", "FROM BASE\nCOPY a.txt /data\n", unlike="buildah"),
    case("a-directory-onto-a-link", "FROM BASE\nCOPY dir /lib/\n"),
    case("keeps-the-modes-above", "FROM BASE\nCOPY a.txt /tmp/\nCOPY b.txt /home/app/b\n"),
    case("relative-to-the-workdir-of-the-base", "FROM BASE\nCOPY a.txt .\nCOPY b.txt sub/\n"),
    case("whiteouts-of-the-base", "FROM BASE\nCOPY a.txt /opt/gone\n"),
    case("chown-numbers", "FROM scratch\nCOPY --chown=12:34 dir /d/\n"),
    case("chown-one-number", "FROM scratch\nCOPY --chown=12 a.txt /d/\n"),
    case("chown-a-name", "FROM BASE\nCOPY --chown=app a.txt dir /d/\n"),
    case("chown-a-name-and-a-group", "FROM BASE\nCOPY --chown=app:staff a.txt /d/\n"),
    case("chown-a-name-and-a-number", "FROM BASE\nCOPY --chown=app:77 a.txt /home/app/deep/er/\n"),
    case("chown-root", "FROM scratch\nCOPY --chown=root a.txt /d/\n", unlike="buildah"),
    case("chown-from-an-arg", "FROM scratch\nARG WHO=5:6\nCOPY --chown=$WHO a.txt /d/\n"),
    case("chmod", "FROM scratch\nCOPY --chmod=755 a.txt /d/\n", unlike="docker"),
    case("chmod-onto-a-base", "FROM BASE\nCOPY --chmod=4711 a.txt dir /srv/\n", unlike="docker"),
    case("modes-of-files", "FROM scratch\nCOPY run.sh secret.key readonly.txt special /m/\n"),
    case("hard-links-and-holes", "FROM scratch\nCOPY hard /h/\n"),
    case("empty-directories", "FROM scratch\nCOPY dir/empty /e/\nCOPY dir /f/\n"),
    case("long-names", "FROM scratch\nCOPY long /l/\n"),
    case("names-beyond-ascii", "FROM scratch\nCOPY names /n/\n"),
    case("re-included-files", "FROM scratch\nCOPY ignored /i/\n"),
    case("ignored-files", "FROM scratch\nCOPY logs /l/\n"),
    case("add-a-file", "FROM scratch\nADD a.txt /x/\nADD dir /d\n"),
    case("workdir", "FROM scratch\nWORKDIR /a/b\nWORKDIR c\nCOPY a.txt .\n"),
    case("workdir-of-a-base", "FROM BASE\nWORKDIR sub\nCOPY a.txt ./\n"),
    case("workdir-that-is-there", "FROM BASE\nWORKDIR /home/app\n"),
    case("workdir-through-a-link", "FROM BASE\nWORKDIR /lib/deep\nCOPY a.txt .\n"),
    case("workdir-of-a-user", "FROM BASE\nUSER app\nWORKDIR /w/x\nCOPY a.txt .\n", unlike="buildah"),
    case("workdir-of-a-number", "FROM scratch\nUSER 12:34\nWORKDIR /w/x\n", unlike="buildah"),
    case("workdir-of-variables", "FROM BASE\nENV WHERE=there\nWORKDIR /$WHERE/${APP}\n", unlike="buildah"),
    case("stages", "FROM scratch AS one\nCOPY dir /d/\nFROM scratch\nCOPY --from=one /d/sub /s/\n"),
    case("a-stage-by-number", "FROM scratch\nCOPY a.txt /f\nFROM BASE\nCOPY --from=0 /f /g\n"),
    case(
        "a-stage-with-owners",
        "FROM scratch AS one\nCOPY --chown=3:4 dir /d/\n"
        "FROM scratch\nCOPY --from=one /d /e/\nCOPY --from=one / /r\n",
    ),
    case(
        "a-stage-with-wildcards",
        "FROM scratch AS one\nCOPY . /c/\nFROM scratch\nCOPY --from=one /c/*.txt /c/di[r] /o/\n",
    ),
    case(
        "a-stage-with-links",
        "FROM scratch AS one\nCOPY . /c/\nFROM scratch\nCOPY --from=one /c/link.txt /c/dir/up /o/\n",
    ),
    case("on-a-stage", "FROM BASE AS one\nENV A=1\nCOPY a.txt /x/\nFROM one\nENV B=$A\nCOPY b.txt /x/\n"),
    case("a-target", "FROM scratch AS one\nCOPY a.txt /\nFROM one AS two\nCOPY b.txt /\n", target="one"),
    case("unreached-stages", "FROM nowhere.invalid/x AS one\nRUN true\nFROM scratch\nCOPY a.txt /\n"),
    case(
        "env",
        'FROM BASE\nENV A=1 B="two words" C=$APP\nENV PATH=/own:$PATH\nENV D e f\nENV E=$A-${NONE:-x}\n',
    ),
    case("env-before-the-line", "FROM scratch\nENV A=1\nENV A=2 B=$A\nENV A=3\n"),
    case("args", "FROM scratch\nARG V=1\nARG W\nENV A=$V B=$W\nLABEL v=$V\n", V="2", W="x y"),
    case("global-args", "ARG NAME=a.txt\nFROM scratch\nARG NAME\nCOPY $NAME /\n", NAME="b.txt"),
    case(
        "platform-args",
        "FROM scratch\nARG TARGETARCH\nARG TARGETPLATFORM\nENV A=$TARGETARCH P=$TARGETPLATFORM\n",
    ),
    case("labels", 'FROM BASE\nLABEL a=1 "b c"="d e" f.g="h\\"i"\nLABEL base=changed\nLABEL x y z\n'),
    case("cmd-shell-form", "FROM scratch\nCMD echo  hello $HOME\n"),
    case("cmd-exec-form", 'FROM BASE\nCMD ["a", "b c"]\n'),
    case("entrypoint-resets-cmd", 'FROM BASE\nENTRYPOINT ["/x"]\n', unlike="buildah"),
    case("entrypoint-after-cmd", 'FROM BASE\nCMD ["c"]\nENTRYPOINT ["/x"]\n'),
    case("entrypoint-shell-form", "FROM scratch\nENTRYPOINT exec run $X\n"),
    case(
        "shell", 'FROM scratch\nSHELL ["/bin/ash", "-e", "-c"]\nCMD echo hi\nENTRYPOINT x\n', unlike="buildah"
    ),
    case("expose", "FROM BASE\nARG P=9000\nEXPOSE 80 53/udp $P\nEXPOSE 7000-7002/tcp\n", unlike="buildah"),
    case("volume", 'FROM scratch\nVOLUME /a /b\nVOLUME ["/c d", "/e"]\n'),
    case("user-and-stopsignal", "FROM scratch\nARG U=7\nUSER $U:8\nSTOPSIGNAL SIGQUIT\n"),
    case(
        "healthcheck", 'FROM scratch\nHEALTHCHECK --interval=1m30s --timeout=2s --retries=4 CMD ["x", "y"]\n'
    ),
    case(
        "healthcheck-shell-form",
        "FROM BASE\nHEALTHCHECK --start-period=500ms CMD curl -f http://x/ || exit 1\n",
    ),
    case("healthcheck-none", "FROM BASE\nHEALTHCHECK NONE\n"),
    case("onbuild", 'FROM scratch\nONBUILD COPY a.txt /\nONBUILD ENV A="b c"\n'),
    case(
        "onbuild-of-a-stage",
        "FROM scratch AS one\nONBUILD COPY a.txt /\nFROM one\nCOPY b.txt /\n",
        unlike="buildah",
    ),
    case("maintainer", "FROM BASE\nMAINTAINER Someone <some@one>\n"),
    case("metadata-alone", "FROM BASE\nLABEL only=this\n"),
    case(
        "an-escape-directive",
        "# escape=`\nFROM scratch\nENV A=`$B C=`\nd\nCOPY a.txt `\n  /x/\n",
        unlike="buildah",
    ),
]


# --- what is built from ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("context")
    before = os.umask(0o022)
    try:
        fill(root)
    finally:
        os.umask(before)
    return root


FILES = """
a.txt b.txt run.sh secret.key readonly.txt special .hidden dir/one.txt dir/two.sh dir/sub/deep.txt
private/in/f shell/private/g over/srv/new over/home/app/new hard/first logs/a.log logs/a.txt
ignored/all/keep.txt ignored/all/drop.txt
"""
MODES = {
    **{"run.sh": 0o755, "secret.key": 0o600, "readonly.txt": 0o444, "special": 0o6755, "dir/two.sh": 0o755},
    **{"private": 0o700, "shell/private": 0o2750, "over/srv": 0o711},
}


def fill(root: Path) -> None:
    for name in (*FILES.split(), "with space.txt", "names/grün ß €", "names/tab\tand\nline"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        # of different sizes, since buildah tells files apart by size and time
        (root / name).write_text(f"this is {name}\n" * (1 + ord(name[0]) % 7))
    for name, mode in MODES.items():
        (root / name).chmod(mode)
    (root / "dir/empty").mkdir()
    (root / "link.txt").symlink_to("a.txt")
    (root / "linkdir").symlink_to("/dir")
    (root / "dir/up").symlink_to("../a.txt")
    (root / "dir/nowhere").symlink_to("not/there")
    (root / "hard/second").hardlink_to(root / "hard/first")
    with (root / "hard/holes").open("wb") as file:
        file.truncate(100_000)
    deep = root / "long" / ("d" * 90) / ("e" * 90)
    deep.mkdir(parents=True)
    (deep / ("f" * 120)).write_text("deep\n")
    (deep / "link").symlink_to("t" * 150)
    (root / ".dockerignore").write_text("**/*.log\nignored\n!ignored/all/keep.txt\n")


def layer(entries: list[tuple[str, int, int, int, str]]) -> bytes:
    """A layer of path, mode, uid, gid, and content; ``/`` at the end of a path makes a directory, ``->`` at
    the start of the content a link."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, mode, uid, gid, content in entries:
            info = tarfile.TarInfo(path.rstrip("/"))
            info.mode, info.uid, info.gid, info.mtime = mode, uid, gid, 1_000_000_000
            if path.endswith("/"):
                info.type = tarfile.DIRTYPE
            elif content.startswith("->"):
                info.type, info.linkname = tarfile.SYMTYPE, content[2:]
            info.size = len(content) if info.isfile() else 0
            archive.addfile(info, io.BytesIO(content.encode()))
    return data.getvalue()


LOWER = layer(
    [
        ("bin", 0o777, 0, 0, "->/usr/bin"),
        ("lib", 0o777, 0, 0, "->usr/lib"),
        ("data", 0o777, 0, 0, "->/var/data"),
        ("usr/", 0o755, 0, 0, ""),
        ("usr/bin/", 0o755, 0, 0, ""),
        ("usr/bin/sh", 0o755, 0, 0, "shell"),
        ("usr/lib/", 0o751, 0, 3, ""),
        ("usr/lib/so", 0o644, 0, 0, "library"),
        ("etc/", 0o755, 0, 0, ""),
        ("etc/passwd", 0o644, 0, 0, "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n"),
        ("etc/group", 0o644, 0, 0, "root:x:0:\nstaff:x:50:\napp:x:1001:\n"),
        ("file", 0o600, 5, 5, "old"),
        ("link-to-file", 0o777, 0, 0, "->file"),
        ("srv/", 0o750, 7, 8, ""),
        ("srv/old", 0o640, 7, 8, "old"),
        ("tmp/", 0o1777, 0, 0, ""),
        ("var/", 0o755, 0, 0, ""),
        ("home/", 0o755, 0, 0, ""),
        ("home/app/", 0o700, 1000, 1001, ""),
        ("opt/", 0o755, 0, 0, ""),
        ("opt/gone/", 0o700, 9, 9, ""),
        ("opt/gone/inside", 0o644, 9, 9, "inside"),
    ]
)
UPPER = layer([("opt/", 0o755, 0, 0, ""), ("opt/.wh.gone", 0o644, 0, 0, ""), ("srv/", 0o750, 7, 8, "")])
BASE_CONFIG = {
    "Env": ["PATH=/usr/bin", "APP=base"],
    "Cmd": ["/bin/sh"],
    "Labels": {"base": "yes", "kept": "yes"},
    "WorkingDir": "/srv",
    "ExposedPorts": {"1/tcp": {}},
    "Healthcheck": {"Test": ["CMD", "old"], "Interval": 5_000_000_000},
}


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    with running_registry() as serving:
        yield serving.address


@pytest.fixture(scope="module")
def base(registry: str) -> Reference:
    return asyncio.run(push_base(Reference(registry, "fleet/base"), [LOWER, UPPER], BASE_CONFIG))


async def push_base(at: Reference, layers: list[bytes], config: dict[str, Any]) -> Reference:
    document = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2020-01-01T00:00:00Z",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(each)) for each in layers]},
        "history": [{"created": "2020-01-01T00:00:00Z", "created_by": "by hand"} for _ in layers],
    }
    data = json.dumps(document).encode()
    packed = [gzip.compress(each, mtime=0) for each in layers]
    async with client(at.registry) as registry:
        for blob in (*packed, data):
            await registry.put_blob(at, blob)
        body = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": {"mediaType": DOCKER_CONFIG, "digest": str(Digest.of(data)), "size": len(data)},
            "layers": [
                {
                    "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                    "digest": str(Digest.of(each)),
                    "size": len(each),
                }
                for each in packed
            ],
        }
        manifest = Manifest(DOCKER_MANIFEST, json.dumps(body).encode())
        await registry.put_manifest(at.with_tag("1"), manifest)
    return at.with_digest(manifest.digest)


def client(address: str) -> RegistryClient:
    return RegistryClient(RegistryConfig(plain_http=frozenset({address})), SystemClock())


# --- what is compared -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """An image as a container would see it: what stands at each path, and the configuration."""

    files: dict[str, tuple[object, ...]]
    config: dict[str, Any]


def look(reference: Reference) -> Seen:
    manifest = json.loads(get(reference, f"manifests/{reference.digest or reference.tag}"))
    files: dict[str, tuple[object, ...]] = {}
    for each in manifest["layers"]:
        lay(files, gzip.decompress(get(reference, f"blobs/{each['digest']}")))
    config = json.loads(get(reference, f"blobs/{manifest['config']['digest']}"))
    assert len(config["rootfs"]["diff_ids"] or ()) == len(manifest["layers"])
    return Seen(files, config["config"])


def get(reference: Reference, path: str) -> bytes:
    url = f"http://{reference.registry}/v2/{reference.repository}/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": ACCEPT})) as answer:
        data: bytes = answer.read()
    return data


def lay(files: dict[str, tuple[object, ...]], data: bytes) -> None:
    """Unpack one layer over the others, on paper."""
    with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as archive:
        members = [(each.name.removeprefix("./").strip("/"), each) for each in archive]
        for path, _ in members:
            directory, _, name = path.rpartition("/")
            if name.startswith(".wh."):
                remove(files, f"{directory}/{name.removeprefix('.wh.')}".lstrip("/"))
        for path, member in members:
            if not path or path == "." or path.rpartition("/")[2].startswith(".wh."):
                continue
            seen = describe(archive, member)
            if seen[0] != "dir":
                remove(files, path)
            files[path] = seen


def remove(files: dict[str, tuple[object, ...]], path: str) -> None:
    for each in [each for each in files if each == path or each.startswith(f"{path}/")]:
        del files[each]


def describe(archive: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[object, ...]:
    if member.issym():
        return ("link", member.linkname, member.uid, member.gid)
    if member.isdir():
        return ("dir", oct(member.mode & 0o7777), member.uid, member.gid)
    content = archive.extractfile(member)
    assert content is not None
    digest = hashlib.sha256(content.read()).hexdigest()[:12]
    return ("file", oct(member.mode & 0o7777), member.uid, member.gid, digest)


def files_for(engine: str, seen: Seen) -> dict[str, tuple[object, ...]]:
    """The files, for buildah without setuid and its like, which it drops."""
    if engine != "buildah":
        return seen.files
    plain = {}
    for path, (kind, second, *rest) in seen.files.items():
        mode = second if kind == "link" else oct(int(str(second), 8) & 0o777)
        plain[path] = (kind, mode, *rest)
    return plain


def compared(config: dict[str, Any], engine: str) -> dict[str, Any]:
    fields = [name for name in COMPARED if engine != "buildah" or name not in DOCKER_ONLY]
    found = {name: config[name] for name in fields if config.get(name)}
    if engine == "buildah":
        found["Env"] = sorted(found.get("Env", ()))
    labels = {k: v for k, v in found.get("Labels", {}).items() if k != "io.buildah.version"}
    found["Labels"] = labels
    if engine == "buildah" and found.get("WorkingDir") == "/":
        del found["WorkingDir"]
    return found


# --- the builders ---------------------------------------------------------------------------------


def request_of(made: Case, context: Path, base: Reference) -> BuildRequest:
    ignore = context / ".dockerignore"
    return BuildRequest(
        "case",
        made.text.replace("BASE", str(base)).encode(),
        context,
        AMD64,
        ignore=ignore.read_bytes() if ignore.exists() else None,
        args=made.args,
        target=made.target,
        registries_plain=frozenset({base.registry}),
    )


def assembled(request: BuildRequest, registry: str, state: Path, repository: str) -> Reference:
    async def build() -> Reference:
        async with client(registry) as to:
            builder = Assembler(to, AMD64, state)
            at = Reference(registry, repository)
            return (await builder.build(request, at, at, lambda line: None)).at

    return asyncio.run(build())


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest, container_storage: Path) -> Engine:
    if request.param == "docker":
        request.getfixturevalue("docker_daemon")
    else:
        request.getfixturevalue("require_tool")(request.param)
    found = ENGINES[request.param](SystemHost())
    asyncio.run(found.probe())
    return found


def built(engine: Engine, request: BuildRequest, at: Reference) -> Reference:
    lines: list[str] = []

    async def build() -> Reference:
        image = await engine.build(request, lines.append)
        await engine.push(image, at.with_tag("1"), lines.append)
        await engine.remove(image)
        return at.with_tag("1")

    return asyncio.run(build())


def rounds() -> Iterator[Any]:
    """Which engine each line is held to."""
    both = os.environ.get("SHIPWAY_ASSEMBLE_ENGINES") == "both"
    for number, made in enumerate(CASES):
        able = [name for name in ("buildah", "docker") if name not in made.unlike]
        for name in able if both else able[number % len(able) :][:1]:
            # one daemon of docker's serves them all; what buildah builds may run beside it
            marks = [pytest.mark.xdist_group("docker")] if name == "docker" else []
            yield pytest.param(name, made, id=f"{name}-{made.name}", marks=marks)


@pytest.mark.parametrize(("engine", "made"), list(rounds()), indirect=["engine"])
def test_it_is_what_an_engine_makes(
    made: Case, engine: Engine, context: Path, base: Reference, registry: str, tmp_path: Path
) -> None:
    request = request_of(made, context, base)
    ours = look(assembled(request, registry, tmp_path, f"ours/{made.name}"))
    theirs = look(built(engine, request, Reference(registry, f"{engine.name}/{made.name}")))
    assert files_for(engine.name, ours) == files_for(engine.name, theirs)
    assert compared(ours.config, engine.name) == compared(theirs.config, engine.name)
