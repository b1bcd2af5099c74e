"""What the fleet file says about rules, as the policy that the runner applies."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import cast

from shipway.checks.finding import Severity
from shipway.checks.selection import PathPolicy, Policy
from shipway.errors import ConfigError
from shipway.fleet.model import CheckSettings, RuleSettings
from shipway.place import Place


def policy_of(settings: CheckSettings, known: Collection[str]) -> Policy:
    """The policy in ``settings``. Raises ConfigError, with its place, for a name that is no rule among
    ``known``; rules of other programs (``DL3008``) pass."""
    every = _part(settings.all, known)
    return Policy(every.ignore, every.severity, tuple(_part(each, known) for each in settings.paths))


def _part(settings: RuleSettings, known: Collection[str]) -> PathPolicy:
    for name, place in (*settings.ignore, *((name, place) for name, _, place in settings.severity)):
        _require_known(name, place, known)
    severity = {name: cast("Severity", word) for name, word, _ in settings.severity}
    return PathPolicy(settings.pattern, tuple(name for name, _ in settings.ignore), severity)


def _require_known(name: str, place: Place, known: Collection[str]) -> None:
    if name.startswith("SW") and name not in known:
        close = get_close_matches(name, known, n=1)
        help = f"did you mean {close[0]}?" if close else None
        raise ConfigError(f"no rule is called {name}", place=place, help=help)
