from __future__ import annotations

from pathlib import Path

from shipway.fleet.load import load_fleet
from shipway.fleet.model import Signing


def test_signing_names_the_keys_of_the_fleet(tmp_path: Path) -> None:
    (tmp_path / "shipway.yaml").write_text("signing: {key: cosign.pub, cosign-tags: false}\nimages: {}\n")
    assert load_fleet(tmp_path).signing == Signing("cosign.pub", None, False)
    (tmp_path / "shipway.yaml").write_text("images: {}\n")
    assert load_fleet(tmp_path).signing == Signing(None, None, True)
