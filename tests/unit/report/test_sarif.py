from __future__ import annotations

import json
import re
from urllib.parse import unquote

import pytest
from jsonschema import Draft202012Validator

from shipway.checks.finding import Edit, Finding, Fix
from shipway.checks.rule import Rule
from shipway.checks.runner import CheckResult
from shipway.checks.table import RULES
from shipway.errors import ConfigError
from shipway.place import Place
from shipway.report.findings.linehash import LineHashes
from shipway.report.findings.presentation import PLAIN, Presentation
from shipway.report.findings.sarif import MOST_RESULTS, rule_descriptor, sarif

# What GitHub documents of the SARIF that it takes, beside the properties of the standard that we write.
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
DESCRIPTION = {"type": "object", "required": ["text"], "properties": {"text": {"maxLength": 1024}}}
RULE = {
    "type": "object",
    "required": ["id", "shortDescription", "fullDescription", "help"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "name": {"type": "string", "maxLength": 255},
        "shortDescription": {"allOf": [TEXT, DESCRIPTION]},
        "fullDescription": {"allOf": [TEXT, DESCRIPTION]},
        "help": TEXT,
        "defaultConfiguration": {"properties": {"level": {"enum": ["error", "warning", "note"]}}},
        "properties": {
            "properties": {
                "tags": {"type": "array", "maxItems": 20, "items": {"type": "string"}},
                "precision": {"enum": ["very-high", "high", "medium", "low"]},
                "problem.severity": {"enum": ["error", "warning", "recommendation"]},
            }
        },
    },
}
REGION = {
    "type": "object",
    "required": ["startLine"],
    "additionalProperties": False,
    "properties": {
        name: {"type": "integer", "minimum": 1}
        for name in ("startLine", "startColumn", "endLine", "endColumn")
    },
}
ARTIFACT = {
    "type": "object",
    "required": ["uri"],
    "properties": {
        "uri": {"type": "string", "pattern": r"^(?!/|\.\./)([A-Za-z0-9._~!$&'()*+,;=@/-]|%[0-9A-F]{2})+$"}
    },
}
RESULT = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
    "properties": {
        "level": {"enum": ["error", "warning", "note"]},
        "message": TEXT,
        "locations": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "required": ["physicalLocation"],
                "properties": {
                    "physicalLocation": {
                        "required": ["artifactLocation", "region"],
                        "properties": {"artifactLocation": ARTIFACT, "region": REGION},
                    }
                },
            },
        },
        "partialFingerprints": {
            "required": ["primaryLocationLineHash"],
            "additionalProperties": {"type": "string"},
        },
    },
}
LOG = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 20,
            "items": {
                "required": ["tool", "automationDetails", "results"],
                "properties": {
                    "tool": {
                        "properties": {
                            "driver": {
                                "required": ["name", "rules"],
                                "properties": {"rules": {"items": RULE}},
                            }
                        }
                    },
                    "results": {"maxItems": MOST_RESULTS, "items": RESULT},
                },
            },
        },
    },
}


def no_file(path: str) -> bytes:
    raise ConfigError(f"cannot read {path}")


def run_of(
    *findings: Finding, files: dict[str, bytes] | None = None, presentation: Presentation = PLAIN
) -> dict:  # type: ignore[type-arg]
    sources = files.__getitem__ if files is not None else no_file
    document = json.loads(sarif(CheckResult(findings), sources, presentation))
    Draft202012Validator(LOG).validate(document)
    run: dict = document["runs"][0]  # type: ignore[type-arg]
    return run


def finding(place: Place, **more: object) -> Finding:
    return Finding("SW001", "warning", place, "a message", **more)  # type: ignore[arg-type]


def location(result: dict) -> dict:  # type: ignore[type-arg]
    where: dict = result["locations"][0]["physicalLocation"]  # type: ignore[type-arg]
    return where


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_is_described_as_github_wants_it(rule: Rule) -> None:
    descriptor = rule_descriptor(rule)
    Draft202012Validator(RULE).validate(descriptor)
    assert descriptor["help"]["text"] == rule.rationale  # type: ignore[index]


def test_rules_are_listed_once_and_results_point_at_them() -> None:
    others = [Finding(id, "error", Place("f", 1), "m", help="h") for id in ("DL3008", "DL3006", "DL3008")]
    run = run_of(*others, finding(Place("f", 2)))
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["DL3006", "DL3008", "SW001"]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])


