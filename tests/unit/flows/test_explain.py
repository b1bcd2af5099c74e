"""An explanation names everything that counts, and what is not as it was."""

from __future__ import annotations

import json

from shipway.flows.explain import explain_image
from shipway.ledger.sqlite import SqliteLedger
from shipway.planning.explain import Explanation
from shipway.planning.plan import Choices
from shipway.report.explain_report import explain_json, explain_text
from shipway.testing.harbour import Harbour


async def explained(harbour: Harbour, image: str) -> Explanation:
    prepared = await harbour.plan(Choices(frozenset({image})))
    ledger = SqliteLedger(harbour.state, create=False)
    try:
        return explain_image(prepared, ledger, image)
    finally:
        ledger.close()


async def test_what_was_never_delivered_is_all_listed_and_compared_with_nothing(harbour: Harbour) -> None:
    (harbour.root / "solo/Dockerfile").write_text(
        "FROM docker.io/library/alpine:3\nADD https://example.test/x /x\nCOPY f /f\n"
    )
    found = await explained(harbour, "solo")
    assert [(each.kind, each.name) for each in found.inputs] == [
        ("dockerfile", "as evaluated"),
        ("file", "f"),
        ("setting", "platforms"),
        ("base", "docker.io/library/alpine:3"),
    ]
    assert (found.action, found.why, found.differences) == ("build", ("never delivered",), ())
    assert found.uncovered == ("https://example.test/x",)
    text = explain_text(found)
    assert "never delivered from here" in text
    assert "not covered: what https://example.test/x holds" in text


async def test_what_stands_has_no_difference(harbour: Harbour) -> None:
    await harbour.ship("solo")
    found = await explained(harbour, "solo")
    assert (found.action, found.compared, found.differences) == ("reuse", True, ())
    assert found.last is not None
    assert f"last delivered as {harbour.destination}/shop/solo:1@sha256:" in explain_text(found)
    assert "0 differences to what it was made from" in explain_text(found)


async def test_every_difference_is_shown_with_what_was(harbour: Harbour) -> None:
    (harbour.root / "mid/gone").write_text("1")
    (harbour.root / "mid/Dockerfile").write_text(f"FROM {harbour.destination}/shop/base\nCOPY f gon[e] /d/\n")
    await harbour.ship("mid")
    (harbour.root / "base/f").write_text("2")
    (harbour.root / "mid/gone").unlink()
    (harbour.root / "mid/f").write_text("2")
    settings = (harbour.root / "shipway.yaml").read_text()
    labelled = settings.replace("{context: mid}", "{context: mid, labels: {team: shop}}")
    (harbour.root / "shipway.yaml").write_text(labelled)
    found = await explained(harbour, "mid")
    assert [(each.name, each.before is None, each.now is None) for each in found.differences] == [
        ("f", False, False),
        ("gone", False, True),
        ("label team", True, False),
        (f"{harbour.destination}/shop/base", False, False),
    ]
    lines = [line.split() for line in explain_text(found).splitlines()]
    marks = {line[1]: line[0] for line in lines if line[:1] in (["~"], ["+"], ["-"])}
    assert marks == {"f": "~", "gone": "-", "label": "+", f"{harbour.destination}/shop/base": "~"}
    assert "4 differences" in explain_text(found)


async def test_json_has_all_of_it(harbour: Harbour) -> None:
    await harbour.ship("solo")
    (harbour.root / "solo/f").write_text("2")
    document = json.loads(explain_json(await explained(harbour, "solo")))
    assert document["schema"] == "shipway.explain/1"
    assert document["why"] == ["files changed: f"]
    (changed,) = [each for each in document["inputs"] if each["now"] != each["before"]]
    assert changed["name"] == "f"
    assert document["last"]["run"] == 1
