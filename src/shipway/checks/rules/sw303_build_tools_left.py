"""SW303: a compiler or build tool left in the image."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import services, stages_of, tell
from shipway.checks.rule import Rule
from shipway.dockerfile.syntax import Instruction, Stage

_INSTALL = re.compile(
    r"\b(?:apt-get|apt|apk|dnf|microdnf|yum|zypper)\b[^;&|\n]*?\s(?:install|add)\s([^;&|\n]+)"
)
_REMOVE = re.compile(r"\b(?:apt-get|apt|apk|dnf|microdnf|yum)\b[^;&|\n]*?\s(?:purge|remove|autoremove|del)\b")
_TOOLS = frozenset(
    {
        *("build-essential", "build-base", "gcc", "g++", "gcc-c++", "clang", "make", "cmake", "ninja-build"),
        *("go", "golang", "golang-go", "cargo", "rustc", "rust", "maven", "gradle", "autoconf", "automake"),
        *("openjdk-17-jdk", "openjdk-21-jdk", "python3-dev", "libc-dev", "musl-dev"),
    }
)
_BUILDERS = frozenset(
    {"go", "cargo", "mvn", "./mvnw", "gradle", "./gradlew", "dotnet", "npm", "pnpm", "yarn"}
)
_COMPILE = re.compile(
    r"\b(go (?:build|install)|cargo (?:build|install)|(?:\./)?mvnw? (?:\S+ )*(?:package|install|verify)"
    r"|(?:\./)?gradlew? (?:\S+ )*(?:build|bootJar|assemble)|dotnet (?:build|publish)"
    r"|(?:npm|pnpm|yarn) (?:run )?build|make -j\S*|make install)\b"
)


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for service in services(facts):
        build = service.build
        found = None if service.is_base else next(_left(stages_of(build)), None)
        if found is None:
            continue
        instruction, tool = found
        text = facts.text_of(build)
        yield from tell(
            rule,
            text,
            instruction,
            f"{tool} is left in the image {build.image.name}",
            span=text.word_span(instruction, tool),
            subject=tool,
            image=build.image.name,
            cause="the stage that is delivered builds from source itself",
            help="build in a stage of its own, and COPY --from it only what runs",
        )


def _left(stages: Iterator[Stage]) -> Iterator[tuple[Instruction, str]]:
    """The first tool of each RUN that puts one into the image, or shows that the base brings it."""
    for stage in stages:
        for each in stage.instructions:
            if each.keyword == "RUN":
                script = "\n".join((each.original, *(heredoc.content for heredoc in each.heredocs)))
                tool = _tool(script)
                if tool is not None:
                    yield each, tool


def _tool(script: str) -> str | None:
    if _BUILDERS.isdisjoint(script.split()) and _TOOLS.isdisjoint(script.split()):
        return None
    if _REMOVE.search(script) or "--virtual" in script or " -t " in script:
        return None  # taken away again in the same layer, as far as one can tell
    for match in _INSTALL.finditer(script):
        for word in match[1].split():
            if word in _TOOLS:
                return word
    compiled = _COMPILE.search(script)
    return compiled[1] if compiled is not None else None


RULE = Rule(
    id="SW303",
    name="build-tools-left",
    severity="warning",
    summary="A compiler or build tool is left in the image",
    rationale="""\
An image that compiles its own program carries the compiler, the sources and the caches to every node: it is
many times larger, and whoever breaks in finds the tools ready.

```dockerfile
FROM golang:1.25
COPY . /src
RUN cd /src && go build -o /server .
CMD ["/server"]
```

Build in one stage, and deliver another that only copies what runs:

```dockerfile
FROM golang:1.25 AS build
COPY . /src
RUN cd /src && go build -o /server .
FROM gcr.io/distroless/static:nonroot
COPY --from=build /server /server
CMD ["/server"]
```

Looked at are the stage that is delivered and the stages that it builds FROM. A RUN that removes packages
again is left alone, and so is an image that others of the fleet build on.
""",
    check=_check,
)
