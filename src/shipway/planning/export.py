"""The plan in other tools' languages: Mermaid, DOT, and a bake file."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

import msgspec

from shipway.errors import InvalidValue
from shipway.fleet.model import Fleet, Image
from shipway.planning.collect import canonical
from shipway.planning.plan import Plan, Step
from shipway.values import Reference

_NAME = re.compile(r"[^a-zA-Z0-9_-]")


def mermaid(plan: Plan) -> str:
    """A Mermaid flow chart, bases above what builds on them; reused images are dashed."""
    lines = ["flowchart TD"]
    lines.extend(f'  {_node(step.image)}["{step.image}"]:::{step.action}' for step in plan.steps)
    for step in plan.steps:
        lines.extend(f"  {_node(base)} --> {_node(step.image)}" for base in step.needs)
    lines.append("  classDef build fill:#dbeafe,stroke:#1d4ed8")
    lines.append("  classDef reuse fill:#f3f4f6,stroke:#9ca3af,stroke-dasharray:4")
    return "\n".join(lines) + "\n"


def dot(plan: Plan) -> str:
    """A Graphviz digraph."""
    lines = ["digraph fleet {", "  node [shape=box]"]
    for step in plan.steps:
        style = "solid" if step.action == "build" else "dashed"
        lines.append(f'  "{step.image}" [style={style}]')
    for step in plan.steps:
        lines.extend(f'  "{base}" -> "{step.image}"' for base in step.needs)
    return "\n".join([*lines, "}"]) + "\n"


def bake(plan: Plan, fleet: Fleet) -> str:
    """A bake file in JSON for the images that are built, linked through ``contexts``.

    Follows bake's file reference: ``dockerfile`` counts from ``context``, names keep ``[a-zA-Z0-9_-]``, and
    ``${`` and ``%{`` are escaped, since JSON bake files are HCL templates. A context is keyed by the
    familiar form of the reference without ``:latest``, which is what BuildKit looks up.
    """
    steps = {step.image: step for step in plan.steps}
    targets = {}
    for step in plan.steps:
        image = fleet.image(step.image)
        if step.action == "build" and image is not None:
            targets[_target(step.image)] = _bake_target(step, image, fleet, steps)
    document = {"group": {"default": {"targets": list(targets)}}, "target": targets}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _bake_target(step: Step, image: Image, fleet: Fleet, steps: Mapping[str, Step]) -> dict[str, object]:
    inputs = image.inputs
    context = _rooted(inputs.context, image, fleet)
    target: dict[str, object] = {
        "context": context,
        "tags": [f"{step.repository}:{tag}" for tag in step.tags],
    }
    if inputs.inline is not None:
        target["dockerfile-inline"] = inputs.inline
    else:
        target["dockerfile"] = posixpath.relpath(_rooted(inputs.dockerfile, image, fleet), context)
    optional = {
        "target": inputs.target,
        "args": {name: value for name, value in inputs.args.items() if value is not None},
        "contexts": _bake_contexts(image, fleet, steps),
        "labels": dict(inputs.labels),
        "platforms": [str(platform) for platform in inputs.platforms],
        "secret": list(inputs.secrets),
        "ssh": list(inputs.ssh),
        "cache-from": list(inputs.cache_from),
        "cache-to": list(inputs.cache_to),
    }
    target.update({key: value for key, value in optional.items() if value})
    escaped: dict[str, object] = _escaped(target)  # type: ignore[assignment]
    return escaped


def _bake_contexts(image: Image, fleet: Fleet, steps: Mapping[str, Step]) -> dict[str, str]:
    contexts = {
        name: _rooted(value, image, fleet) if "://" not in value else value
        for name, value in image.inputs.contexts.items()
        if not value.startswith("target:")
    }
    for base in image.bases:
        step = steps.get(base.image or "")
        if step is not None:
            is_built = step.action == "build"
            linked = f"target:{_target(step.image)}" if is_built else f"docker-image://{step.reference}"
            contexts.update(dict.fromkeys(_looked_up_as(base.reference, image), linked))
    return contexts


def _looked_up_as(reference: str, image: Image) -> list[str]:
    """The names of contexts that stand for a base: its own named contexts, else the reference itself."""
    named = image.inputs.contexts.items()
    own = [name for name, value in named if canonical(value.removeprefix("docker-image://")) == reference]
    return own or [_familiar(reference)]


def _familiar(text: str) -> str:
    try:
        return Reference.parse(text).familiar.removesuffix(":latest")
    except InvalidValue:
        return text


def _rooted(path: str, image: Image, fleet: Fleet) -> str:
    if not image.root or "://" in path:
        return path
    return posixpath.normpath(posixpath.join(fleet.roots[image.root], path))


def _escaped(value: object) -> object:
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return value


def _target(name: str) -> str:
    return _NAME.sub("_", name)


def _node(name: str) -> str:
    return "i_" + re.sub(r"\W", "_", name)
