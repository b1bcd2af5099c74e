"""All rules over one fleet: what they find, less what is ignored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shipway.checks.baseline import Baseline
from shipway.checks.facts import Facts
from shipway.checks.finding import SEVERITIES, Finding, Severity
from shipway.checks.quality import quality_summary
from shipway.checks.rules.sw001_unused_ignore import RULE as UNUSED
from shipway.checks.rules.sw001_unused_ignore import unused
from shipway.checks.selection import Policy, Selection, selects
from shipway.checks.suppress import Suppression, suppressions
from shipway.checks.table import RULES, known_selectors
from shipway.errors import ShipwayError


@dataclass(frozen=True, slots=True)
class CheckResult:
    """``findings`` in the order of their places. ``suppressed`` and ``baselined`` count what inline ignores
    and the baseline left out; ``stale`` counts places of the baseline that nothing needs any more.
    ``summary`` has JSON-like facts about the fleet."""

    findings: tuple[Finding, ...]
    suppressed: int = 0
    baselined: int = 0
    stale: int = 0
    summary: Mapping[str, object] = field(default_factory=dict)

    def count(self, severity: Severity) -> int:
        """How many findings are of this severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def reaches(self, threshold: Severity) -> bool:
        """Whether a finding is at least as severe as ``threshold``."""
        limit = SEVERITIES.index(threshold)
        return any(SEVERITIES.index(finding.severity) <= limit for finding in self.findings)


EVERYTHING = Selection()
_SELECTORS = frozenset(known_selectors())
NO_POLICY = Policy()
NO_BASELINE = Baseline()


def run_checks(
    facts: Facts,
    selection: Selection = EVERYTHING,
    *,
    policy: Policy = NO_POLICY,
    baseline: Baseline = NO_BASELINE,
    extra: Sequence[Finding] = (),
    ran: Sequence[str] = (),
) -> CheckResult:
    """What the selected rules find in ``facts``, and of ``extra`` what is selected.

    ``extra`` are findings of others (registries, engines, hadolint); ``ran`` names the families of rules
    that they looked for (``SW4``, ``DL``), so that unused ignores of those are told too.
    """
    rules = [rule for rule in RULES if selection.wants(rule.id) and not rule.live]
    raw = [finding for rule in rules for finding in rule.run(facts)]
    raw += [finding for finding in extra if selection.wants(finding.rule)]
    chosen = [each for each in dict.fromkeys(policy.apply(raw)) if selection.wants_image(each.image)]
    comments = _comments(facts, chosen)
    kept, used = _silenced(chosen, comments)
    suppressed = len(chosen) - len(kept)
    if selection.wants(UNUSED.id) and not selection.images:
        looked_for = [*(rule.id for rule in rules), *ran]
        idle = [each for each in comments if each not in used and _all_ran(each, looked_for)]
        kept += policy.apply(map(unused, idle))
    fresh, baselined, stale = baseline.split(kept)
    findings = tuple(sorted(fresh, key=_order))
    return CheckResult(findings, suppressed, baselined, stale, _summary(facts, findings))


def _order(finding: Finding) -> tuple[object, ...]:
    return finding.place, finding.rule, finding.image or "", finding.subject or "", finding.message


def _comments(facts: Facts, findings: Iterable[Finding]) -> list[Suppression]:
    """The inline ignores of every Dockerfile, every declaring file and every file with findings."""
    declaring = (each.place.path for image in facts.fleet.images for each in image.declarations)
    paths = {*facts.dockerfiles, *declaring, *(finding.place.path for finding in findings)}
    found: list[Suppression] = []
    for path in sorted(paths):
        try:
            data = facts.data(path)
        except ShipwayError:
            continue  # a finding of its own tells it
        found += suppressions(path, data, facts.dockerfiles.get(path))
    return found


def _silenced(
    findings: Sequence[Finding], comments: Sequence[Suppression]
) -> tuple[list[Finding], set[Suppression]]:
    """What no comment covers, and the comments that cover something."""
    kept: list[Finding] = []
    used: set[Suppression] = set()
    for finding in findings:
        covering = [each for each in comments if each.covers(finding)]
        used.update(covering)
        if not covering:
            kept.append(finding)
    return kept, used


def _all_ran(comment: Suppression, looked_for: Iterable[str]) -> bool:
    """Whether every rule that a comment names was looked for; one that does not exist counts as such."""
    known = (
        *looked_for,
        *(each for each in comment.rules if each.startswith("SW") and each not in _SELECTORS),
    )
    return all(any(selects(each, rule) or selects(rule, each) for rule in known) for each in comment.rules)


def _summary(facts: Facts, findings: Sequence[Finding]) -> dict[str, object]:
    severities = {str(each): sum(finding.severity == each for finding in findings) for each in SEVERITIES}
    fixable = sum(each.fix is not None and each.fix.applicability != "display" for each in findings)
    return {
        "images": len(facts.fleet.images),
        "dockerfiles": len(facts.dockerfiles),
        **severities,
        "fixable": fixable,
        "quality": {name: list(counts) for name, counts in quality_summary(facts).items()},
    }
