"""What the examples bring along: they are part of every package of Shipway."""

from __future__ import annotations

from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_no_stray_download_travels_with_the_examples() -> None:
    large = [each.name for each in EXAMPLES.rglob("*") if each.is_file() and each.stat().st_size > 100_000]
    assert not large
