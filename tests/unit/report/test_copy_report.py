"""What was copied, as text."""

from __future__ import annotations

from shipway.flows.copy import CopyResult, Row
from shipway.report.copy_report import copy_json, copy_text

HEX = "ab" * 32
DIGEST = f"sha256:{HEX}"
SOURCE = f"r.example/api:1@{DIGEST}"


def test_a_digest_has_its_column_and_is_not_told_twice() -> None:
    result = CopyResult((Row(SOURCE, "m.example/api:1", "copied", DIGEST, DIGEST),), ())
    assert HEX not in copy_text(result)
    assert "r.example/api:1 " in copy_text(result)
    assert SOURCE in copy_json(result)


def test_a_directory_with_an_at_sign_is_shown_whole() -> None:
    result = CopyResult((Row("oci:/a@b:1", "m.example/api:1", "copied"),), ())
    assert "oci:/a@b:1 " in copy_text(result)
