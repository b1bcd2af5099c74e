"""What hadolint reports, as findings of the same report: shell and package hygiene, which it does better.

hadolint runs as a process of its own (see ``flows.hadolint``); here its JSON is read. What a rule of ours
finds too is left to that rule.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, cast

import msgspec

from shipway.checks.finding import Finding, Severity
from shipway.checks.rule import Rule
from shipway.errors import HostError
from shipway.place import Place

FAMILIES = ("DL", "SC")

# ids that rules of ours cover under other names than their aliases, and hadolint's own parse error: its
# parser rejects files that engines accept
_ELSEWHERE = frozenset({"DL1000", "DL3006", "DL3007", "DL3023", "DL3026", "DL3043", "DL3061"})
_SEVERITIES: Mapping[str, Severity] = {
    "error": "error",
    "warning": "warning",
    "info": "info",
    "style": "info",
}
_SHELLCHECK = re.compile(r"SC[0-9]{4}\Z")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def covered(rules: Iterable[Rule]) -> frozenset[str]:
    """The ids of hadolint that ``rules`` find too."""
    return _ELSEWHERE.union(alias for rule in rules for alias in rule.aliases if alias.startswith("DL"))


def parse_report(output: str, leave_out: Collection[str]) -> tuple[Finding, ...]:
    """The findings in what ``hadolint --format json`` writes, without the ids in ``leave_out``.

    Raises HostError for anything but such a report.
    """
    try:
        entries = msgspec.json.decode(output.encode("utf-8", errors="replace"), type=list[dict[str, Any]])
        found = tuple(_finding(entry) for entry in entries)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise HostError(
            "hadolint wrote no report that can be read",
            cause=str(error) or None,
            help="run hadolint --format json on a Dockerfile by hand to see what it says",
        ) from None
    return tuple(each for each in found if each.rule not in leave_out)


def _finding(entry: Mapping[str, object]) -> Finding:
    code, path, message = (str(entry[key]) for key in ("code", "file", "message"))
    line = int(cast("int", entry["line"]))
    return Finding(
        rule=code,
        severity=_SEVERITIES.get(str(entry["level"]), "info"),
        place=Place(path.removeprefix("./"), max(line, 0)),
        message=_COLOUR.sub("", message).strip(),
        help=f"see {_page(code)}",
    )


def _page(code: str) -> str:
    """Where the rule is explained: ShellCheck's rules have pages of their own."""
    if _SHELLCHECK.match(code):
        return f"https://www.shellcheck.net/wiki/{code}"
    return f"https://github.com/hadolint/hadolint/wiki/{code}"
