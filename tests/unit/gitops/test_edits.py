"""Where references stand, and edits that change them and nothing else."""

from __future__ import annotations

import pytest

from shipway.errors import NotMet
from shipway.gitops.edits.owners import Owners
from shipway.gitops.edits.places import find_places
from shipway.gitops.edits.retarget import Target, retarget
from shipway.values import Digest, Reference

OLD, NEW = Digest("sha256", "0" * 64), Digest("sha256", "1" * 64)
WANTED = Reference.parse(f"ghcr.io/acme/api:2@{NEW}")
POLICIES = b"""\
kind: ImageRepository
metadata: {name: api, namespace: flux-system}
spec: {image: ghcr.io/acme/api}
---
kind: ImagePolicy
metadata: {name: newest, namespace: flux-system}
spec: {imageRepositoryRef: {name: api}}
"""
OWNERS = Owners.read({"policies.yaml": POLICIES})


def edited(text: str, wanted: Reference = WANTED, path: str = "a.yaml") -> str:
    edits = retarget({path: text.encode()}, [Target("api", wanted)], OWNERS)
    return edits.files[0].after.decode() if edits.files else text


BEFORE_AND_AFTER = {
    "deployment": (
        "spec: {template: {spec: {containers: [{image: ghcr.io/acme/api:1}]}}}",
        "spec: {template: {spec: {containers: [{image: ghcr.io/acme/api:2}]}}}",
    ),
    "init-container": (
        "initContainers:\n  - image: 'ghcr.io/acme/api:1' # x",
        "initContainers:\n  - image: 'ghcr.io/acme/api:2' # x",
    ),
    "cron-job": (
        "kind: CronJob\njobTemplate: {spec: {template: {spec: {containers: [image: ghcr.io/acme/api:1]}}}}",
        "kind: CronJob\njobTemplate: {spec: {template: {spec: {containers: [image: ghcr.io/acme/api:2]}}}}",
    ),
    "image-volume": (
        "volumes:\n- image:\n    reference: ghcr.io/acme/api:1",
        "volumes:\n- image:\n    reference: ghcr.io/acme/api:2",
    ),
    "pinned": (f"image: ghcr.io/acme/api:1@{OLD}", f"image: ghcr.io/acme/api:2@{NEW}"),
    "digest-alone": (f"image: ghcr.io/acme/api@{OLD}", f"image: ghcr.io/acme/api@{NEW}"),
    "helm-parts": (
        f"image:\n  repository: ghcr.io/acme/api\n  tag: v1\n  digest: {OLD}",
        f'image:\n  repository: ghcr.io/acme/api\n  tag: "2"\n  digest: {NEW}',
    ),
    "helm-registry": (
        "image:\n  registry: ghcr.io\n  repository: acme/api\n  tag: '1'",
        "image:\n  registry: ghcr.io\n  repository: acme/api\n  tag: '2'",
    ),
    "helm-tag-with-digest": (
        f"image: {{repository: ghcr.io/acme/api, tag: 1@{OLD}}}",
        f"image: {{repository: ghcr.io/acme/api, tag: 2@{NEW}}}",
    ),
    "kustomize": (
        f"images:\n- name: api\n  newName: ghcr.io/acme/api\n  newTag: v1\n  digest: {OLD}",
        f'images:\n- name: api\n  newName: ghcr.io/acme/api\n  newTag: "2"\n  digest: {NEW}',
    ),
    "compose": (
        "services:\n  api:\n    image: ghcr.io/acme/api:1",
        "services:\n  api:\n    image: ghcr.io/acme/api:2",
    ),
    "list": (
        "kind: List\nitems:\n- image: ghcr.io/acme/api:1",
        "kind: List\nitems:\n- image: ghcr.io/acme/api:2",
    ),
    "top-level-list": ("- image: ghcr.io/acme/api:1", "- image: ghcr.io/acme/api:2"),
    "marker": (
        'x:\n  tag: v1 # {"$imagepolicy": "flux-system:newest:tag"}',
        'x:\n  tag: "2" # {"$imagepolicy": "flux-system:newest:tag"}',
    ),
    "marker-of-digest": (
        f'x:\n  any: {OLD} # {{"$imagepolicy": "flux-system:newest:digest"}}',
        f'x:\n  any: {NEW} # {{"$imagepolicy": "flux-system:newest:digest"}}',
    ),
    "block": (
        "image: >- # b\n  ghcr.io/acme/api:1\nother: 1",
        "image: >- # b\n  ghcr.io/acme/api:2\nother: 1",
    ),
    "block-tag": (
        "image:\n  repository: ghcr.io/acme/api\n  tag: |-\n    v1",
        "image:\n  repository: ghcr.io/acme/api\n  tag: |-\n    2",
    ),
    "anchor": (
        "a: &image\n  repository: ghcr.io/acme/api\n  tag: &tag 'é-1'\nb: {image: *image, other: *tag}",
        "a: &image\n  repository: ghcr.io/acme/api\n  tag: &tag '2'\nb: {image: *image, other: *tag}",
    ),
    "of-others": ("image: ghcr.io/acme/api-gateway:1", "image: ghcr.io/acme/api-gateway:1"),
    "marker-of-others": (
        'x:\n  tag: v1 # {"$imagepolicy": "apps:newest:tag"}',
        'x:\n  tag: v1 # {"$imagepolicy": "apps:newest:tag"}',
    ),
    "scanner": (
        "kind: ImageRepository\nmetadata: {name: a}\nspec:\n  image: ghcr.io/acme/api:1",
        "kind: ImageRepository\nmetadata: {name: a}\nspec:\n  image: ghcr.io/acme/api:1",
    ),
    "chart": (
        "dependencies:\n- repository: https://ghcr.io/acme/api\n  version: 1",
        "dependencies:\n- repository: https://ghcr.io/acme/api\n  version: 1",
    ),
}


