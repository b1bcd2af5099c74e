"""Findings as JUnit XML: a suite a file, a failed case a finding, a passing case for a clean file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from shipway.checks.finding import Finding
from shipway.checks.runner import CheckResult
from shipway.report.excerpt import Sources
from shipway.report.findings.gather import fix_hint
from shipway.report.findings.presentation import PLAIN, Presentation

# XML 1.0, 2.2: characters that no escape can bring into a document.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_FILE = "fleet"


def junit(result: CheckResult, sources: Sources, presentation: Presentation = PLAIN) -> str:  # noqa: ARG001
    """One document for all files that were looked at."""
    files: dict[str, list[Finding]] = {path: [] for path in presentation.files}
    for finding in result.findings:
        files.setdefault(finding.place.path or _NO_FILE, []).append(finding)
    root = Element("testsuites", {"name": "shipway check", **_numbers(files or {_NO_FILE: []})})
    for path, findings in sorted((files or {_NO_FILE: []}).items()):
        root.append(_suite(path, findings))
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _numbers(files: dict[str, list[Finding]]) -> dict[str, str]:
    tests = sum(max(len(findings), 1) for findings in files.values())
    failures = sum(len(findings) for findings in files.values())
    return {"tests": str(tests), "failures": str(failures), "errors": "0"}


def _suite(path: str, findings: Sequence[Finding]) -> Element:
    name = _legal(path)
    suite = Element("testsuite", {"name": name, **_numbers({path: list(findings)}), "skipped": "0"})
    if not findings:
        SubElement(suite, "testcase", name="no findings", classname=name, file=name)
    for finding in findings:
        suite.append(_case(name, finding))
    return suite


def _case(path: str, finding: Finding) -> Element:
    where = str(finding.place).removeprefix(finding.place.path).replace(":", " at ", 1)
    image = f" ({finding.image})" if finding.image else ""
    name = _legal(f"{finding.rule}{where}{image}")
    case = Element("testcase", name=name, classname=path, file=path)
    if finding.place.line:
        case.set("line", str(finding.place.line))
    message = _legal(finding.message)
    failure = SubElement(case, "failure", type=finding.severity, message=message)
    notes = (("cause", finding.cause), ("help", finding.help), ("fix", fix_hint(finding)))
    told = [f"{finding.place}: {finding.message}" if finding.place.path else finding.message]
    failure.text = _legal("\n".join([*told, *(f"{label}: {note}" for label, note in notes if note)]))
    return case


def _legal(text: str) -> str:
    return _ILLEGAL.sub("", text)
