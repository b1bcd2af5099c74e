"""What of its contexts a build reads, and how it gets to another machine and becomes files there."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from shipway.errors import Mismatch, NotFound
from shipway.oci.manifest import OCI_LAYER_GZIP, Descriptor
from shipway.ports import BuildRequest, Registry
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.testing.clock import FixedClock
from shipway.testing.registry import running_registry
from shipway.values import Digest, Platform, Reference
from shipway.workers.gather import contents
from shipway.workers.parcel import MAIN, Context
from shipway.workers.shelf import Shelf
from shipway.workers.unpack import unpack

AMD64 = Platform.parse("linux/amd64")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    for path in ("src/main.py", "src/deep/part.py", "docs/page.md", "notes.log", "Dockerfile"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    (root / "src" / "link").symlink_to("main.py")
    (root / "src" / "empty").mkdir()
    return root


def sent(
    context: Path, text: str, *, whole: bool = False, ignore: bytes | None = None
) -> dict[str, list[str]]:
    request = BuildRequest("api", text.encode(), context, AMD64, ignore=ignore)
    return {name: [path for path, _ in entries] for name, entries in contents(request).entries(whole=whole)}


def test_only_what_is_read_travels_with_the_directories_above_it(context: Path) -> None:
    text = "FROM scratch AS unused\nCOPY docs /\nFROM scratch\nCOPY src/main.py src/deep /app/\n"
    assert sent(context, text) == {MAIN: ["src", "src/deep", "src/deep/part.py", "src/main.py"]}


def test_ignored_files_do_not_travel_with_the_rest(context: Path) -> None:
    found = sent(context, "FROM scratch\nCOPY . /\n", ignore=b"*.log\nsrc/deep\n")[MAIN]
    assert found == ["Dockerfile", "docs", "docs/page.md", "src", "src/empty", "src/link", "src/main.py"]


@pytest.mark.parametrize(
    "text",
    [
        "FROM alpine\nCOPY src/deep$WHERE /\n",
        "FROM alpine\nARG BUILDARCH\nCOPY src/$BUILDARCH* /\n",
    ],
    ids=["variable of the base", "platform of the builder"],
)
def test_all_travels_where_nobody_here_can_tell_what_is_read(context: Path, text: str) -> None:
    assert "docs/page.md" in sent(context, text)[MAIN]


def test_a_base_with_triggers_gets_all_that_is_not_ignored(context: Path) -> None:
    found = sent(context, "FROM alpine\n", whole=True, ignore=b"docs\n")[MAIN]
    assert "src/main.py" in found
    assert "docs/page.md" not in found


def test_named_contexts_travel_by_their_names_and_images_do_not(context: Path) -> None:
    request = BuildRequest(
        "api",
        b"FROM scratch\nCOPY --from=pages page.md /\nCOPY --from=tool /x /\n",
        None,
        AMD64,
        contexts={"pages": str(context / "docs"), "tool": "docker-image://alpine"},
    )
    found = {name: [path for path, _ in each] for name, each in contents(request).entries(whole=False)}
    assert found == {"pages": ["page.md"]}


# --- through the registry ---------------------------------------------------------------------


@pytest.fixture
def address() -> Iterator[str]:
    with running_registry() as registry:
        yield registry.address


@pytest.fixture
def registry() -> Registry:
    return RegistryClient(RegistryConfig(), FixedClock())


def entries(context: Path) -> dict[str, tuple[tuple[str, object], ...]]:
    request = BuildRequest("api", b"FROM scratch\nCOPY src /\n", context, AMD64)
    return dict(contents(request).entries(whole=False))  # type: ignore[arg-type]


async def test_files_come_out_as_they_went_in(
    context: Path, address: str, registry: Registry, tmp_path: Path
) -> None:
    (context / "src" / "main.py").chmod(0o755)
    (context / "src" / "deep").chmod(0o500)
    shelf = Shelf(registry, None, tmp_path / "scratch")
    put = await shelf.put(entries(context)[MAIN], Reference.parse(f"{address}/shop/api"))  # type: ignore[arg-type]
    assert put.held_by.name == f"{address}/shop/shipway-contexts"
    await unpack(registry, put, tmp_path / "there" / "0", 1000)
    there = tmp_path / "there" / "0" / "src"
    assert (there / "deep" / "part.py").read_text() == "src/deep/part.py"
    assert str((there / "link").readlink()) == "main.py"
    assert (there / "empty").is_dir()
    modes = {path: oct((there / path).stat().st_mode & 0o777) for path in ("main.py", "deep", "deep/part.py")}
    assert modes == {"main.py": "0o755", "deep": "0o500", "deep/part.py": "0o644"}
    assert {path.lstat().st_mtime for path in (there, *there.rglob("*"))} == {1000}
    await registry.close()


async def test_the_same_files_are_pushed_once_and_taken_away_at_the_end(
    context: Path, address: str, registry: Registry, tmp_path: Path
) -> None:
    destination = Reference.parse(f"{address}/api")
    first, second = (Shelf(registry, None, tmp_path / name) for name in ("one", "two"))
    put = await first.put(entries(context)[MAIN], destination)  # type: ignore[arg-type]
    os.utime(context / "src" / "main.py", (1, 1))
    assert await second.put(entries(context)[MAIN], destination) == put  # type: ignore[arg-type]
    assert put.held_by.name == f"{address}/shipway-contexts"
    await second.finish()
    assert await registry.head(put.held_by) is not None, "it was not this one that put it there"
    await first.finish()
    assert await registry.head(put.held_by) is None
    assert not await registry.has_blob(put.held_by, put.descriptor.parsed_digest)
    with pytest.raises(NotFound):
        await unpack(registry, put, tmp_path / "there", 0)
    await registry.close()


@pytest.mark.parametrize(
    "names",
    [["../out"], ["/etc/passwd"], ["a/../../out"], ["link", "link/out"], ["missing/file"]],
    ids=["above", "root", "dots", "through a link", "no directory"],
)
async def test_archives_that_lead_out_of_their_directory_are_refused(
    names: list[str], address: str, registry: Registry, tmp_path: Path
) -> None:
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as members:
        for name in names:
            member = tarfile.TarInfo(name)
            if name == "link":
                member.type, member.linkname = tarfile.SYMTYPE, str(tmp_path)
            members.addfile(member)
    repository = Reference.parse(f"{address}/contexts")
    blob = await registry.put_blob(repository, archive.getvalue())
    layer = Descriptor(OCI_LAYER_GZIP, blob.digest, blob.size)
    held = Context(repository.with_digest(Digest.of(b"")), layer)
    with pytest.raises(Mismatch):
        await unpack(registry, held, tmp_path / "there" / "0", 0)
    assert not (tmp_path / "out").exists() and not (tmp_path / "there" / "out").exists()
    await registry.close()


def test_modes_of_a_careless_umask_are_those_of_an_ordinary_checkout(context: Path) -> None:
    (context / "src" / "main.py").chmod(0o664)
    request = BuildRequest(
        "api", b"FROM scratch\nCOPY src/main.py /\n", context, AMD64, dockerfile_mode=0o664
    )
    plain = replace(request, dockerfile_mode=0o644)
    nodes = dict(dict(contents(request).entries(whole=False))[MAIN])
    assert nodes["src/main.py"].mode == 0o644
    assert dict(dict(contents(plain).entries(whole=False))[MAIN])["src/main.py"].mode == 0o664
