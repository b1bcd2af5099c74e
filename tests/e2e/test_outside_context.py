"""What lies outside of a build context gets neither into a fingerprint nor into an image of a real engine."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

CANARY = "canary-of-the-machine"


def shipway(root: Path, *arguments: str) -> str:
    where = ["-C", str(root / "repo"), "--state", str(root / "state")]
    argv = [sys.executable, "-m", "shipway", *arguments, *where]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def layers(state: Path) -> dict[str, tarfile.TarInfo]:
    """The entries of all layers in the embedded registry; none of its blobs holds the canary."""
    found: dict[str, tarfile.TarInfo] = {}
    for blob in (state / "registry/blobs/sha256").iterdir():
        data = blob.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        assert CANARY.encode() not in data
        if data[257:262] == b"ustar":
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                found.update({entry.name.strip("/"): entry for entry in archive})
    return found


def test_a_link_that_leads_out_is_copied_as_a_link_and_what_it_leads_to_counts_nowhere(
    tmp_path: Path, engine_name: str
) -> None:
    (tmp_path / "secret").write_text(CANARY)
    context, shared = tmp_path / "repo/app", tmp_path / "repo/shared"
    for directory in (context / "src", shared / "lib"):
        directory.mkdir(parents=True)
        (directory / "file").write_text("inside")
        (directory / "out").symlink_to("../../../secret")
    (context / "Dockerfile").write_text("FROM scratch\nCOPY src /src\nCOPY --from=shared lib /lib\n")
    (tmp_path / "repo/shipway.yaml").write_text(
        'tag: "1"\nimages:\n  app: {context: app, contexts: {shared: shared}}\n'
    )
    shipway(tmp_path, "ship", "--engine", engine_name)
    entries = layers(tmp_path / "state")
    for name in ("src/out", "lib/out"):
        assert entries[name].issym()
        assert entries[name].linkname == "../../../secret"

    (tmp_path / "secret").write_text("something else")
    explained = json.loads(shipway(tmp_path, "plan", "--explain", "app", "--json"))
    assert explained["action"] == "reuse"
    files = {each["name"]: each["now"] for each in explained["inputs"] if each["kind"] == "file"}
    assert files["src/out"] == files["shared:lib/out"] == "link:../../../secret"
