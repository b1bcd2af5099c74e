"""What engines note about a build goes; what is in an image stays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shipway.errors import Mismatch
from shipway.oci.manifest import OCI_MANIFEST, Manifest
from shipway.oci.metadata import tidied
from shipway.values import Digest

NAME, DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"


def image(config: dict[str, Any], annotations: dict[str, str] | None = None) -> tuple[Manifest, bytes]:
    data = json.dumps(config).encode()
    body: dict[str, Any] = {
        "schemaVersion": 2,
        "config": {"mediaType": "c", "digest": str(Digest.of(data)), "size": len(data)},
        "layers": [],
    }
    if annotations is not None:
        body["annotations"] = annotations
    return Manifest(OCI_MANIFEST, json.dumps(body).encode()), data


def test_an_image_without_notes_keeps_its_bytes() -> None:
    manifest, config = image({"os": "linux", "history": [{"created_by": "COPY a b"}]}, {"other": "1"})
    found = tidied(manifest, config, {"TOKEN": "secret"})
    assert (found.manifest.data, found.config, found.leaks) == (manifest.data, config, ())


def test_names_of_parents_on_this_machine_go_from_the_history() -> None:
    manifest, config = image({"history": [{"comment": "FROM 127.0.0.1:5000/a"}, {"comment": "buildkit"}]})
    found = tidied(manifest, config, {})
    assert json.loads(found.config)["history"] == [{}, {"comment": "buildkit"}]
    described = found.manifest.body.config
    assert described is not None
    assert (described.digest, described.size) == (str(Digest.of(found.config)), len(found.config))


def test_the_base_of_the_annotations_is_the_one_of_the_labels() -> None:
    labels = {NAME: "r.example/base:1", DIGEST: "sha256:1"}
    manifest, config = image(
        {"config": {"Labels": labels}}, {NAME: "127.0.0.1:5000/base", DIGEST: "x", "other": "1"}
    )
    assert tidied(manifest, config, {}).manifest.body.annotations == {**labels, "other": "1"}


@pytest.mark.parametrize("config", [{}, {"config": None}, {"config": {"Labels": None}}])
def test_a_base_that_no_label_tells_goes(config: dict[str, Any]) -> None:
    manifest, data = image(config, {NAME: "", DIGEST: "x"})
    assert tidied(manifest, data, {}).manifest.body.annotations is None


def test_values_of_secret_args_are_masked_in_the_history_by_name_and_by_value() -> None:
    told = "RUN |2 TOKEN=hush-hush N=1 /bin/sh -c echo hush-hush 10 # buildkit"
    manifest, config = image({"history": [{"created_by": told}]})
    found = tidied(manifest, config, {"TOKEN": "hush-hush", "N": "1", "EMPTY": ""})
    masked = "RUN |2 TOKEN=*** N=*** /bin/sh -c echo *** 10 # buildkit"
    assert json.loads(found.config)["history"] == [{"created_by": masked}]
    assert b"hush" not in found.manifest.data + found.config


def test_a_secret_elsewhere_is_a_leak_with_its_place() -> None:
    manifest, config = image({"config": {"Env": ["A=1", "T=hush-hush"], "Labels": {"x": "hush-hush"}}})
    assert tidied(manifest, config, {"TOKEN": "hush-hush"}).leaks == (
        "config.config.Env",
        "config.config.Labels.x",
    )


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(Mismatch):
        tidied(Manifest(OCI_MANIFEST, b"{}"), b"[]", {})
