"""What several rules about image quality share: telling findings, and what an image finally runs as."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.checks.text import Text
from shipway.dockerfile.resolved import ResolvedBuild, ResolvedStage
from shipway.dockerfile.syntax import Instruction, Span, Stage
from shipway.dockerfile.words import ExpansionError, expand
from shipway.fleet.matching import parsed_reference
from shipway.place import Place

_ROOT = frozenset({"root", "0"})
_NOT_ROOT_BY_NAME = ("nonroot", "non-root", "rootless", "unprivileged", "bitnami/", "cgr.dev/")


def tell(
    rule: Rule,
    text: Text,
    instruction: Instruction,
    message: str,
    span: Span | None = None,
    **more: object,
) -> Iterator[Finding]:
    """One finding at ``span``, by default the keyword of ``instruction``; none where the file's own
    comments switch the rule off. ``more`` are further fields of ``Finding``."""
    if text.silences(instruction.line, rule.aliases):
        return
    where = span or text.keyword_span(instruction)
    place = text.place(where.line, where.column)
    finding = rule.finding(place, message, end=_end(text, place, where))
    yield replace(finding, **more) if more else finding  # type: ignore[arg-type]


def _end(text: Text, place: Place, span: Span) -> Place | None:
    if text.inline is not None or "\n" in text.dockerfile.text[span.start : span.end]:
        return None
    return Place(place.path, place.line, place.column + span.end - span.start)


def target_origin(build: DeclaredBuild) -> Instruction:
    """The FROM of the stage that a build ends with; the build has a target."""
    return build.build.dockerfile.stages[build.build.target or 0].origin


def stages_of(build: DeclaredBuild) -> Iterator[Stage]:
    """The stages that one on the other make the image, within its own Dockerfile: the target first."""
    found: list[tuple[DeclaredBuild, ResolvedStage]] = []
    _add_stages(build, found)
    return (stage.stage for _, stage in found)


# --- what an image finally is -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Last:
    """The last instruction of a kind that holds for an image, and the build that it stands in."""

    build: DeclaredBuild
    stage: ResolvedStage
    instruction: Instruction


@dataclass(frozen=True, slots=True)
class Chain:
    """The stages that one on the other make the image: its target first, then what that builds FROM,
    through images of the fleet. ``base`` is the image from outside at the end, None for scratch and where
    it is not known."""

    stages: tuple[tuple[DeclaredBuild, ResolvedStage], ...]
    base: str | None

    def last(self, keyword: str) -> Last | None:
        """The instruction that counts: the last one of the first stage that has any."""
        for build, stage in self.stages:
            for each in reversed(stage.stage.instructions):
                if each.keyword == keyword:
                    return Last(build, stage, each)
        return None


def chain(facts: Facts, build: DeclaredBuild) -> Chain:
    """The stages under the image that ``build`` gives."""
    found: list[tuple[DeclaredBuild, ResolvedStage]] = []
    names = {build.image.name}
    while True:
        last = _add_stages(build, found)
        base = _base_of(build.build, last)
        image = _image_of(build, base)
        following = _build_of(facts, image, build) if image is not None and image not in names else None
        if following is None or image is None:
            return Chain(tuple(found), base if base != "scratch" else None)
        names.add(image)
        build = following


def _add_stages(build: DeclaredBuild, found: list[tuple[DeclaredBuild, ResolvedStage]]) -> int:
    """Add the target of a build and the stages below it; the index of the lowest."""
    stages = {each.stage.index: each for each in build.build.stages}
    index = -1 if build.build.target is None else build.build.target
    while index in stages:
        found.append((build, stages[index]))
        below = stages[index].base
        if below is None:
            break
        index = below
    return index


def _base_of(build: ResolvedBuild, stage: int) -> str | None:
    bases = (each for each in build.bases if each.stage == stage and each.via in ("from", "context"))
    return next((each.reference for each in bases), None)


def _image_of(build: DeclaredBuild, base: str | None) -> str | None:
    """The image of the fleet that ``base``, a reference after expansion, stands for."""
    parsed = None if base is None else parsed_reference(base)
    shown = base if parsed is None else str(parsed)
    return next((each.image for each in build.image.bases if each.reference == shown), None)


def _build_of(facts: Facts, image: str, like: DeclaredBuild) -> DeclaredBuild | None:
    """A build of ``image``, for the same platform where there is one."""
    builds = facts.builds_of.get(image, ())
    same = (each for each in builds if each.platform == like.platform)
    return next(same, builds[0] if builds else None)


@dataclass(frozen=True, slots=True)
class Service:
    """A build of an image that runs something, and the stages under it. ``is_base``: another image of the
    fleet builds on it."""

    build: DeclaredBuild
    under: Chain
    is_base: bool


@lru_cache(maxsize=1)
def services(facts: Facts) -> tuple[Service, ...]:
    """Every build whose image runs something: what has no command, and is on scratch or there for others to
    build on, does not. Several rules ask in turn."""
    bases = {base.image for each in facts.fleet.images for base in each.bases}
    targeted = (each for each in facts.declared if each.build.target is not None and each.build.stages)
    found = (Service(each, chain(facts, each), each.image.name in bases) for each in targeted)
    return tuple(each for each in found if _runs(each))


def _runs(service: Service) -> bool:
    if service.under.last("CMD") is not None or service.under.last("ENTRYPOINT") is not None:
        return True
    return service.under.base is not None and not service.is_base


@dataclass(frozen=True, slots=True)
class User:
    """The user that an image runs as: ``name`` after expansion, None without any USER; ``last`` is the
    instruction. ``root`` tells whether that is root, or has to be taken for it."""

    name: str | None
    root: bool
    base: str | None
    last: Last | None


def final_user(under: Chain) -> User:
    """The user of an image. A base from outside is taken for root unless its name says otherwise; a
    variable without a value is nobody's proof of root."""
    last = under.last("USER")
    if last is None:
        base = under.base or "scratch"
        return User(None, not any(word in base for word in _NOT_ROOT_BY_NAME), under.base, None)
    word = last.instruction.args[0] if last.instruction.args else ""
    try:
        name = expand(word, last.stage.env, last.build.build.dockerfile.escape).text
    except ExpansionError:
        name = word
    return User(name, name.split(":", 1)[0].strip() in _ROOT, under.base, last)


def has_healthcheck(under: Chain) -> bool:
    """Whether an image says how its health is checked."""
    last = under.last("HEALTHCHECK")
    return last is not None and not switches_off(last.instruction)


def switches_off(healthcheck: Instruction) -> bool:
    """Whether it is HEALTHCHECK NONE."""
    return healthcheck.args[:1] == ("NONE",) or [each.upper() for each in healthcheck.args] == ["NONE"]


# --- the fleet in numbers -----------------------------------------------------------------------


def quality_summary(facts: Facts) -> dict[str, tuple[int, int]]:
    """How many images are good in each respect, and of how many: ``multi-stage``, ``non-root`` and
    ``healthcheck``, over the images that run something. An image counts when all of its builds do."""
    images: dict[str, list[Service]] = {}
    for each in services(facts):
        images.setdefault(each.build.image.name, []).append(each)
    good = {
        "multi-stage": sum(all(len(each.build.build.stages) > 1 for each in own) for own in images.values()),
        "non-root": sum(not any(final_user(each.under).root for each in own) for own in images.values()),
        "healthcheck": sum(all(has_healthcheck(each.under) for each in own) for own in images.values()),
    }
    return {name: (count, len(images)) for name, count in good.items()}
