"""Small repositories on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]


@pytest.fixture
def repository(tmp_path: Path) -> Write:
    """Writes files, given as path and text, below a directory, and returns it."""

    def write(files: dict[str, str], below: str = "repo") -> Path:
        root = tmp_path / below
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return root

    return write
