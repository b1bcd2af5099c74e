"""The plan as job matrices of GitHub Actions, one a wave, in the lines that a step writes to GITHUB_OUTPUT.

Jobs of one wave do not depend on each other. Each of them gets the ``arguments`` of a ``shipway ship`` that
builds its images and nothing else, on bases with exactly the digests that stood when the plan was made. What
an earlier wave is still to deliver has no digest yet: planned again after it, it has one.

Follows "Running variations of jobs in a workflow" (``include``, at most 256 jobs a matrix) and "Passing
information between jobs".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from shipway.planning.plan import Plan, Step

MOST_JOBS = 256


def github_matrix(plan: Plan) -> str:
    """``builds=N``, ``waves=N`` and for each wave ``wave-K={"include": [...]}``.

    A wave of more than 256 images has several of them in a job.
    """
    steps = {step.image: step for step in plan.steps}
    waves = [built for wave in plan.waves if (built := [step for step in wave if step.action == "build"])]
    lines = [f"builds={sum(map(len, waves))}", f"waves={len(waves)}"]
    for number, wave in enumerate(waves, 1):
        matrix = {"include": [_job(job, steps) for job in _jobs(wave)]}
        lines.append(f"wave-{number}={json.dumps(matrix, separators=(',', ':'))}")
    return "\n".join(lines) + "\n"


def _jobs(wave: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """The images of each job, as even as can be."""
    count = min(len(wave), MOST_JOBS)
    for number in range(count):
        yield wave[number::count]


def _job(job: Sequence[Step], steps: Mapping[str, Step]) -> dict[str, str]:
    images = [step.image for step in job]
    needs = dict.fromkeys(name for step in job for name in step.needs)
    bases = [f"{name}={digest}" for name in needs if name in steps and (digest := steps[name].digest)]
    arguments = ["--only", *(f"--base={base}" for base in bases), *images]
    platforms = dict.fromkeys(platform for step in job for platform in step.platforms)
    return {
        "images": " ".join(images),
        "platforms": " ".join(platforms),
        "arguments": " ".join(arguments),
    }
