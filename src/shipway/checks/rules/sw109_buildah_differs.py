"""SW109: where buildah, which builds this fleet, decides otherwise than BuildKit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.checks.sources import place_of
from shipway.dockerfile.resolved import CopyStep
from shipway.dockerfile.syntax import Instruction, Stage, printable
from shipway.place import Place

_BUILDAH_ENGINES = frozenset({"buildah", "podman"})
_MODIFIER = re.compile(r"\$\{\w+(?:[#%/]|-|:\?)")
_VARIABLE = re.compile(r"\$\{?\w")
_FLAGS = ("link", "parents", "exclude")


@dataclass(frozen=True, slots=True)
class _Difference:
    place: Place
    subject: str
    message: str
    help: str


_Seen = Iterator[_Difference]


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    if facts.fleet.engine not in _BUILDAH_ENGINES:
        return
    for build in facts.declared:
        for look in _LOOKS:
            for each in look(facts, build):
                yield rule.finding(
                    each.place,
                    printable(each.message),
                    image=build.image.name,
                    subject=printable(each.subject),
                    cause="the fleet builds with buildah, which decides otherwise than BuildKit here",
                    help=each.help,
                )


def _instructions(build: DeclaredBuild) -> Iterator[Instruction]:
    for stage in build.build.stages:
        yield from stage.stage.instructions


def _heredocs(facts: Facts, build: DeclaredBuild) -> _Seen:
    for each in _instructions(build):
        if each.heredocs:
            yield _Difference(
                facts.place(build, each.line),
                each.heredocs[0].name,
                f"{each.keyword} with a here-document, which buildah before 1.33 does not know",
                "copy a file, or RUN printf",
            )


def _flags(facts: Facts, build: DeclaredBuild) -> _Seen:
    for each in _instructions(build):
        if each.keyword not in ("COPY", "ADD"):
            continue
        for flag in _FLAGS:
            if each.switched_on(flag) or each.flag(flag) is not None:
                yield _Difference(
                    facts.place(build, each.line),
                    f"--{flag}",
                    f"{each.keyword} --{flag}, which buildah 1.28 does not know",
                    "leave the flag out, or build with a buildah that has it",
                )


def _nothing_matches(facts: Facts, build: DeclaredBuild) -> _Seen:
    outcomes = {id(each.read): each for each in build.report.outcomes}
    for stage in build.build.stages:
        for step in stage.steps:
            if not isinstance(step, CopyStep) or not step.reads or step.heredocs:
                continue
            found = [outcomes[id(read)] for read in step.reads if id(read) in outcomes]
            known = all(each.certain and not each.failed for each in found)
            if found and known and not any(each.matched for each in found):
                yield _Difference(
                    place_of(facts, build, step.reads[0]),
                    step.reads[0].source,
                    "nothing matches any source of this instruction: buildah fails, BuildKit copies nothing",
                    "name one source that is always there in the same instruction",
                )


def _modifiers(facts: Facts, build: DeclaredBuild) -> _Seen:
    for outcome in build.report.outcomes:
        if _MODIFIER.search(outcome.read.source):
            yield _Difference(
                place_of(facts, build, outcome.read),
                outcome.read.source,
                f"buildah does not know the modifier in {outcome.read.source}",
                "use ${NAME} or ${NAME:-default}",
            )


def _stage_names(facts: Facts, build: DeclaredBuild) -> _Seen:
    """``--from`` in another case than the stage's name, and FROM with a variable that names a stage."""
    named = {stage.name: _written(stage) for stage in build.build.dockerfile.stages if stage.name}
    for each in _instructions(build):
        wanted = each.flag("from") if each.keyword == "COPY" else None
        if (
            wanted
            and wanted.lower() in named
            and wanted != named[wanted.lower()]
            and wanted != wanted.lower()
        ):
            yield _Difference(
                facts.place(build, each.line),
                wanted,
                f"the stage is called {named[wanted.lower()]}; buildah tells cases apart",
                f"write --from={named[wanted.lower()]}",
            )
    for resolved in build.build.stages:
        if resolved.base is not None and _VARIABLE.search(resolved.stage.base):
            yield _Difference(
                facts.place(build, resolved.stage.line),
                resolved.stage.base,
                f"FROM {resolved.stage.base} names a stage by a variable, which buildah takes for an image",
                "name the stage literally",
            )


def _written(stage: Stage) -> str:
    """The name of a stage as its FROM writes it."""
    return stage.origin.args[-1] if len(stage.origin.args) == 3 else stage.name or ""


def _arg_after_env(facts: Facts, build: DeclaredBuild) -> _Seen:
    for resolved in build.build.stages:
        env: set[str] = set()
        for each in resolved.stage.instructions:
            if each.keyword == "ENV":
                env.update(each.args[::3])
            elif each.keyword == "ARG":
                for word in each.args:
                    name, equals, _ = word.partition("=")
                    if name in env and (equals or build.inputs.args.get(name)):
                        yield _Difference(
                            facts.place(build, each.line),
                            name,
                            f"ENV sets {name} above: BuildKit takes the ARG from here on, buildah the ENV",
                            "give the two different names",
                        )


_LOOKS: tuple[Callable[[Facts, DeclaredBuild], _Seen], ...] = (
    _heredocs,
    _flags,
    _nothing_matches,
    _modifiers,
    _stage_names,
    _arg_after_env,
)

RULE = Rule(
    id="SW109",
    name="buildah-differs",
    severity="warning",
    summary="What buildah decides otherwise than BuildKit, in a fleet that builds with buildah",
    rationale="""\
BuildKit is the yardstick of every other rule. A fleet whose file says `engine: buildah` (or `podman`, which
builds with it) is told where that engine differs, as seen with buildah 1.28 of Debian 12:

* here-documents, and the flags `--link`, `--parents` and `--exclude`, are unknown;
* an instruction of which no source matches anything fails, where BuildKit copies nothing;
* `${V#p}`, `${V%p}`, `${V/a/b}`, `${V-x}` and `${V:?m}` are not expanded;
* stage names are told apart by case, and a variable in FROM never names a stage;
* ENV beats a later ARG of the same name.

```dockerfile
COPY --link requirements*.txt /app/
```

Newer releases of buildah know more of these; the contract tests of Shipway compare engines on real builds.
""",
    check=_check,
)
