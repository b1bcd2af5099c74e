"""What a probe saw, and the world that probes look at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from shipway.checks.finding import Finding
from shipway.ports import Clock, Emulation, Engine, Host, Inspector

State: TypeAlias = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Probed:
    """One probe: ``probe`` is its kind (``registry``, ``push``, ``disk`` …), ``subject`` what was looked at,
    ``seen`` what was there in a few words, ``findings`` what is wrong with it."""

    probe: str
    subject: str
    seen: str
    findings: tuple[Finding, ...] = ()

    @property
    def state(self) -> State:
        """The worst of the findings."""
        severities = {finding.severity for finding in self.findings}
        return "failed" if "error" in severities else "warning" if "warning" in severities else "ok"


def probed(probe: str, subject: str, seen: str, *findings: Finding | None) -> Probed:
    """A Probed with the findings that are some."""
    return Probed(probe, subject, seen, tuple(finding for finding in findings if finding is not None))


OnProbed: TypeAlias = Callable[[Probed], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How registries are looked at. ``on_probed`` hears of each probe when it is done. No probe takes longer
    than ``seconds``, counted from the start of all."""

    inspector: Inspector
    clock: Clock
    on_probed: OnProbed
    seconds: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World(Sight):
    """Where probes look. ``engine`` chooses one and raises EngineMissing, ``wanted`` is its name or ``auto``;
    ``state`` is Shipway's own directory."""

    engine: Callable[[], Awaitable[Engine]]
    wanted: str
    host: Host
    emulation: Emulation
    state: Path
