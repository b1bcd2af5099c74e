"""Command lines of docker, buildx, podman and buildah that build images."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from shipway.fleet.discover.workflows.build import Bake, Build, output_names, pushes
from shipway.fleet.discover.workflows.holes import hole, is_hole, show
from shipway.fleet.discover.workflows.scope import Text
from shipway.fleet.discover.workflows.shell import Command
from shipway.place import Place

# programs that run the command that follows them, with their options that take a value
_WRAPPERS: dict[str, frozenset[str]] = {
    "sudo": frozenset({"-u", "-g", "-C", "-h", "-p", "-U", "-D"}),
    "env": frozenset({"-u", "-C", "-S"}),
    "time": frozenset({"-f", "-o"}),
    "timeout": frozenset({"-s", "-k"}),
    "nice": frozenset({"-n"}),
    "exec": frozenset({"-a"}),
    "command": frozenset(),
    "nohup": frozenset(),
}
# options before the subcommand that take a value
_GLOBAL_VALUES = """
    -c --context -H --host --config -l --log-level --tlscacert --tlscert --tlskey --builder --root
    --runroot --storage-driver --storage-opt --connection --url --identity --registries-conf
    --cgroup-manager
"""
# after the global options of a program: the words of a subcommand that builds
_BUILDS: dict[str, frozenset[tuple[str, ...]]] = {
    "docker": frozenset(
        {("build",), ("image", "build"), ("builder", "build"), ("buildx", "build"), ("buildx", "b")}
    ),
    "podman": frozenset({("build",), ("image", "build"), ("buildx", "build")}),
    "nerdctl": frozenset({("build",), ("image", "build"), ("builder", "build")}),
    "buildah": frozenset({("build",), ("bud",), ("build-using-dockerfile",)}),
    "docker-buildx": frozenset({("build",), ("b",)}),
}
_BAKES: dict[str, frozenset[tuple[str, ...]]] = {
    "docker": frozenset({("buildx", "bake"), ("buildx", "f"), ("bake",)}),
    "docker-buildx": frozenset({("bake",), ("f",)}),
}
# options of a build that take no value; every other one takes one
_FLAGS = """
    --no-cache --pull --pull-always --pull-never --push --load --quiet -q --rm --force-rm --squash
    --squash-all --compress --check --debug -D --help --layers --all-platforms --omit-history
    --stdin --tls-verify --disable-compression --disable-content-trust --identity-label --print
    --inherit-labels --inherit-annotations --skip-unused-stages --no-hosts --no-hostname
    --rewrite-timestamp --save-stages --rusage
