"""Options of commands that sign, and how a person is asked for a password."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from shipway.wiring.evidence import Ask, EvidenceRequest


@dataclass(frozen=True, slots=True)
class EvidenceOptions:
    """Whether evidence is left with images, and the key that signs it."""

    off: bool
    key: str | None

    def request(self) -> EvidenceRequest:
        """The options in the words of the composition root."""
        from shipway.wiring.evidence import EvidenceRequest

        return EvidenceRequest(not self.off, self.key, person())


_OPTIONS = (
    click.option(
        "--signing-key",
        metavar="FILE|PEM",
        envvar="SHIPWAY_SIGNING_KEY",
        help="Sign with this private key; its password is in SHIPWAY_KEY_PASSWORD or COSIGN_PASSWORD.",
    ),
    click.option("--no-evidence", is_flag=True, help="Leave no provenance and no signature with images."),
)


def evidence_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of evidence; it receives them as one ``evidence`` argument."""

    @functools.wraps(function)
    def wrapper(**options: Any) -> Any:
        chosen = EvidenceOptions(options.pop("no_evidence"), options.pop("signing_key"))
        return function(evidence=chosen, **options)

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper


def person() -> Ask | None:
    """Asks the person at the terminal; None where there is none."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return lambda what: str(click.prompt(what, hide_input=True, default="", show_default=False, err=True))
