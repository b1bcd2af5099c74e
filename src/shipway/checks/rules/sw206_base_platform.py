"""SW206: a base that is not there for a platform that its user is built for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shipway.checks.bases import UsedBase, used_bases
from shipway.checks.facts import DeclaredBuild, Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.dockerfile.resolved import BaseInput
from shipway.errors import InvalidValue
from shipway.values import Platform


@dataclass(frozen=True, slots=True)
class WantedBase:
    """A base and the platforms that it is needed for."""

    base: UsedBase
    platforms: tuple[Platform, ...]


def wanted_bases(facts: Facts) -> Iterator[WantedBase]:
    """Every base with the platforms that its builds ask of it, external ones too, for whoever can look into
    registries; without those that run on the builder's own platform."""
    platforms: dict[tuple[object, ...], dict[Platform, None]] = {}
    for build in facts.declared:
        for each in build.build.bases:
            platform = _platform(build, each.stage, each.platform)
            if platform is not None:
                platforms.setdefault(_key(build, each), {})[platform] = None
    for base in used_bases(facts):
        found = platforms.get(_key(base.build, base.input))
        if found:
            yield WantedBase(base, tuple(found))


def _key(build: DeclaredBuild, base: BaseInput) -> tuple[object, ...]:
    return build.path, build.inputs.inline, base.line, base.via, base.reference


def _platform(build: DeclaredBuild, stage: int, flag: str | None) -> Platform | None:
    """The platform that a base is pulled for; None where that is the builder's."""
    written = build.build.dockerfile.stages[stage].platform
    if written is None:
        return build.platform
    if "BUILDPLATFORM" in written or "BUILDARCH" in written or not flag:
        return None
    try:
        return Platform.parse(flag)
    except InvalidValue:
        return None


def lacking(wanted: WantedBase, present: Iterable[Platform], where: str) -> Finding | None:
    """The finding for a base of which ``where`` (a registry, a declaration) has ``present`` only."""
    known = tuple(present)
    missing = [str(each) for each in wanted.platforms if each not in known]
    if not missing:
        return None
    base = wanted.base
    return RULE.finding(
        base.place,
        f"the base {base.input.reference} is not there for {' and '.join(missing)}",
        image=base.user,
        subject=base.input.reference,
        cause=f"{where} has it for {', '.join(map(str, known))}",
        help=f"build it for {', '.join(missing)} too, or leave that out for {' and '.join(base.users)}",
        end=base.end,
    )


def _check(_: Rule, facts: Facts) -> Iterator[Finding]:
    """The bases of the fleet itself, by the platforms that are declared for them."""
    for wanted in wanted_bases(facts):
        image = wanted.base.image
        if image is None or not image.inputs.platforms or not wanted.base.build.inputs.platforms:
            continue
        finding = lacking(wanted, image.inputs.platforms, f"the declaration of {image.name}")
        if finding is not None:
            yield finding


RULE = Rule(
    id="SW206",
    name="base-platform",
    severity="error",
    summary="A base is not there for a platform that its user is built for",
    rationale="""\
An image for linux/arm64 needs a base for linux/arm64. When the base is an image of the fleet its declared
platforms tell; for any other `shipway check --live` asks the registry.

```yaml
images:
  base: {context: base, platforms: [linux/amd64]}
  api: {context: api, platforms: [linux/amd64, linux/arm64]}   # FROM base
```

Stages with `--platform=$BUILDPLATFORM` run on the builder and are left out.
""",
    check=_check,
)
