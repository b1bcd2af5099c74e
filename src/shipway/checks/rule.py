"""What a rule is: one module with one ``RULE``, listed in the table of ``checks.table``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from shipway.checks.facts import Facts
from shipway.checks.finding import Applicability, Finding, Severity
from shipway.place import Place

Check: TypeAlias = Callable[["Rule", Facts], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """``id`` is SW and three digits, ``name`` a few words in kebab-case, ``summary`` one line.

    ``rationale`` is the rule's page in Markdown: what is wrong, an example, how to mend it, and the
    source (a BuildKit rule, a specification). ``fix`` tells whether and how surely it can mend.
    ``live`` rules are not run over files: what they find needs a registry or an engine (``flows.live``).
    ``aliases`` are the names of the same rule elsewhere: of a BuildKit check, and ids of hadolint.
    """

    id: str
    name: str
    severity: Severity
    summary: str
    rationale: str
    check: Check
    fix: Applicability | None = None
    aliases: tuple[str, ...] = ()
    live: bool = False

    def run(self, facts: Facts) -> Iterable[Finding]:
        """Everything this rule finds."""
        return self.check(self, facts)

    def finding(self, place: Place, message: str, **more: object) -> Finding:
        """A finding of this rule with its severity; ``more`` are further fields of ``Finding``."""
        return Finding(self.id, self.severity, place, message, **more)  # type: ignore[arg-type]


def seen_live(_rule: Rule, _facts: Facts) -> Iterable[Finding]:
    """The check of a live rule: files alone never tell what it finds."""
    return ()
