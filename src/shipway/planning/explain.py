"""Why an image is built or not: all its fingerprint covers, beside what its last delivery was made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from shipway.planning.draft import Draft
from shipway.planning.inputs import Inputs
from shipway.planning.plan import Step

SCHEMA = "shipway.explain/1"

Kind = Literal["dockerfile", "file", "setting", "base"]


class Input(msgspec.Struct, frozen=True):
    """One thing that a fingerprint covers. ``now`` is what counts of it, ``before`` what counted at the last
    delivery; None where there is, or was, no such thing."""

    kind: Kind
    name: str
    now: str | None
    before: str | None = None

    @property
    def differs(self) -> bool:
        return self.now != self.before


class Last(msgspec.Struct, frozen=True):
    """The last delivery of an image; ``verified`` is when it was read back."""

    reference: str
    digest: str
    fingerprint: str
    run: int
    verified: datetime


class Explanation(msgspec.Struct, frozen=True):
    """One image of a plan. ``inputs`` are in the order of kind and name; those of the last delivery that are
    gone are among them. ``compared`` tells whether what that one was made from is known. ``uncovered``
    is what the build fetches and no fingerprint covers."""

    image: str
    action: str
    why: tuple[str, ...]
    reference: str
    digest: str | None
    fingerprint: str
    inputs: tuple[Input, ...]
    compared: bool
    last: Last | None
    uncovered: tuple[str, ...]
    notes: tuple[str, ...]
    schema: str = SCHEMA

    @property
    def differences(self) -> tuple[Input, ...]:
        """What is not as it was at the last delivery."""
        return tuple(each for each in self.inputs if each.differs) if self.compared else ()


def explain(
    step: Step, inputs: Inputs, draft: Draft, last: Last | None, before: Inputs | None, notes: tuple[str, ...]
) -> Explanation:
    """``before`` are the inputs of ``last``, None where they are not known."""
    return Explanation(
        image=step.image,
        action=step.action,
        why=step.why,
        reference=step.reference,
        digest=step.digest,
        fingerprint=inputs.fingerprint,
        inputs=tuple(_compared(inputs, before)),
        compared=before is not None,
        last=last,
        uncovered=draft.uncovered,
        notes=notes,
    )


def _compared(inputs: Inputs, before: Inputs | None) -> Iterator[Input]:
    earlier = before if before is not None else Inputs("")
    yield Input("dockerfile", "as evaluated", inputs.dockerfile, earlier.dockerfile or None)
    yield from _entries("file", inputs.files, earlier.files)
    yield from _entries("setting", inputs.settings, earlier.settings)
    yield from _entries("base", inputs.bases, earlier.bases)


def _entries(kind: Kind, now: Mapping[str, str], before: Mapping[str, str]) -> Iterator[Input]:
    for name in sorted(now.keys() | before.keys()):
        yield Input(kind, name, now.get(name), before.get(name))
