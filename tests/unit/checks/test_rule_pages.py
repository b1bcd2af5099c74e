from __future__ import annotations

from pathlib import Path

import pytest

from shipway.checks.pages import explain, pages, write
from shipway.checks.table import RULES
from shipway.errors import UsageError

DOCS = Path(__file__).parents[3] / "docs" / "rules"


def test_the_pages_are_current() -> None:
    assert {path.name: path.read_text() for path in DOCS.iterdir()} == dict(pages())


def test_the_table_is_in_the_order_of_ids() -> None:
    ids = [rule.id for rule in RULES]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("id", ["SW101", "sw101"])
def test_a_rule_is_explained(id: str) -> None:
    assert explain(id).startswith("# SW101: ")


def test_an_unknown_rule_is_not() -> None:
    with pytest.raises(UsageError) as caught:
        explain("SW1011")
    assert caught.value.help is not None
    assert caught.value.help.startswith("did you mean SW1")


def test_pages_of_rules_that_are_gone_go(tmp_path: Path) -> None:
    (tmp_path / "SW998.md").write_text("old")
    write(tmp_path)
    assert not (tmp_path / "SW998.md").exists()
    assert (tmp_path / "SW101.md").exists()