@pytest.mark.parametrize("name", BEFORE_AND_AFTER)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("bom", ["", "\ufeff"], ids=["plain", "bom"])
def test_each_shape_names_the_new_image_and_keeps_every_other_byte(name: str, newline: str, bom: str) -> None:
    before, after = (f"{bom}# é\n---\n\n{text}\n".replace("\n", newline) for text in BEFORE_AND_AFTER[name])
    assert edited(before) == after
    assert edited(after) == after


def test_json_is_edited_as_yaml_is() -> None:
    text = '{"kind": "Pod",\n\t"spec": {"containers": [{"image": "ghcr.io/acme/api:1", "é": 1}]}}\n'
    assert edited(text, path="pod.json") == text.replace("api:1", "api:2")


def test_assignments_are_edited() -> None:
    text = "# IMAGE=ghcr.io/acme/api:1\nIMAGE=ghcr.io/acme/api:1 # x\nNAME=api\n"
    assert edited(text, path=".env") == text.replace(
        "\nIMAGE=ghcr.io/acme/api:1", "\nIMAGE=ghcr.io/acme/api:2"
    )


def test_a_name_without_version_stays_where_another_place_has_one() -> None:
    base = b"containers:\n- image: ghcr.io/acme/api\n"
    overlay = b"images:\n- name: ghcr.io/acme/api\n  newTag: v1\n"
    target = [Target("api", WANTED)]
    both = retarget({"base.yaml": base, "kustomization.yaml": overlay}, target, OWNERS)
    assert [file.path for file in both.files] == ["kustomization.yaml"]
    assert [file.path for file in retarget({"base.yaml": base}, target, OWNERS).files] == ["base.yaml"]


def test_templates_are_left_alone_and_told() -> None:
    files = {"t.yaml": b"{{ if x }}\nimage: ghcr.io/acme/api:1\n{{ end }}\n", "o.yaml": b"{{ if x }}\n"}
    edits = retarget(files, [Target("api", WANTED)], OWNERS)
    assert edits.files == ()
    assert edits.notes == ("t.yaml is left alone: it is a template",)


def test_a_pinned_digest_is_never_left_beside_another_tag() -> None:
    with pytest.raises(NotMet, match="pins a digest"):
        edited(f"image: ghcr.io/acme/api:1@{OLD}", Reference.parse("ghcr.io/acme/api:2"))


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        ("1e5", '"1e5"'),
        ("0192117", '"0192117"'),
        ("12345678", '"12345678"'),
        ("1.10", '"1.10"'),
        ("true", '"true"'),
        ("no", '"no"'),
        ("2026-01-01", '"2026-01-01"'),
        ("main-1", "main-1"),
        ("v1.0", "v1.0"),
        ("1_0", '"1_0"'),
    ],
)
def test_what_a_reader_of_yaml_takes_for_something_else_is_quoted(tag: str, written: str) -> None:
    text = "image:\n  repository: ghcr.io/acme/api\n  tag: main # why\n"
    assert edited(text, Reference.parse(f"ghcr.io/acme/api:{tag}")) == text.replace("main", written)


def test_an_object_tells_its_kind_and_name() -> None:
    (place,) = find_places(b"kind: Pod\nmetadata: {name: a, namespace: b}\nspec: {image: x/y:1}\n", "a.yaml")
    assert (place.object, place.field, place.line) == ("Pod b/a", "spec.image", 3)
