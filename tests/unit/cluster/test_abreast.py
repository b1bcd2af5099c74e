"""What ledger, git and cluster say of an image, and where two of them differ."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from shipway.errors import ClusterNotFound
from shipway.flows.abreast import Known, Row, look
from shipway.flows.promote.publish import Snapshot
from shipway.flows.wait.targets import Promotion
from shipway.gitops.kubernetes import CRON_JOB, DEPLOYMENT, POD, Kind, Name, Object
from shipway.ports import Branch, Delivery
from shipway.values import Reference

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
REPOSITORY = "ghcr.io/shop/api"
AT = datetime(2026, 11, 21, tzinfo=UTC)


class Objects:
    """A cluster that holds these objects, and serves no CronJobs."""

    name = "prod"

    def __init__(self, things: Mapping[Kind, Sequence[Object]]) -> None:
        self._things = things

    async def version(self, kind: Kind) -> str | None:
        return "v1"

    async def get(self, name: Name) -> Object | None:
        return None

    async def list(
        self, kind: Kind, namespace: str | None = None, *, fields: Mapping[str, str] | None = None
    ) -> Sequence[Object]:
        if kind == CRON_JOB:
            raise ClusterNotFound("prod does not serve CronJob.batch", status=404)
        return self._things.get(kind, ())

    async def merge_patch(self, name: Name, patch: Object) -> Object:
        return {}

    async def watch(self, kind: Kind, namespace: str | None = None) -> AsyncIterator[Mapping[Name, Object]]:
        yield {}

    async def close(self) -> None:
        pass


class Files:
    """A repository with these files at its tip."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def search(self, branch: Branch, commit: str, texts: Sequence[str], below: str = "") -> tuple[str, ...]:
        return tuple(path for path, text in self._files.items() if any(each in text for each in texts))

    def read(self, branch: Branch, commit: str, path: str) -> bytes:
        return self._files[path].encode()


def snapshot(files: Mapping[str, str], tmp: Any) -> Snapshot:
    return Snapshot(Files(files), Branch("fleet", tmp, "main", "main"), "c" * 40)  # type: ignore[arg-type]


def delivery(tag: str, digest: str) -> Delivery:
    return Delivery("api", "f", f"{REPOSITORY}:{tag}", digest, ("linux/amd64",), 1, 1.0, AT, 1)


def promotion(tag: str, digest: str, *, pushed: bool = True) -> Promotion:
    reference = Reference.parse(f"{REPOSITORY}:{tag}@{digest}")
    return Promotion(2, "api", "https://git.example/fleet", "main", "c" * 40, (), reference, pushed)


def workload(tag: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "main", "image": f"{REPOSITORY}:{tag}"}]}
    return {
        "metadata": {"name": "api", "namespace": "shop", "generation": 1},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": {"spec": spec}},
        "status": {
            "observedGeneration": 1,
            "replicas": 1,
            "updatedReplicas": 1,
            "availableReplicas": 1,
            "conditions": [{"type": "Available", "status": "True"}],
        },
    }


def pod(tag: str, digest: str) -> dict[str, Any]:
    status = {"name": "main", "imageID": f"{REPOSITORY}@{digest}"}
    owner = {"kind": "ReplicaSet", "name": "api"}
    return {
        "metadata": {"name": "p", "namespace": "shop", "labels": {"a": "b"}, "ownerReferences": [owner]},
        "spec": {"containers": [{"name": "main", "image": f"{REPOSITORY}:{tag}"}]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def manifest(tag: str) -> str:
    above = "kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n"
    return f"{above}      - image: {REPOSITORY}:{tag}\n"


async def compare(
    tmp: Any,
    *,
    built: tuple[str, str] = ("1", ONE),
    promoted: Promotion | None = None,
    git: str | None = "1",
    runs: tuple[str, str] | None = ("1", ONE),
) -> Row:
    things = {DEPLOYMENT: [workload(runs[0])], POD: [pod(*runs)]} if runs else {}
    files = {"a.yaml": manifest(git), "notes.md": REPOSITORY} if git else {}
    known = Known(
        [delivery(*built)], [promoted] if promoted else [], [snapshot(files, tmp)] if git else [], {}
    )
    found = await look(known, Objects(things), None)
    assert found.context == "prod"
    assert found.notes == ("prod does not serve CronJob.batch",)
    return found.rows[0]


P1 = promotion("1", ONE)
ROWS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "abreast": ({"promoted": P1}, []),
    "abreast without git": ({"promoted": P1, "git": None}, []),
    "built anew": ({"built": ("2", TWO), "promoted": P1}, ["built 2 is not promoted, 1 is"]),
    "never promoted": ({}, ["never promoted from here"]),
    "not pushed": (
        {"promoted": promotion("1", ONE, pushed=False)},
        ["the promotion is commit cccccccccccc, not pushed"],
    ),
    "reverted in git": (
        {"promoted": P1, "git": "0", "runs": ("0", TWO)},
        ["a.yaml:6 names 0"],
    ),
    "one digest under another tag": ({"promoted": P1, "git": f"9@{ONE}", "runs": None}, ["nothing runs it"]),
    "one tag over another digest": (
        {"promoted": P1, "git": f"1@{TWO}", "runs": None},
        ["a.yaml:6 names 1", "nothing runs it"],
    ),
    "cluster behind": (
        {"promoted": P1, "runs": ("0", TWO)},
        ["Deployment shop/api declares 0, git does not"],
    ),
    "cluster behind, git unknown": (
        {"promoted": P1, "git": None, "runs": ("0", TWO)},
        ["Deployment shop/api declares 0"],
    ),
    "another digest": ({"promoted": P1, "runs": ("1", TWO)}, [f"Deployment shop/api runs {TWO}"]),
    "nothing runs": ({"promoted": P1, "runs": None}, ["nothing runs it"]),
}


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_where_they_differ(tmp_path: Any, row: str) -> None:
    given, differs = ROWS[row]
    assert list((await compare(tmp_path, **given)).differs) == differs


async def test_what_a_row_tells(tmp_path: Any) -> None:
    row = await compare(tmp_path, promoted=P1)
    assert (row.image, row.repository, row.commit) == ("api", REPOSITORY, "c" * 40)
    assert [(each.repository, each.file, each.line, each.version.tag) for each in row.declared] == [
        ("fleet", "a.yaml", 6, "1")
    ]
    assert [(each.kind, each.digests, each.state) for each in row.running] == [("Deployment", (ONE,), "done")]
