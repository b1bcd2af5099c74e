"""Caches and attestations for the fleet, a group or an image."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipway.errors import ConfigError
from shipway.fleet.load import load_fleet
from shipway.fleet.model import Attest, Image

FLEET = """\
cache-to: [r.example/cache]
attest: {provenance: max}
images:
  plain: {context: .}
  own: {context: ., cache-to: [], cache-from: [r.example/own], attest: {sbom: true}}
"""


def images(directory: Path, text: str = FLEET) -> dict[str, Image]:
    (directory / "Dockerfile").write_text("FROM scratch\n")
    (directory / "shipway.yaml").write_text(text)
    return {image.name: image for image in load_fleet(directory).images}


def test_the_nearest_setting_counts(tmp_path: Path) -> None:
    found = images(tmp_path)
    plain, own = found["plain"], found["own"]
    assert (plain.inputs.cache_from, plain.inputs.cache_to) == ((), ("r.example/cache",))
    assert (own.inputs.cache_from, own.inputs.cache_to) == (("r.example/own",), ())
    assert (plain.attest, own.attest) == (Attest("max"), Attest(None, sbom=True))


def test_provenance_has_modes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="provenance"):
        images(tmp_path, "attest: {provenance: full}\nimages: {a: {context: .}}\n")
