"""What goes into one image, and its identity: the fingerprint.

The fingerprint covers the Dockerfile as it is evaluated (comments, layout and unreachable stages do not
count), the content and the executable bit of every file that a COPY, ADD or bind mount reads, the args in
effect, target, platforms and labels, and the fingerprints of the bases of the fleet. It covers no times,
owners, absolute paths or unrelated files, so it is the same on every checkout and machine.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property

import msgspec

SCHEMA = "shipway.inputs/1"


class Inputs(msgspec.Struct, frozen=True, dict=True):
    """Everything that one build reads and is told.

    ``dockerfile`` is the digest of the evaluated instructions. ``files`` maps each path that is read
    (``path`` or ``context-name:path``) to a digest of its content and mode. ``settings`` are args, target,
    platforms and labels as text; secrets by name only. ``bases`` maps each external input to what stands
    for it: the fingerprint of an image of the fleet, else the reference itself.
    """

    dockerfile: str
    files: dict[str, str] = msgspec.field(default_factory=dict)
    settings: dict[str, str] = msgspec.field(default_factory=dict)
    bases: dict[str, str] = msgspec.field(default_factory=dict)
    schema: str = SCHEMA

    def encode(self) -> bytes:
        """Canonical JSON in ASCII: the same inputs give the same bytes, names that are no UTF-8 included."""
        return json.dumps(msgspec.to_builtins(self), sort_keys=True, separators=(",", ":")).encode("ascii")

    @cached_property
    def fingerprint(self) -> str:
        """``sha256:`` and the digest of the canonical JSON."""
        return f"sha256:{hashlib.sha256(self.encode()).hexdigest()}"


def decode(data: bytes | None) -> Inputs | None:
    """Inputs from the ledger; None for none, or for those of another version."""
    if data is None:
        return None
    try:
        inputs = msgspec.convert(json.loads(data), type=Inputs)
    except (ValueError, msgspec.MsgspecError):
        return None
    return inputs if inputs.schema == SCHEMA else None


_MOST_NAMES = 3


def changes(before: Inputs | None, after: Inputs) -> tuple[str, ...]:
    """Why ``after`` is not ``before``, one clause a cause; one general clause when nothing tells."""
    if before is None:
        return ("its inputs changed",)
    causes = []
    if before.dockerfile != after.dockerfile:
        causes.append("Dockerfile changed")
    if files := _differing(before.files, after.files):
        causes.append(f"files changed: {_listed(files)}")
    if bases := _differing(before.bases, after.bases):
        causes.append(f"base changed: {_listed(bases)}")
    if settings := _differing(before.settings, after.settings):
        causes.append(f"settings changed: {_listed(settings)}")
    return tuple(causes) or ("its inputs changed",)


def _differing(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def _listed(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
