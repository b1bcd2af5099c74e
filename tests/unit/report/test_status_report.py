from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import msgspec
import pytest

from shipway.flows.status import Row, Status, Trouble
from shipway.report.status_report import FORMATS, as_text, cells, summary_line

NASTY = "<script>alert('x')</script> & \"q\" | `c` @team"
AT = datetime(2026, 11, 21, 8, 30, 5, tzinfo=UTC)


def status(*, nasty: str = "plain", finished: bool = True) -> Status:
    digest = "sha256:" + "ab" * 32
    return Status(
        run=7,
        command=f"shipway ship {nasty}",
        state="partly",
        started=AT,
        finished=AT if finished else None,
        seconds=75.4 if finished else None,
        engine="",
        steps_done=4,
        steps_planned=8,
        verified=1,
        totals={"delivered": 1, "reused": 0, "failed": 1},
        rows=(
            Row(
                "base",
                "delivered",
                "registry.example/shop/base:1.0",
                "never delivered",
                digest,
                ("linux/amd64", "linux/arm64"),
                1_234_567,
                12.34,
                AT,
                "read back in run 7",
            ),
            Row("api", "failed", "registry.example/shop/api:2", nasty),
        ),
        troubles=(Trouble("api", f"build failed\n{nasty}", nasty, "free some space", "shipway ship api"),),
    )


class Page(HTMLParser):
    """Collects elements, attributes and text; void elements need no end."""

    VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_summary_counts_what_the_ledger_has() -> None:
    assert summary_line(status()) == (
        "run 7 partly in 1 min 15 s: 4 of 8 steps done; 2 images: 1 delivered, 1 failed; "
        "1 verified by read-back"
    )
    assert summary_line(status(finished=False)).startswith("run 7 partly: 4 of 8")


def test_the_page_is_whole_and_loads_nothing() -> None:
    source = FORMATS["html"](status(nasty=NASTY))
    page = Page(source)
    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not any(name in ("src", "href", "style") or name.startswith("on") for name, _ in page.attributes)
    assert not re.search(r"url\(|@import|https?:", source)


def test_the_page_shows_texts_as_they_are() -> None:
    page = Page(FORMATS["html"](status(nasty=NASTY)))
    assert page.words.count(NASTY) == 4
    for words in ("1.2 MB", "12.3 s", "2026-11-21 08:30:05 UTC", "none was needed", "sha256:" + "ab" * 32):
        assert words in page.words


def test_an_unfinished_run_says_so() -> None:
    for name in ("html", "md"):
        assert "not yet" in FORMATS[name](status(finished=False))


def test_markdown_keeps_tables_and_lists_whole() -> None:
    text = FORMATS["md"](status(nasty=NASTY))
    assert "<script" not in text.replace("\\<script", "").replace("`` shipway ship <script", "")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.split(r"(?<!\\)\|", line)) for line in rows[8:]} == {10}
    assert "* **api**: build failed \\<script" in text
    assert "@\u200bteam" in text


def test_json_has_its_schema() -> None:
    document = json.loads(FORMATS["json"](status()))
    assert document["schema"] == "shipway.status/1"
    assert [row["image"] for row in document["rows"]] == ["base", "api"]


def test_text_aligns_columns_and_tells_what_to_do() -> None:
    lines = as_text(status()).splitlines()
    assert lines[1].index("digest") == lines[2].index("abababababab") == lines[3].index("-  ")
    assert lines[4:] == [
        "api: build failed",
        "     plain",
        "  cause plain",
        "  next  free some space; then shipway ship api",
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_that_are_no_text_can_be_written(name: str) -> None:
    FORMATS[name](status(nasty="a\udcffb")).encode("utf-8")


def test_text_keeps_to_the_width() -> None:
    text = as_text(status(nasty="many words " * 30), width=100)
    assert max(len(line) for line in text.splitlines()[4:]) <= 100


def test_a_stand_in_is_told_in_its_row_and_in_the_sum() -> None:
    found = status()
    told = msgspec.structs.replace(
        found, rows=(msgspec.structs.replace(found.rows[0], stand_in=True), found.rows[1])
    )
    assert cells(told.rows[0])[1] == "base (stand-in)"
    assert summary_line(told) == f"{summary_line(found)}; 1 stand-in without code yet"
    for form in FORMATS.values():
        assert "stand-in" in form(told) or '"stand_in": true' in form(told)
        assert "stand-in" not in form(found)
