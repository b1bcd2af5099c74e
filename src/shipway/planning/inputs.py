"""What goes into one image, and its identity: the fingerprint.

The fingerprint covers the Dockerfile as it is evaluated (comments, layout and unreachable stages do not
count), every file that a COPY, ADD or bind mount reads (``planning.content`` tells what counts of it), the
args in effect, target, platforms and labels, the fingerprints of the bases of the fleet and the digests of
all other images; of secrets their ids alone. It covers no times, owners, absolute paths or unrelated files,
and no label that tells revision or time of a build, so it is the same on every checkout and machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property

import msgspec

from shipway.errors import InvalidValue
from shipway.values import Digest, Reference

SCHEMA = "shipway.inputs/1"

# what an image says of itself, so that any machine knows what it was built from
FINGERPRINT_LABEL = "io.shipway.fingerprint"
BASES_LABEL = "io.shipway.bases"


class Inputs(msgspec.Struct, frozen=True, dict=True):
    """Everything that one build reads and is told.

    ``dockerfile`` is the digest of the evaluated instructions. ``files`` maps each path that is read
    (``path`` or ``context-name:path``) to a digest of its content and mode. ``settings`` are args, target,
    platforms and labels as text; secrets by name only. ``bases`` maps the reference of each image that is
    built on or copied from to what stands for it: the fingerprint of an image of the fleet, else the
    reference itself, with the digest behind it (``alpine:3.20@sha256:…``) where that is known.
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

    @property
    def digests(self) -> dict[str, Digest]:
        """The digests that are known for images outside of the fleet, by their references."""
        found = ((text, _digest_of(text, value)) for text, value in self.bases.items())
        return {text: digest for text, digest in found if digest is not None}

    @property
    def pins(self) -> dict[str, Reference]:
        """``digests`` as the references to build on."""
        return {text: Reference.parse(text).with_digest(digest) for text, digest in self.digests.items()}

    @property
    def labels(self) -> dict[str, str]:
        """What the image shall say of its inputs."""
        labels = {FINGERPRINT_LABEL: self.fingerprint}
        if self.digests:
            labels[BASES_LABEL] = encode_digests(self.digests)
        return labels


def resolved(reference: str, digest: Digest) -> str:
    """What stands for an image outside of the fleet whose digest is known."""
    return f"{reference}@{digest}"


def _digest_of(reference: str, value: str) -> Digest | None:
    before, at, digest = value.rpartition("@")
    return Digest.parse(digest) if at and before == reference else None


def encode_digests(digests: Mapping[str, Digest]) -> str:
    """Digests of bases as one line, such as a label can hold: ``alpine:3.20@sha256:… busybox@sha256:…``."""
    return " ".join(resolved(text, digest) for text, digest in sorted(digests.items()))


def decode_digests(line: str) -> dict[str, Digest]:
    """What ``encode_digests`` wrote; words that it cannot have written are left out."""
    found = {}
    for word in line.split():
        reference, _, digest = word.rpartition("@")
        try:
            found[reference] = Digest.parse(digest)
        except InvalidValue:
            continue
    return found


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
    bases = _differing(before.bases, after.bases)
    # recorded as nothing but its name: whether it changed nobody knows
    unknown = [base for base in bases if before.bases.get(base) == base and base in after.bases]
    if changed := [base for base in bases if base not in unknown]:
        causes.append(f"base changed: {_listed(changed)}")
    if unknown:
        causes.append(f"built on a base of unknown digest: {_listed(unknown)}")
    if settings := _differing(before.settings, after.settings):
        causes.append(f"settings changed: {_listed(settings)}")
    return tuple(causes) or ("its inputs changed",)


def _differing(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def _listed(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
