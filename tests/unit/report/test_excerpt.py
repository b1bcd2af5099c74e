from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipway.place import Place
from shipway.report.excerpt import ExcerptLine, excerpt
from shipway.report.text import cell_width


def show(
    data: str | bytes, place: Place, end: Place | None = None, *, subject: str | None = None, width: int = 60
) -> list[str]:
    raw = data.encode() if isinstance(data, str) else data
    return [str(line) for line in excerpt(raw, place, end, subject=subject, width=width)]


def test_the_caret_stands_below_the_column() -> None:
    assert show("FROM a\nCOPY x /\n", Place("f", 2, 6)) == ["2 | COPY x /", "  |      ^"]


def test_the_end_is_exclusive() -> None:
    assert show("COPY abc /", Place("f", 1, 6), Place("f", 1, 9))[1] == "  |      ^^^"


def test_the_subject_tells_how_far_without_an_end() -> None:
    assert show("COPY abc /", Place("f", 1, 6), subject="abc")[1] == "  |      ^^^"
    assert show("COPY abc /", Place("f", 1, 6), subject="other")[1] == "  |      ^"


def test_a_subject_that_stands_once_is_found_without_a_column() -> None:
    assert show("COPY abc /", Place("f", 1), subject="abc")[1] == "  |      ^^^"
    assert show("COPY a a/", Place("f", 1), subject="a") == ["1 | COPY a a/"]


def test_tabs_and_wide_characters_move_the_caret_with_the_text() -> None:
    assert show("COPY\tx /", Place("f", 1, 6)) == ["1 | COPY    x /", "  |         ^"]
    assert show("a\tx", Place("f", 1, 3)) == ["1 | a   x", "  |     ^"]
    assert show("日本 x", Place("f", 1, 4)) == ["1 | 日本 x", "  |      ^"]
    assert show("x 日本", Place("f", 1, 3), Place("f", 1, 5)) == ["1 | x 日本", "  |   ^^^^"]
    assert show("e\u0301 x", Place("f", 1, 4)) == ["1 | e\u0301 x", "  |   ^"]


def test_line_ends_and_byte_order_marks_do_not_show() -> None:
    assert show(b"\xef\xbb\xbfFROM a\r\nRUN b\r\n", Place("f", 1, 1)) == ["1 | FROM a", "  | ^"]


def test_bytes_that_are_no_text_count_one_column_each() -> None:
    assert show(b"a\xff\xfex", Place("f", 1, 4)) == ["1 | a\ufffd\ufffdx", "  |    ^"]


def test_control_characters_cannot_steer_the_terminal() -> None:
    assert show("a\x1b[2Jb\u202e", Place("f", 1, 6)) == ["1 | a␛[2Jb\ufffd", "  |      ^"]


def test_several_lines_are_shown_up_to_the_end() -> None:
    text = "RUN a \\\n b \\\n c\nCMD d\n"
    assert show(text, Place("f", 1, 5), Place("f", 3, 3)) == [
        "1 | RUN a \\",
        "  |     ^^^",
        "2 |  b \\",
        "3 |  c",
    ]
    assert show(text, Place("f", 1), Place("f", 2, 1)) == ["1 | RUN a \\"]


def test_many_lines_are_cut_and_numbers_aligned() -> None:
    shown = show("\n".join("abcdefghijklmnop"), Place("f", 8), Place("f", 16, 2))
    assert shown == [" 8 | h", " 9 | i", "10 | j", "11 | k", "12 | l", "   | …"]


def test_exactly_five_lines_are_all_shown() -> None:
    assert show("a\nb\nc\nd\ne\n", Place("f", 1), Place("f", 5, 2))[-1] == "5 | e"


@pytest.mark.parametrize("line", [0, 4, 99])
def test_there_is_no_excerpt_of_a_line_that_is_not_there(line: int) -> None:
    assert excerpt(b"a\nb\nc", Place("f", line, 1)) == []


def test_a_column_behind_the_line_points_at_its_end() -> None:
    assert show("COPY", Place("f", 1, 99)) == ["1 | COPY", "  |     ^"]
    assert show("", Place("f", 1, 1)) == ["1 |", "  | ^"]


def test_long_lines_are_cut_around_the_caret() -> None:
    text = "a" * 100 + "BAD" + "c" * 100
    line, carets = show(text, Place("f", 1, 101), Place("f", 1, 104), width=44)
    assert line.startswith("1 | …a")
    assert line.endswith("c…")
    assert cell_width(line) == 44
    assert line[carets.index("^") : carets.rindex("^") + 1] == "BAD"


def test_a_long_line_is_not_cut_where_it_begins_or_ends() -> None:
    text = "BAD" + "c" * 100 + "END"
    assert show(text, Place("f", 1, 1), width=44)[0] == "1 | BAD" + "c" * 36 + "…"
    assert show(text, Place("f", 1, 104), width=44)[0] == "1 | …" + "c" * 36 + "END"


def test_carets_never_leave_the_width() -> None:
    carets = show("x" * 300, Place("f", 1, 100), Place("f", 1, 290), width=44)[1]
    assert len(carets) == 44


characters = st.text(st.sampled_from("ab \t日🐳e\u0301\x1b"), max_size=120)


@given(characters, st.integers(1, 125), st.integers(0, 125), st.integers(24, 90))
def test_no_line_is_wider_than_asked_and_the_caret_points_at_its_character(
    text: str, column: int, length: int, width: int
) -> None:
    shown = excerpt(text.encode(), Place("f", 1, column), Place("f", 1, column + length), width=width)
    assert [line.marks for line in shown] == [False, True]
    assert all(cell_width(str(line)) <= width for line in shown)
    if column <= len(text) and text[column - 1] in "ab":
        assert _above(shown[0], shown[1].text.index("^")) == text[column - 1]


def _above(line: ExcerptLine, column: int) -> str:
    """The character of a line at a column of the terminal."""
    at = 0
    for character in line.text:
        if at == column and cell_width(character):
            return character
        at += cell_width(character)
    return ""


def test_a_caret_behind_a_line_that_just_fits_needs_a_cut() -> None:
    line, carets = show("a" * 39 + "b", Place("f", 1, 41), width=44)
    assert line == "1 | …" + "a" * 37 + "b"
    assert carets == "  | " + " " * 39 + "^"


@pytest.mark.parametrize("before", [0, 1])
def test_a_cut_through_a_wide_character_keeps_the_caret_in_place(before: int) -> None:
    text = "日" * 30 + "a" * before + "BAD" + "日" * 60
    for width in (60, 61, 100, 101):
        column = 31 + before
        line, carets = excerpt(text.encode(), Place("f", 1, column), Place("f", 1, column + 3), width=width)
        assert [_above(line, at) for at, mark in enumerate(carets.text) if mark == "^"] == list("BAD")
