"""What verify says comes next, where it is known what is lacking."""

from __future__ import annotations

import pytest

from shipway.flows.verify import CheckRow, Row, Verification, Verified


def advice(*checks: CheckRow) -> str:
    states = [check.state for check in checks]
    state = "failed" if "failed" in states else states[0]
    row = Row("api", "r.example/api:1", "sha256:d", state, tuple(each.reason for each in checks), checks)
    error = Verification(Verified((row,), {}), ()).error()
    assert error is not None
    return error.help or ""


@pytest.mark.parametrize(
    ("checks", "words"),
    [
        (
            [
                CheckRow("signature", "absent", "unsigned", "nobody signed it"),
                CheckRow("provenance", "failed", "unsigned-provenance", "not by this key"),
            ],
            "shipway ship --force",
        ),
        ([CheckRow("signature", "failed", "other-key", "of other keys")], "--json"),
        ([CheckRow("dockerfile", "unobserved", "dirty", "was changed")], "commit"),
        ([CheckRow("source", "unobserved", "no-history", "the history does not tell")], "whole history"),
    ],
    ids=["unsigned", "other-key", "dirty", "shallow"],
)
def test_the_next_step_fits_what_is_lacking(checks: list[CheckRow], words: str) -> None:
    assert words in advice(*checks)