"""
# with one of these a build only tells something
_ONLY_LOOK = frozenset({"--check", "--help", "--print"})
_SHORT = {
    "-f": "--file",
    "-t": "--tag",
    "-o": "--output",
    "-q": "--quiet",
    "-D": "--debug",
}


@dataclass(slots=True)
class _Options:
    values: dict[str, list[str]] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    operands: list[str] = field(default_factory=list)


def read(command: Command, place: Place) -> Build | Bake | None:
    """What a command builds; None when it builds nothing. ``place`` is where it stands."""
    words = _unwrapped(command.words)
    if not words:
        return None
    program = posixpath.basename(words[0])
    rest = _subcommand(words[1:], _BUILDS.get(program, frozenset()))
    if rest is not None:
        options = _parse(rest)
        if options.flags & _ONLY_LOOK:
            return None
        return _build(command, options, place, containerfile=program in ("podman", "buildah"))
    rest = _subcommand(words[1:], _BAKES.get(program, frozenset()))
    if rest is None:
        return None
    files = tuple(Text(value, place) for value in _parse(rest).values.get("--file", []))
    return Bake(place, command.directory, files)


def _unwrapped(words: Sequence[str]) -> Sequence[str]:
    while words and (values := _WRAPPERS.get(posixpath.basename(words[0]))) is not None:
        wrapper = posixpath.basename(words[0])
        words = words[1:]
        while words and (words[0].startswith("-") or (wrapper in ("sudo", "env") and _assigns(words[0]))):
            words = words[2:] if words[0] in values else words[1:]
        if wrapper == "timeout":
            words = words[1:]
    return words


def _assigns(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()


def _subcommand(words: Sequence[str], known: frozenset[tuple[str, ...]]) -> Sequence[str] | None:
    """What follows one of the ``known`` subcommands; None when the words are another one."""
    path: tuple[str, ...] = ()
    while words:
        word, words = words[0], words[1:]
        if word.startswith("-"):
            words = words[1:] if word in _GLOBAL_VALUES.split() else words
            continue
        path = (*path, word)
        if path in known:
            return words
        if not any(each[: len(path)] == path for each in known):
            return None
    return None


def _parse(words: Sequence[str]) -> _Options:
    options = _Options()
    rest = iter(words)
    for word in rest:
        if word == "--":
            options.operands += rest
        elif word == "-" or not word.startswith("-"):
            options.operands.append(word)
        else:
            _option(word, rest, options)
    return options


def _option(word: str, rest: Iterator[str], options: _Options) -> None:
    name, equals, value = word.partition("=")
    if not word.startswith("--") and len(name) > 2:
        name, equals, value = word[:2], "=", word[2:].removeprefix("=")
    name = _SHORT.get(name, name)
    if name in _FLAGS.split():
        if value.lower() not in ("false", "0"):
            options.flags.add(name)
        return
    options.values.setdefault(name, []).append(value if equals else next(rest, ""))


def _build(command: Command, options: _Options, place: Place, *, containerfile: bool) -> Build:
    outputs = _texts(options, "--output", place)
    operand, unclear = _context(options.operands, place)
    stdin = _stdin(command, options, operand, place)
    tags = (*_texts(options, "--tag", place), *_texts(options, "--manifest", place))
    return Build(
        place=place,
        directory=command.directory,
        context=operand,
        file=stdin if stdin is not None else _last(options, "--file", place),
        target=_last(options, "--target", place),
        args=tuple(_argument(text, command) for text in _texts(options, "--build-arg", place)),
        contexts=_texts(options, "--build-context", place),
        platforms=tuple(
            Text(item.strip(), place)
            for text in _texts(options, "--platform", place)
            for item in text.value.split(",")
            if item.strip()
        ),
        tags=(*tags, *output_names(outputs)),
        labels=_texts(options, "--label", place),
        secrets=_texts(options, "--secret", place),
        ssh=_texts(options, "--ssh", place),
        cache_from=_texts(options, "--cache-from", place),
        cache_to=_texts(options, "--cache-to", place),
        inline=command.stdin if _reads_stdin(options, operand) else None,
        containerfile=containerfile,
        local="--load" in options.flags and "--push" not in options.flags and not pushes(outputs),
        unclear=unclear,
    )


def _texts(options: _Options, name: str, place: Place) -> tuple[Text, ...]:
    return tuple(Text(value, place) for value in options.values.get(name, []) if value)


def _last(options: _Options, name: str, place: Place) -> Text | None:
    texts = _texts(options, name, place)
    return texts[-1] if texts else None


def _argument(text: Text, command: Command) -> Text:
    """``--build-arg NAME`` takes its value from the environment, where a step may have set it."""
    if "=" in text.value or text.value not in command.variables:
        return text
    return Text(f"{text.value}={command.variables[text.value]}", text.place)


def _context(operands: Sequence[str], place: Place) -> tuple[Text | None, tuple[Text, ...]]:
    """The context among the operands, and variables beside it that may hold any options."""
    known = [operand for operand in operands if not is_hole(operand)]
    unclear = [operand for operand in operands if is_hole(operand)]
    if not known and len(unclear) == 1:
        known, unclear = unclear, []
    context = Text(known[0], place) if known else None
    return context, tuple(Text(operand, place) for operand in unclear)


def _reads_stdin(options: _Options, operand: Text | None) -> bool:
    files = options.values.get("--file", [])
    return files[-1] == "-" if files else operand is not None and operand.value == "-"


def _stdin(command: Command, options: _Options, operand: Text | None, place: Place) -> Text | None:
    """The Dockerfile that comes through standard input: a file after ``<``, or unknown from a pipe."""
    if not _reads_stdin(options, operand) or command.stdin is not None:
        return None
    if command.stdin_file is not None:
        return Text(command.stdin_file, place)
    return Text(hole(f"standard input of {show(' '.join(command.words[:2]))}"), place)
