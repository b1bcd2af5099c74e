"""What an engine prints during one build: handed on live without secrets, its end kept for the error."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable

_KEPT_LINES = 200
_MASK = "***"
# buildah and podman announce "STEP 2/3: RUN …", of several stages "[1/2] STEP 2/3: RUN …"
_STEP = re.compile(r"(?:\[\d+/\d+\] )?STEP \d+/\d+: (.+)")
# BuildKit repeats what failed as " > [build 2/3] RUN …:"
_FAILED_VERTEX = re.compile(r" > \[(?:[^\]\s]+ +)?\d+/\d+\] (.+?):?")
_OWN_ERROR = re.compile(r"(?:#\d+ )?(?:Error|ERROR): |failed to |executor failed ")


class Transcript:
    """Takes the lines of one build; values of ``secrets`` are masked before anyone sees them."""

    def __init__(self, on_line: Callable[[str], None], secrets: Iterable[str]) -> None:
        self._on_line = on_line
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._instruction: str | None = None

    def __call__(self, line: str) -> None:
        for secret in self._secrets:
            line = line.replace(secret, _MASK)
        self._lines.append(line)
        for pattern in (_STEP, _FAILED_VERTEX):
            if match := pattern.fullmatch(line):
                self._instruction = match[1]
        self._on_line(line)

    @property
    def text(self) -> str:
        """The last lines."""
        return "\n".join(self._lines)

    @property
    def instruction(self) -> str | None:
        """The instruction that the build stood at when it failed, where the engine told it."""
        return self._instruction

    @property
    def error(self) -> str:
        """The engine's own last word on what failed, else its last line."""
        said = [line.strip() for line in self._lines if line.strip()]
        own = [line for line in said if _OWN_ERROR.match(line)]
        return (own or said or ["it printed nothing"])[-1]

    def last(self, count: int) -> list[str]:
        """The last lines that are not empty."""
        return [line for line in self._lines if line.strip()][-count:]