def test_columns_count_utf16_units_and_a_byte_order_mark_has_none() -> None:
    data = "\ufeffCOPY 🐳 x\n".encode()
    [result] = run_of(finding(Place("f", 1, 8), subject="x"), files={"f": data})["results"]
    assert location(result)["region"] == {"startLine": 1, "startColumn": 9, "endColumn": 10}


def test_an_end_in_another_line_keeps_its_own_column() -> None:
    data = b"RUN a \\\n 1\n"
    [result] = run_of(finding(Place("f", 1, 5), end=Place("f", 2, 3)), files={"f": data})["results"]
    assert location(result)["region"] == {"startLine": 1, "startColumn": 5, "endLine": 2, "endColumn": 3}


def test_paths_become_relative_uris() -> None:
    path = "a b/ü#1?%:\udcff"
    [result] = run_of(finding(Place(path, 1)), presentation=Presentation(prefix="sub"))["results"]
    uri = location(result)["artifactLocation"]["uri"]
    assert uri == "sub/a%20b/%C3%BC%231%3F%25%3A%FF"
    assert unquote(uri, errors="surrogateescape") == f"sub/{path}"


@pytest.mark.parametrize("path", ["", "..", "../../other/Dockerfile", "/etc/Dockerfile"])
def test_findings_outside_of_the_repository_are_shown_at_the_fleet_file(path: str) -> None:
    [result] = run_of(finding(Place(path, 3 if path else 0)), presentation=Presentation(prefix="sub"))[
        "results"
    ]
    assert location(result)["artifactLocation"]["uri"] == "sub/shipway.yaml"
    assert location(result)["region"] == {"startLine": 1}
    assert result["message"]["text"].startswith(path or "a message")


def test_another_repository_that_lies_within_is_named_from_the_root() -> None:
    [result] = run_of(finding(Place("../api/Dockerfile", 1)), presentation=Presentation(prefix="fleet"))[
        "results"
    ]
    assert location(result)["artifactLocation"]["uri"] == "api/Dockerfile"


def test_the_line_hash_is_the_one_that_the_upload_action_would_add() -> None:
    data = b"FROM a\nCOPY x /\n"
    run = run_of(finding(Place("f", 2, 6)), finding(Place("f")), files={"f": data})
    hashes = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert hashes == [LineHashes(data).of(2), LineHashes(data).of(1)]


def test_findings_without_lines_have_hashes_of_their_own() -> None:
    run = run_of(finding(Place("")), Finding("SW001", "error", Place(""), "another"))
    hashes = {result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]}
    assert len(hashes) == 2
    assert all(re.fullmatch("[0-9a-f]{16}:1", each) for each in hashes)


def test_a_place_that_is_wrong_for_several_images_is_one_result() -> None:
    found = [finding(Place("f", 1), image=name) for name in ("a", "b", "c", "d", "e", "f")]
    [result] = run_of(*found)["results"]
    assert result["message"]["text"] == "a message (a, b, c, d and 2 more)"
    assert result["properties"] == {"images": ["a", "b", "c", "d", "e", "f"]}


def test_the_severest_results_stay_when_there_are_too_many() -> None:
    many = [Finding("SW001", "info", Place("f", number), "m") for number in range(1, MOST_RESULTS + 3)]
    run = run_of(*many, Finding("SW001", "error", Place("z", 1), "m"))
    assert len(run["results"]) == MOST_RESULTS
    assert run["results"][0]["level"] == "error"
    [notice] = run["invocations"][0]["toolExecutionNotifications"]
    assert notice["message"]["text"].startswith("3 more findings")


def test_the_category_tells_uploads_apart() -> None:
    run = run_of(presentation=Presentation(category="shipway-live"))
    assert run["automationDetails"] == {"id": "shipway-live/"}


def test_edits_are_replacements_of_bytes() -> None:
    fix = Fix("safe", "mend it", (Edit("f", 2, 5, "é"),))
    [result] = run_of(finding(Place("f", 1), fix=fix), files={"f": b"abcdef"})["results"]
    [change] = result["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {"deletedRegion": {"byteOffset": 2, "byteLength": 3}, "insertedContent": {"text": "é"}}
    ]
