"""How a ship is carried out: what the user chose about speed, patience and failures, beside the plan."""

from __future__ import annotations

from dataclasses import dataclass

from shipway.errors import UsageError
from shipway.fleet.model import Fleet
from shipway.planning.plan import Step
from shipway.values import Duration

_LIGHT_JOBS = 8
WHOLE_RUN = "*"
"""The name of the atomic group that all images of a run are in."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """``jobs`` engines build at a time; what follows a build, and what needs no engine, goes on beside them.
    ``retries`` says how often a step that failed for a reason that
    passes is tried again, after ``pause`` seconds at first, then after twice as many. ``timeout`` bounds each
    try of a step, in place of what the fleet file says.

    ``fail_fast``: after the first failure no further build starts; those under way end and are delivered.
    ``atomic`` are groups whose tags move when all of them is verified, beside those of the fleet file;
    ``*`` is the whole run.
    """

    jobs: int = 2
    fail_fast: bool = False
    atomic: frozenset[str] = frozenset()
    timeout: Duration | None = None
    retries: int = 2
    pause: float = 1.0

    @property
    def light_jobs(self) -> int:
        """How many images at a time are read and pushed by this process alone: waiting for registries costs
        no processor. One after another where builds go so."""
        return self.jobs if self.jobs == 1 else max(self.jobs, _LIGHT_JOBS)

    def require_groups(self, fleet: Fleet) -> None:
        """Raise UsageError for an atomic group that no image of ``fleet`` is in."""
        known = {image.group for image in fleet.images if image.group}
        if unknown := sorted(self.atomic - known - {WHOLE_RUN}):
            raise UsageError(
                f"no image is in the group {unknown[0]!r}",
                cause=f"the groups are {', '.join(sorted(known))}" if known else "the fleet has no groups",
                help="declare it under groups: in shipway.yaml; --atomic '*' is all images of the run",
            )

    def limit(self, fleet: Fleet, image: str) -> Duration | None:
        """How long a part of a step of an image may take; None, or zero, for as long as it likes."""
        declared = fleet.image(image)
        return self.timeout or (declared.timeout if declared else None)

    def companions(self, fleet: Fleet, steps: tuple[Step, ...]) -> dict[str, tuple[str, ...]]:
        """For each image of an atomic group the images of this run, itself among them, that its tags wait
        for; nothing for the others."""
        if WHOLE_RUN in self.atomic:
            everything = tuple(step.image for step in steps)
            return dict.fromkeys(everything, everything)
        groups: dict[str, list[str]] = {}
        for step in steps:
            image = fleet.image(step.image)
            if image is not None and image.group in self.atomic | fleet.atomic:
                groups.setdefault(str(image.group), []).append(step.image)
        return {name: tuple(names) for names in groups.values() for name in names}
