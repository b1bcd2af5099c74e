"""What BuildKit rejects after parsing (instructions/parse.go, bflag.go): flags, arguments, order."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from e2b_dockerfile_utils import parse_heredoc

from shipway.dockerfile.syntax import Instruction, SyntaxProblem, printable
from shipway.place import Place

_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*\Z")

# keyword -> flags that take one value, flags that may be repeated, flags that are true or false
_FLAGS: dict[str, tuple[frozenset[str], frozenset[str], frozenset[str]]] = {
    "FROM": (frozenset({"platform"}), frozenset(), frozenset()),
    "ADD": (
        frozenset({"chown", "chmod", "checksum"}),
        frozenset({"exclude"}),
        frozenset({"link", "keep-git-dir", "unpack"}),
    ),
    "COPY": (frozenset({"chown", "chmod", "from"}), frozenset({"exclude"}), frozenset({"link", "parents"})),
    "RUN": (frozenset({"network", "security"}), frozenset({"mount", "device"}), frozenset()),
    "HEALTHCHECK": (
        frozenset({"interval", "timeout", "start-period", "start-interval", "retries"}),
        frozenset(),
        frozenset(),
    ),
}
_NO_FLAGS: tuple[frozenset[str], frozenset[str], frozenset[str]] = (frozenset(), frozenset(), frozenset())
_EXACTLY_ONE = frozenset({"WORKDIR", "USER", "STOPSIGNAL", "MAINTAINER"})
_AT_LEAST_ONE = frozenset({"ENV", "LABEL", "ARG", "EXPOSE", "VOLUME", "SHELL", "HEALTHCHECK"})
_NO_TRIGGER = frozenset({"ONBUILD", "FROM", "MAINTAINER"})


def instruction_problems(instructions: Sequence[Instruction], path: str) -> tuple[SyntaxProblem, ...]:
    """What is wrong with each instruction by itself."""
    return tuple(
        SyntaxProblem(printable(message), Place(path, each.line, each.span.column))
        for each in instructions
        for message in _instruction(each)
    )


def structure_problems(path: str, instructions: Sequence[Instruction]) -> tuple[SyntaxProblem, ...]:
    """What is wrong with their order: an empty file, no FROM, something other than ARG before it."""
    if not instructions:
        return (SyntaxProblem("the file has no instructions", Place(path)),)
    found: list[SyntaxProblem] = []
    for each in instructions:
        if each.keyword == "FROM":
            return tuple(found)
        if each.keyword != "ARG":
            place = Place(path, each.line, each.span.column)
            found.append(
                SyntaxProblem(f"{each.keyword} before the first FROM: only ARG may stand there", place)
            )
    found.append(SyntaxProblem("the file has no FROM, so there is no stage to build", Place(path)))
    return tuple(found)


def _instruction(each: Instruction) -> Iterator[str]:
    yield from _flags(each)
    if each.keyword == "FROM":
        yield from _from(each)
    elif each.keyword in ("COPY", "ADD"):
        yield from _copy(each)
    elif each.keyword == "RUN":
        yield from _mounts(each)
    elif each.keyword == "ONBUILD":
        yield from _onbuild(each)
    elif each.keyword in _EXACTLY_ONE and len(each.args) != 1:
        yield f"{each.keyword} needs exactly one argument"
    elif each.keyword in _AT_LEAST_ONE and not each.args:
        yield f"{each.keyword} needs at least one argument"
    elif each.keyword == "SHELL" and not each.json:
        yield "SHELL needs a JSON array"
    elif each.keyword in ("ENV", "LABEL") and "" in each.args[::3]:
        yield f"{each.keyword} has a blank name"


def _flags(each: Instruction) -> Iterator[str]:
    single, repeated, boolean = _FLAGS.get(each.keyword, _NO_FLAGS)
    seen: set[str] = set()
    for flag in each.flags:
        name, equals, value = flag[2:].partition("=")
        if name in boolean:
            if equals and value.lower() not in ("true", "false"):
                yield f"--{name} of {each.keyword} is true or false, not {value!r}"
        elif name not in single | repeated:
            yield f"{each.keyword} has no flag --{name}{_nearest(name, single | repeated | boolean)}"
        elif not equals:
            yield f"--{name} of {each.keyword} needs a value"
        if name in seen and name not in repeated:
            yield f"--{name} of {each.keyword} stands twice"
        seen.add(name)


def _nearest(name: str, known: frozenset[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), 1)
    return f"; did you mean --{close[0]}?" if close else ""


def _from(each: Instruction) -> Iterator[str]:
    if len(each.args) not in (1, 3) or (len(each.args) == 3 and each.args[1].lower() != "as"):
        yield "FROM needs an image, or an image, AS and a name"
    elif len(each.args) == 3 and not _STAGE_NAME.match(each.args[2].lower()):
        yield (f"{each.args[2]!r} is no stage name: a letter, then letters, digits, '-', '_' and '.'")


def _copy(each: Instruction) -> Iterator[str]:
    if len(each.args) < 2:
        yield f"{each.keyword} needs a source and a destination"
    elif is_heredoc(each.args[-1]) and not each.json:
        yield f"{each.keyword} cannot have a here-document as its destination"


def is_heredoc(word: str) -> bool:
    """Whether a word of COPY or ADD stands for a here-document."""
    if not word.startswith("<<") and "<<" not in word[:12]:
        return False
    try:
        return parse_heredoc(word) is not None
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def mount_fields(value: str) -> tuple[tuple[str, str], ...]:
    """The fields of ``--mount``, keys in lower case. Raises ValueError for malformed quotes."""
    try:
        rows = list(csv.reader([value], strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from None
    fields = (field.partition("=") for field in (rows[0] if rows else []))
    return tuple((key.lower(), text) for key, _, text in fields)


def _mounts(each: Instruction) -> Iterator[str]:
    for value in each.flag_values("mount"):
        try:
            fields = mount_fields(value)
        except ValueError as error:
            yield f"--mount cannot be read: {error}"
            continue
        for key, text in fields:
            if key == "from" and "$" in text[:-1]:
                yield (
                    f"from={text} of --mount: variables are not expanded there; name a stage with"
                    f" 'FROM {text} AS name' and mount from that"
                )


def _onbuild(each: Instruction) -> Iterator[str]:
    word = each.original.split()[1:2]
    if not word:
        yield "ONBUILD needs an instruction"
    elif word[0].upper() in _NO_TRIGGER:
        yield f"ONBUILD cannot hold {word[0].upper()}"
    elif each.trigger is not None:
        yield from (f"ONBUILD: {message}" for message in _instruction(each.trigger))
