"""Findings one a line, as editors and grep like them: ``path:line:column: SW101 message``."""

from __future__ import annotations

from shipway.checks.runner import CheckResult
from shipway.report.excerpt import Sources
from shipway.report.findings.gather import Group, grouped
from shipway.report.findings.presentation import PLAIN, Presentation
from shipway.report.text import one_line


def concise(result: CheckResult, sources: Sources, presentation: Presentation = PLAIN) -> str:  # noqa: ARG001
    """One line a finding, nothing when there is none."""
    return "".join(f"{concise_line(group)}\n" for group in grouped(result.findings))


def concise_line(group: Group) -> str:
    """Place, rule, message, and the images that it concerns."""
    finding = group.finding
    images = f" ({group.concerns})" if group.images else ""
    place = one_line(str(finding.place)) or "fleet"
    return f"{place}: {finding.rule} {one_line(finding.message + images)}"
