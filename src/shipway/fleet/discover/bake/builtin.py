"""What a function of bake's standard library is: its parameters, and how they are converted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shipway.fleet.discover.bake.values import Converter, Value, fail


@dataclass(frozen=True, slots=True)
class Builtin:
    """A function with one converter a parameter; the last ``optional`` may be missing, and ``rest``
    takes what comes after them.

    ``structural`` functions hand the elements on untouched, so that one Unknown among them does not
    make the whole result unknown.
    """

    function: Callable[..., Value]
    params: tuple[Converter, ...] = ()
    rest: Converter | None = None
    optional: int = 0
    structural: bool = False

    def __call__(self, arguments: Sequence[Value]) -> Value:
        """The result. Raises Failed when the arguments do not fit."""
        least, most = len(self.params) - self.optional, len(self.params)
        if len(arguments) < least or (len(arguments) > most and self.rest is None):
            fail(f"{least if least == most else f'{least} to {most}'} arguments are needed")
        named = [convert(value) for convert, value in zip(self.params, arguments, strict=False)]
        rest = self.rest
        return self.function(*named, *(rest(value) for value in arguments[most:] if rest is not None))
