from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipway.report.text import (
    cell_width,
    encodable,
    labelled,
    one_line,
    plain,
    plural,
    seconds,
    size,
    table,
    visible,
)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (123_456, "123 kB"),
        (1_250_000, "1.2 MB"),
        (5e15, "5000 TB"),
    ],
)
def test_sizes_have_three_digits(count: int, text: str) -> None:
    assert size(int(count)) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0.4, "0.40 s"), (12.34, "12.3 s"), (59.94, "59.9 s"), (60, "1 min 00 s"), (185.2, "3 min 05 s")],
)
def test_times_read_as_people_say_them(count: float, text: str) -> None:
    assert seconds(count) == text


def test_rounding_never_reaches_the_next_unit() -> None:
    assert size(999_960) == "1.0 MB"
    assert size(99_960) == "100 kB"
    assert seconds(9.996) == "10.0 s"
    assert seconds(59.96) == "1 min 00 s"


def test_one_is_no_plural() -> None:
    assert [plural(count, "image") for count in (0, 1, 2)] == ["0 images", "1 image", "2 images"]


def test_columns_align_by_what_the_terminal_shows() -> None:
    assert table([("a", "x"), ("日本", "y")], indent=" ") == " a     x\n 日本  y"
    assert table([]) == ""


def test_wide_tables_wrap_their_widest_cells_at_blanks() -> None:
    rows = [("name", "words"), ("a", "one two three four five six"), ("b", "short")]
    assert table(rows, width=28) == "\n".join(
        ["name  words", "a     one two three four", "      five six", "b     short"]
    )


def test_words_are_never_cut() -> None:
    path = "a/very/long/path/" * 5
    assert path in table([("x", path, "more words " * 9)], width=60)


@given(
    st.lists(st.tuples(st.text("ab ", max_size=90), st.text("cd ", max_size=90)), min_size=1),
    st.integers(50, 120),
)
def test_wrapping_keeps_every_word(rows: list[tuple[str, str]], width: int) -> None:
    flat = sorted(word for row in rows for cell in row for word in cell.split())
    assert sorted(table(rows, width=width).split()) == flat


def test_labels_keep_their_text_in_a_column() -> None:
    assert labelled("cause ", "one two\nthree", indent="  ") == ["  cause one two", "        three"]
    assert labelled("note: ", "one two three four five six", width=30) == [
        "note: one two three four five",
        "      six",
    ]
    assert labelled("note: ", "") == ["note: "]


def test_nothing_steers_or_deceives_the_terminal() -> None:
    assert visible("a\x1b[31m\x07\x9b\u202e\udc80\tb\n") == "a␛[31m␇\ufffd\ufffd\ufffd\tb\n"
    assert one_line(" a\n\r\n b\tc ") == "a b c"
    assert encodable("a\udc80") == "a\ufffd"


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m text", "red text"),
        ("10%\r50%\r100%\r\n", "100%"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b[2K\x1b[1Aup", "up"),
        ("lone \x1b", "lone ␛"),
    ],
)
def test_output_of_programs_loses_colours_and_movements(output: str, shown: str) -> None:
    assert plain(output) == shown


def test_width_counts_columns() -> None:
    assert [cell_width(text) for text in ("", "abc", "日本", "e\u0301", "🐳")] == [0, 3, 4, 1, 2]
