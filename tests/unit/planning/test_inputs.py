"""The fingerprint changes with what a build reads, and with nothing else."""

from __future__ import annotations

import pytest

from shipway.planning.inputs import Inputs, changes, decode

INPUTS = Inputs("d1", {"a.txt": "1", "b.txt": "2"}, {"arg MODE": "fast"}, {"base": "sha256:00"})


def test_the_order_of_entries_does_not_count() -> None:
    other = Inputs("d1", {"b.txt": "2", "a.txt": "1"}, {"arg MODE": "fast"}, {"base": "sha256:00"})
    assert other.fingerprint == INPUTS.fingerprint


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (Inputs("d2", INPUTS.files, INPUTS.settings, INPUTS.bases), "Dockerfile changed"),
        (Inputs("d1", {"a.txt": "9", "b.txt": "2"}, INPUTS.settings, INPUTS.bases), "files changed: a.txt"),
        (Inputs("d1", {"a.txt": "1"}, INPUTS.settings, INPUTS.bases), "files changed: b.txt"),
        (Inputs("d1", INPUTS.files, {"arg MODE": "slow"}, INPUTS.bases), "settings changed: arg MODE"),
        (Inputs("d1", INPUTS.files, INPUTS.settings, {"base": "sha256:01"}), "base changed: base"),
    ],
)
def test_every_change_gives_another_fingerprint_and_its_reason(other: Inputs, why: str) -> None:
    assert other.fingerprint != INPUTS.fingerprint
    assert changes(INPUTS, other) == (why,)


def test_names_that_are_no_utf8_survive_the_ledger() -> None:
    odd = Inputs("d1", {"a\udcff.txt": "1"})
    assert decode(odd.encode()) == odd
    assert odd.fingerprint != Inputs("d1", {"a\udcfe.txt": "1"}).fingerprint


def test_long_lists_of_changed_files_are_cut() -> None:
    many = Inputs("d1", {f"f{n}": "x" for n in range(9)}, INPUTS.settings, INPUTS.bases)
    (why,) = changes(Inputs("d1", {}, INPUTS.settings, INPUTS.bases), many)
    assert why == "files changed: f0, f1, f2 and 6 more"


def test_inputs_survive_the_ledger_and_those_of_another_version_do_not() -> None:
    assert decode(INPUTS.encode()) == INPUTS
    assert decode(INPUTS.encode().replace(b"shipway.inputs/1", b"shipway.inputs/0")) is None
    assert decode(b"not json") is None
    assert decode(None) is None
    assert changes(None, INPUTS) == ("its inputs changed",)
