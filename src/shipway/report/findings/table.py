"""Every format of findings, one line each."""

from __future__ import annotations

from shipway.report.findings.concise import concise
from shipway.report.findings.github import github
from shipway.report.findings.gitlab import gitlab
from shipway.report.findings.json_document import findings_json
from shipway.report.findings.junit import junit
from shipway.report.findings.markdown import markdown
from shipway.report.findings.presentation import Render
from shipway.report.findings.rdjson import rdjson
from shipway.report.findings.sarif import sarif
from shipway.report.findings.text import text

FORMATS: dict[str, Render] = {
    "text": text,
    "concise": concise,
    "json": findings_json,
    "sarif": sarif,
    "junit": junit,
    "github": github,
    "gitlab": gitlab,
    "rdjson": rdjson,
    "markdown": markdown,
}
