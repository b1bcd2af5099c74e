"""What a plan was expected to be: nothing built but what was asked for, on bases that somebody handed on."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.fleet.model import Fleet
from shipway.planning.plan import Blocker, Choices, Plan, Step


def unexpected(plan: Plan, fleet: Fleet, choices: Choices) -> Iterator[Blocker]:
    """A blocker for each base that would be built and was not asked for, and for each that stands as another
    digest than the one handed on."""
    steps = {step.image: step for step in plan.steps}
    if choices.only:
        wanted = ", ".join(sorted(choices.selection))
        for step in plan.steps:
            if step.action == "build" and step.image not in choices.selection:
                yield _blocker(
                    fleet,
                    step.image,
                    f"{step.image} would be built, and --only asks for {wanted}",
                    "; ".join(step.why) or "it does not stand as delivered",
                    f"deliver it first: shipway ship {step.image}",
                )
    for name, digest in choices.bases.items():
        if name not in steps:
            yield _blocker(fleet, name, f"{name} was handed on as a base, and nothing asked for needs it")
        elif not _stands_as(steps[name], digest):
            yield _blocker(
                fleet,
                name,
                f"{name} does not stand as {digest}, which was handed on",
                f"it stands as {steps[name].digest}" if steps[name].digest else "; ".join(steps[name].why),
                "plan again: shipway plan --format github-matrix",
            )


def _stands_as(step: Step, digest: str) -> bool:
    return step.action == "reuse" and step.digest == digest


def _blocker(
    fleet: Fleet, name: str, message: str, cause: str | None = None, help: str | None = None
) -> Blocker:
    image = fleet.image(name)
    return Blocker(name, message, image.inputs.dockerfile if image else name, 1, cause=cause, help=help)
