"""The instructions that change the configuration alone (BuildKit, dockerfile2llb: dispatch…).

Field names are those of Docker's image configuration; fields that are empty are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from e2b_dockerfile_utils import ShellLex

from shipway.assemble.expose import exposed
from shipway.assemble.signals import is_signal
from shipway.dockerfile.scope import DEFAULT_PATH
from shipway.dockerfile.syntax import Instruction
from shipway.dockerfile.words import ExpansionError, expand
from shipway.errors import CannotAssemble, InvalidValue
from shipway.values import Duration

Config: TypeAlias = dict[str, Any]
FIELDS = (
    *("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal"),
    *("ArgsEscaped", "Healthcheck", "OnBuild", "Shell"),
)
_DEFAULT_SHELL = ("/bin/sh", "-c")
_ONBUILD = re.compile(r"\s*ONBUILD\s*", re.IGNORECASE)
_TIMES = {"interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod"}
_NANOSECONDS = 1_000_000_000


class Settings:
    """The configuration of a stage while its instructions are run. ``env`` are its variables, those of ARG
    included."""

    def __init__(self, config: Mapping[str, Any], env: Mapping[str, str], escape: str) -> None:
        self.config: Config = _deep({name: config[name] for name in FIELDS if config.get(name)})
        self.author = ""
        self.env = dict(env)
        self._escape = escape
        self._has_cmd = False

    def fork(self) -> Settings:
        """What a stage starts with that builds from this one."""
        child = Settings(self.config, self.env, self._escape)
        child.config.pop("OnBuild", None)
        child.author = self.author
        return child

    def expand(self, word: str) -> str:
        """Raises CannotAssemble for a word that engines refuse."""
        try:
            return expand(word, self.env, self._escape).text
        except ExpansionError as error:
            raise CannotAssemble(f"{word!r} cannot be expanded: {error}") from None

    @property
    def workdir(self) -> str:
        return self.config.get("WorkingDir") or "/"

    @property
    def user(self) -> str:
        return str(self.config.get("User", ""))

    def run(self, instruction: Instruction) -> bool:
        """Run the instruction; False when it is none of those that change the configuration alone."""
        method = _METHODS.get(instruction.keyword)
        if method is not None:
            method(self, instruction)
        return method is not None

    # --- variables ----------------------------------------------------------------------------

    def set_variable(self, name: str, value: str) -> None:
        """Set a variable of the image."""
        self.env[name] = value
        variables = self.config.setdefault("Env", [])
        text = f"{name}={value}"
        for at, each in enumerate(variables):
            if each.partition("=")[0] == name:
                variables[at] = text
                return
        variables.append(text)

    def require_path(self) -> None:
        """Every image has a PATH."""
        if not any(each.startswith("PATH=") for each in self.config.get("Env", ())):
            self.set_variable("PATH", DEFAULT_PATH)

    def _env(self, instruction: Instruction) -> None:
        for name, value in self._pairs(instruction):
            self.set_variable(name, value)

    def _label(self, instruction: Instruction) -> None:
        self.config.setdefault("Labels", {}).update(self._pairs(instruction))

    def _pairs(self, instruction: Instruction) -> list[tuple[str, str]]:
        """Names and values, all expanded with the variables before the line."""
        names, values = instruction.args[::3], instruction.args[1::3]
        return [(self.expand(name), self.expand(value)) for name, value in zip(names, values, strict=True)]

    # --- commands -----------------------------------------------------------------------------

    def _command(self, instruction: Instruction) -> list[str]:
        if instruction.json:
            return list(instruction.args)
        return [*(self.config.get("Shell") or _DEFAULT_SHELL), " ".join(instruction.args)]

    def _cmd(self, instruction: Instruction) -> None:
        self.config["Cmd"] = self._command(instruction)
        self.config["ArgsEscaped"] = True
        self._has_cmd = True

    def _entrypoint(self, instruction: Instruction) -> None:
        self.config["Entrypoint"] = self._command(instruction)
        if not self._has_cmd:
            self.config.pop("Cmd", None)

    def _shell(self, instruction: Instruction) -> None:
        self.config["Shell"] = list(instruction.args)

    def _healthcheck(self, instruction: Instruction) -> None:
        kind, *rest = instruction.args or ("",)
        kind = kind.upper()
        if kind == "NONE" and not rest:
            self.config["Healthcheck"] = {"Test": ["NONE"]}
            return
        if kind != "CMD" or not rest:
            raise CannotAssemble(f"HEALTHCHECK {kind} is nothing that engines take")
        test = ["CMD", *rest] if instruction.json else ["CMD-SHELL", " ".join(rest)]
        check: Config = {"Test": test}
        for flag, name in (*_TIMES.items(), ("start-interval", "StartInterval")):
            if (value := instruction.flag(flag)) and (time := _nanoseconds(value)):
                check[name] = time
        if value := instruction.flag("retries"):
            if not value.isdigit():
                raise CannotAssemble(f"HEALTHCHECK --retries={value} is no number")
            if int(value):
                check["Retries"] = int(value)
        self.config["Healthcheck"] = check

    def _onbuild(self, instruction: Instruction) -> None:
        heredocs = instruction.trigger.heredocs if instruction.trigger else ()
        bodies = "".join(f"\n{each.content}{each.name}" for each in heredocs)
        text = _ONBUILD.sub("", instruction.original, count=1)
        self.config.setdefault("OnBuild", []).append(text + bodies)

    # --- the rest -----------------------------------------------------------------------------

    def _user(self, instruction: Instruction) -> None:
        self.config["User"] = self.expand(instruction.args[0])

    def _stop_signal(self, instruction: Instruction) -> None:
        signal = self.expand(instruction.args[0])
        if not is_signal(signal):
            raise CannotAssemble(f"{signal!r} is no signal")
        self.config["StopSignal"] = signal

    def _volume(self, instruction: Instruction) -> None:
        volumes = self.config.setdefault("Volumes", {})
        for word in instruction.args:
            path = self.expand(word.strip())
            if not path:
                raise CannotAssemble("a VOLUME is empty")
            volumes[path] = {}

    def _expose(self, instruction: Instruction) -> None:
        lexer = ShellLex(self._escape, env=self.env, skip_unset_env=False)
        opened = self.config.setdefault("ExposedPorts", {})
        for arg in instruction.args:
            try:
                words = lexer.process_words(arg)
                opened.update({port: {} for word in words for port in exposed(word)})
            except (ValueError, InvalidValue) as error:
                raise CannotAssemble(f"EXPOSE {arg}: {error}") from None

    def _maintainer(self, instruction: Instruction) -> None:
        self.author = instruction.args[0]


_METHODS: Mapping[str, Callable[[Settings, Instruction], None]] = MappingProxyType(
    {
        "ENV": Settings._env,
        "LABEL": Settings._label,
        "CMD": Settings._cmd,
        "ENTRYPOINT": Settings._entrypoint,
        "SHELL": Settings._shell,
        "HEALTHCHECK": Settings._healthcheck,
        "ONBUILD": Settings._onbuild,
        "USER": Settings._user,
        "STOPSIGNAL": Settings._stop_signal,
        "VOLUME": Settings._volume,
        "EXPOSE": Settings._expose,
        "MAINTAINER": Settings._maintainer,
    }
)


def _deep(config: Mapping[str, Any]) -> Config:
    """A copy whose lists and mappings may be changed."""
    return {
        name: list(value) if isinstance(value, list) else dict(value) if isinstance(value, dict) else value
        for name, value in config.items()
    }


def _nanoseconds(text: str) -> int:
    """A duration as Go reads it; 0 leaves what was inherited. Raises CannotAssemble."""
    try:
        time = round(Duration.parse(text).seconds * _NANOSECONDS)
    except InvalidValue:
        raise CannotAssemble(f"{text!r} is no duration") from None
    if 0 < time < _NANOSECONDS // 1000 or "d" in text:
        raise CannotAssemble(f"{text!r} is no duration that engines take")
    return time
