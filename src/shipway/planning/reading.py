"""What of one build counts for its fingerprint, beside the files that it reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from shipway.dockerfile.resolved import ContextRead, ResolvedBuild
from shipway.dockerfile.sources import is_remote
from shipway.dockerfile.syntax import Instruction
from shipway.errors import InvalidValue
from shipway.fleet.builds import is_local
from shipway.fleet.model import BuildInputs
from shipway.fleet.options import read_secret
from shipway.planning.inputs import BASES_LABEL, FINGERPRINT_LABEL
from shipway.values import Platform

# labels that tell when and from which revision an image was built: they change with every commit, what is in
# the image does not (OCI image specification, annotations.md; label-schema.org is what came before)
UNCOUNTED_LABELS = frozenset(
    {
        "org.opencontainers.image.created",
        "org.opencontainers.image.revision",
        "org.label-schema.build-date",
        "org.label-schema.vcs-ref",
        FINGERPRINT_LABEL,
        BASES_LABEL,
    }
)
# sets times in the image and nothing else
_UNCOUNTED_ARGS = frozenset({"SOURCE_DATE_EPOCH"})


def instructions(build: ResolvedBuild) -> Iterator[bytes]:
    """The instructions of the reachable stages as they are read, without comments and layout."""
    if syntax := build.dockerfile.directive("syntax"):
        yield f"syntax={syntax}".encode("utf-8", errors="surrogateescape")
    for resolved in build.stages:
        for instruction in (resolved.stage.origin, *resolved.stage.instructions):
            yield json.dumps(_as_read(instruction)).encode("ascii")


def _as_read(instruction: Instruction) -> list[object]:
    heredocs = [[each.name, each.content] for each in instruction.heredocs]
    trigger = None if instruction.trigger is None else _as_read(instruction.trigger)
    return [
        instruction.keyword,
        instruction.json,
        list(instruction.flags),
        list(instruction.args),
        heredocs,
        trigger,
    ]


def settings_of(inputs: BuildInputs, platforms: Iterable[Platform]) -> dict[str, str]:
    """Target, platforms, labels, secrets and agents by their ids, and contexts that are not directories."""
    settings = {"platforms": ", ".join(sorted(map(str, platforms)))}
    if inputs.target:
        settings["target"] = inputs.target
    labels = inputs.labels.items()
    settings.update({f"label {name}": value for name, value in labels if name not in UNCOUNTED_LABELS})
    settings.update({f"secret {_secret_id(text)}": "" for text in inputs.secrets})
    settings.update({f"ssh {text.partition('=')[0]}": "" for text in inputs.ssh})
    for name, value in inputs.contexts.items():
        if not is_local(value) and not value.startswith(("target:", "docker-image://")):
            settings[f"context {name}"] = value
    return settings


def _secret_id(text: str) -> str:
    try:
        return read_secret(text).id
    except InvalidValue:
        return text.partition(",")[0]


def args_of(builds: Mapping[Platform, ResolvedBuild], secret: frozenset[str]) -> dict[str, str]:
    """The args in effect that the instructions themselves do not tell; of ``secret`` ones the name only.

    An arg with another value for each platform counts once for each.
    """
    values: dict[str, dict[Platform, str]] = {}
    for platform, build in sorted(builds.items()):
        for arg in build.args:
            if arg.origin in ("build-arg", "global") and arg.name not in _UNCOUNTED_ARGS:
                values.setdefault(arg.name, {})[platform] = "" if arg.name in secret else arg.value
    settings = {}
    for name, by_platform in values.items():
        if len(by_platform) == len(builds) and len(set(by_platform.values())) == 1:
            settings[f"arg {name}"] = next(iter(by_platform.values()))
        else:
            settings.update({f"arg {name} on {platform}": value for platform, value in by_platform.items()})
    return settings


def without_values(args: Mapping[str, str], secret: frozenset[str]) -> dict[str, str]:
    """``args`` with the names of secret ones in place of their values, for what is kept and shown.

    Another arg may be put together from a secret one: leaving out the value of that one is too little.
    """
    return {name: f"<{name}>" if name in secret else value for name, value in args.items()}


def unseen(read: ContextRead) -> bool:
    """Whether only the image below knows what ``read`` names: a variable may come from it."""
    return read.open_env and bool(read.unset)


def triggers_reads(build: ResolvedBuild) -> bool:
    """Whether the image defers instructions to what builds on it that read the context of that build."""
    final = next((each.stage for each in build.stages if each.stage.index == build.target), None)
    return final is not None and any(
        trigger.keyword in ("COPY", "ADD") or trigger.flag_values("mount") for trigger in final.triggers
    )


def fetched(build: ResolvedBuild) -> Iterator[str]:
    """What ADD fetches from elsewhere without a checksum."""
    for read in build.reads:
        if read.kind == "add" and read.expanded and is_remote(read.expanded) and not read.checksum:
            yield read.expanded
