"""Which objects a commit concerns."""

from __future__ import annotations

from typing import Any

import pytest

from shipway.gitops.concerned import (
    commit_of,
    covers,
    dependencies,
    follows,
    in_order,
    inventory,
    same_repository,
    source_of,
)
from shipway.gitops.helm_values import images_in
from shipway.gitops.kubernetes import KUSTOMIZATION, Kind, Name

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "other",
    [
        "https://github.com/acme/fleet",
        "https://github.com/acme/fleet.git",
        "https://GitHub.com/acme/fleet/",
        "https://user:secret@github.com/acme/fleet.git",
        "ssh://git@github.com/acme/fleet",
        "ssh://git@github.com:22/acme/fleet.git",
        "git@github.com:acme/fleet.git",
        "github.com:acme/fleet",
    ],
)
def test_one_repository_however_it_is_reached(other: str) -> None:
    assert same_repository("https://github.com/acme/fleet.git", other)


@pytest.mark.parametrize(
    "other",
    ["https://github.com/acme/fleets", "https://gitlab.com/acme/fleet", "https://github.com/Acme/fleet", ""],
)
def test_other_repositories(other: str) -> None:
    assert not same_repository("https://github.com/acme/fleet", other)


@pytest.mark.parametrize(
    ("revision", "commit"),
    [
        (f"main@sha1:{COMMIT}", COMMIT),
        (f"refs/heads/a/b@sha1:{COMMIT}", COMMIT),
        (f"sha1:{COMMIT}", COMMIT),
        (f"main@sha256:{'a' * 64}", "a" * 64),
        (f"main/{COMMIT}", COMMIT),
        ("1.2.3", ""),
        ("", ""),
        ("main@sha1:0123", ""),
    ],
)
def test_commits_of_revisions(revision: str, commit: str) -> None:
    assert commit_of(revision) == commit


@pytest.mark.parametrize(
    ("ref", "branch", "expected"),
    [
        ({"branch": "main"}, "main", True),
        ({"branch": "main"}, "release", False),
        ({"branch": "main"}, None, True),
        ({}, "master", True),
        ({}, "main", False),
        ({"branch": "main", "commit": COMMIT}, "main", False),
        ({"tag": "v1"}, "main", False),
        ({"name": "refs/heads/main"}, "main", True),
    ],
    ids=str,
)
def test_which_branch_a_source_follows(ref: dict[str, str], branch: str | None, expected: bool) -> None:
    assert follows({"spec": {"ref": ref}}, branch) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("./apps", True),
        ("apps/", True),
        ("/apps", True),
        ("", True),
        ("./", True),
        ("./app", False),
        ("./base", False),
    ],
)
def test_which_paths_cover_a_file(path: str, expected: bool) -> None:
    assert covers({"spec": {"path": path}}, ("apps/api.yaml",)) is expected


def test_no_file_is_covered_by_nothing() -> None:
    assert not covers({"spec": {"path": "./"}}, ())


def kustomization(name: str, *depends: str) -> tuple[Name, dict[str, Any]]:
    thing = {
        "metadata": {"name": name, "namespace": "flux"},
        "spec": {"dependsOn": [{"name": each} for each in depends]},
    }
    return Name(KUSTOMIZATION, "flux", name), thing


def test_dependencies_come_first_and_circles_end() -> None:
    known = dict([kustomization("a", "b"), kustomization("b", "c"), kustomization("c"), kustomization("x")])
    assert [name.name for name in in_order(KUSTOMIZATION, [Name(KUSTOMIZATION, "flux", "a")], known)] == [
        "c",
        "b",
        "a",
    ]
    circle = dict([kustomization("a", "b"), kustomization("b", "a")])
    assert {name.name for name in in_order(KUSTOMIZATION, list(circle), circle)} == {"a", "b"}


def test_names_in_other_namespaces() -> None:
    thing = {
        "metadata": {"namespace": "shop"},
        "spec": {
            "dependsOn": [{"name": "infra", "namespace": "flux"}, {"name": "base"}],
            "sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "flux"},
        },
    }
    assert [(each.namespace, each.name) for each in dependencies(KUSTOMIZATION, thing)] == [
        ("flux", "infra"),
        ("shop", "base"),
    ]
    assert str(source_of(thing)) == "GitRepository flux/fleet"


def test_inventories() -> None:
    ids = [
        "shop_api_apps_Deployment",
        "_shop__Namespace",
        "_system__auth_rbac.authorization.k8s.io_ClusterRole",
    ]
    thing = {"status": {"inventory": {"entries": [{"id": each, "v": "v1"} for each in ids]}}}
    assert list(inventory(thing)) == [
        Name(Kind("apps", "Deployment"), "shop", "api"),
        Name(Kind("", "Namespace"), "", "shop"),
        Name(Kind("rbac.authorization.k8s.io", "ClusterRole"), "", "system:auth"),
    ]


def test_images_in_the_shapes_of_charts() -> None:
    values = {
        "image": {"registry": "ghcr.io", "repository": "shop/api", "tag": "1", "digest": "sha256:x"},
        "sidecars": [{"image": "ghcr.io/shop/side:2"}],
        "initImage": "ghcr.io/shop/init:3",
        "worker": {"image": {"repository": "ghcr.io/shop/worker", "version": 4}},
        "replicas": 2,
    }
    assert list(images_in(values)) == [
        "ghcr.io/shop/api:1@sha256:x",
        "ghcr.io/shop/side:2",
        "ghcr.io/shop/init:3",
        "ghcr.io/shop/worker:4",
    ]
