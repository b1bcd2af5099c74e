"""ARG and ENV: what a variable is worth at a line (BuildKit, dockerfile2llb: defaultArgs, dispatchArg)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shipway.dockerfile.resolved import UsedArg
from shipway.dockerfile.syntax import Dockerfile, Instruction
from shipway.dockerfile.words import ExpansionError, expand
from shipway.values import Platform

PLATFORM_ARGS = frozenset(
    {
        f"{side}{part}"
        for side in ("BUILD", "TARGET")
        for part in ("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT")
    }
    | {"TARGETSTAGE"}
)
PREDEFINED_ARGS = PLATFORM_ARGS | frozenset(
    name
    for plain in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
    for name in (plain, plain.upper())
)
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def platform_args(platform: Platform, build: Platform, target: str) -> dict[str, str]:
    """The args that BuildKit sets by itself; ``target`` is the name of the stage that is built."""
    values = {"TARGETSTAGE": target or "default"}
    for side, each in (("TARGET", platform), ("BUILD", build)):
        values |= {
            f"{side}PLATFORM": str(each),
            f"{side}OS": each.os,
            f"{side}OSVERSION": "",
            f"{side}ARCH": each.architecture,
            f"{side}VARIANT": each.variant,
        }
    return values


def declarations(instruction: Instruction) -> Iterator[tuple[str, str | None]]:
    """Each name of an ARG with its default as written, None for a bare one."""
    for word in instruction.args:
        name, equals, value = word.partition("=")
        yield name, value if equals else None


class Globals:
    """The variables before the first FROM, and which of them were read.

    ``errors`` holds the ARG instructions that cannot be expanded and why.
    """

    def __init__(self, dockerfile: Dockerfile, args: Mapping[str, str], defaults: Mapping[str, str]) -> None:
        self.values = {name: args.get(name, value) for name, value in defaults.items()}
        self.lines: dict[str, int] = {}
        self.errors: list[tuple[Instruction, str, str]] = []
        for instruction in dockerfile.global_args:
            for name, default in declarations(instruction):
                self._declare(instruction, name, args.get(name), default, dockerfile.escape)

    def _declare(
        self, instruction: Instruction, name: str, given: str | None, default: str | None, escape: str
    ) -> None:
        self.lines[name] = instruction.line
        value = given
        if value is None and default is not None:
            try:
                value = expand(default, self.values, escape).text
            except ExpansionError as error:
                self.errors.append((instruction, default, str(error)))
        if value is not None:
            self.values[name] = value

    def used(self, name: str, given: Mapping[str, str]) -> UsedArg | None:
        """How the global ``name`` takes effect; None when it has no value."""
        value = self.values.get(name)
        if value is None:
            return None
        if name in given and (name in self.lines or name in PLATFORM_ARGS):
            return UsedArg(name, value, self.lines.get(name, 0), "build-arg")
        return UsedArg(name, value, self.lines.get(name, 0), "global" if name in self.lines else "platform")


def scratch_env() -> dict[str, str]:
    """The variables of a stage that builds FROM scratch."""
    return {"PATH": DEFAULT_PATH}


def declare(
    instruction: Instruction, env: dict[str, str], args: Mapping[str, str], outer: Globals, escape: str
) -> Iterator[UsedArg]:
    """Run an ARG of a stage: set its names in ``env``, one after the other, and yield those with a value.

    A build arg wins over the default, the default over the global one; a later line wins over an earlier
    ENV. Raises ExpansionError.
    """
    for word, written in declarations(instruction):
        name = expand(word, env, escape).text
        if name in args:
            used = UsedArg(name, args[name], instruction.line, "build-arg")
        elif written is not None:
            used = UsedArg(name, expand(written, env, escape).text, instruction.line, "default")
        elif name in outer.values:
            origin = "global" if name in outer.lines else "platform"
            used = UsedArg(
                name, outer.values[name], instruction.line, "global" if origin == "global" else "platform"
            )
        else:
            continue
        env[name] = used.value
        yield used


def assign(instruction: Instruction, env: dict[str, str], escape: str) -> None:
    """Run an ENV: every value is expanded with the variables before the line. Raises ExpansionError."""
    before = dict(env)
    for name, value in zip(instruction.args[::3], instruction.args[1::3], strict=True):
        env[expand(name, before, escape).text] = expand(value, before, escape).text
