"""The files of a key pair: both or none."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shipway.errors import ConfigError, HostError
from shipway.wiring.evidence import public_key, write_pair


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process grows beyond ``size`` bytes meanwhile, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_key_that_could_not_be_written_is_not_in_the_way_of_the_next_one(tmp_path: Path) -> None:
    with room_for(100), pytest.raises(HostError, match=r"cannot write .*cosign\.key"):
        write_pair(tmp_path / "cosign", b"secret")
    assert list(tmp_path.iterdir()) == []
    private, public, _ = write_pair(tmp_path / "cosign", b"secret")
    assert private.stat().st_size > 100
    assert public.exists()


def test_who_verifies_is_not_told_how_to_ship_without_evidence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        public_key(tmp_path / "missing.pub")
    assert "--no-evidence" not in (caught.value.help or "")
