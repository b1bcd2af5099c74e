"""Share: what one machine of several carries out of a plan, when each of them builds one platform.

Every machine leaves its platform of an image at the destination, read back, under the tag of that part; none
of them moves a tag that people pull. Whoever joins finds the parts and puts one index over them.
"""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from shipway.errors import UsageError
from shipway.flows.prepare import Prepared
from shipway.planning.destination import EMBEDDED
from shipway.planning.parts import part_tag
from shipway.planning.plan import Blocker, Plan, Step
from shipway.ports import Ledger
from shipway.values import Platform


def require_meeting_place(plan: Plan) -> None:
    """Raise UsageError when an image is bound for the registry inside this machine: no other one sees it."""
    for step in plan.steps:
        if step.repository.registry == EMBEDDED:
            raise UsageError(
                f"the platforms of {step.image} cannot meet: it goes to the embedded registry",
                cause="no other machine reaches that",
                help="write registry: in shipway.yaml, or give --registry HOST[/PREFIX]",
            )


def share_of(prepared: Prepared, platform: Platform, native: Platform, ledger: Ledger) -> Prepared:
    """The share of ``platform``: each image that is built gets this platform alone, tagged as a part.

    Images that stand as delivered stay and none of their tags moves. ``native`` is the platform of images
    that declare none, ``ledger`` the one that knows shares of this platform alone.
    """
    require_meeting_place(prepared.plan)
    left_out: dict[str, Step] = {}
    waves, blockers = [], []
    for wave in prepared.plan.waves:
        shared = []
        for step in wave:
            wanted = tuple(map(Platform.parse, step.platforms)) or (native,)
            if step.action == "build" and platform not in wanted:
                left_out[step.image] = step
                continue
            shared.append(
                _reused(step, platform, ledger) if step.action == "reuse" else _part(step, platform)
            )
            blockers += [_missing(prepared, step, need, platform) for need in step.needs if need in left_out]
        waves.append(tuple(shared))
    notes = tuple(f"{name} is not built for {platform}: it is left out" for name in left_out)
    plan = prepared.plan
    kept = tuple(blocker for blocker in plan.blockers if blocker.image not in left_out)
    shared_plan = structs.replace(
        plan,
        waves=tuple(filter(None, waves)),
        blockers=(*kept, *blockers),
        notes=(*plan.notes, *notes),
    )
    return replace(prepared, plan=shared_plan)


def _part(step: Step, platform: Platform) -> Step:
    tag = part_tag(step.fingerprint, platform)
    reference = str(step.repository.with_tag(tag))
    return structs.replace(step, reference=reference, tags=(tag,), platforms=(str(platform),))


def _reused(step: Step, platform: Platform, ledger: Ledger) -> Step:
    """A step that stands: as a part of this ledger, whose tag shall be there, or as the whole image."""
    known = ledger.delivered(step.image, step.fingerprint)
    is_part = known is not None and known.platforms == (str(platform),) and known.digest == step.digest
    tags = (part_tag(step.fingerprint, platform),) if is_part else ()
    return structs.replace(step, reference=f"{step.repository}@{step.digest}", tags=tags)


def _missing(prepared: Prepared, step: Step, need: str, platform: Platform) -> Blocker:
    image = prepared.fleet.image(step.image)
    lines = [base.line for base in image.bases if base.image == need] if image else []
    return Blocker(
        step.image,
        f"{step.image} for {platform} builds on {need}, which is not built for {platform}",
        image.inputs.dockerfile if image else step.image,
        lines[0] if lines else 1,
        cause=f"{need} is not delivered yet either",
        help=f"add {platform} to its platforms, or deliver it first: shipway ship {need}",
    )
