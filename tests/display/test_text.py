"""Displays are short, aligned, and inert whatever they hold."""

import pytest

from jobsim.display.text import (
    MAX_TEXT,
    count_of,
    format_duration,
    format_number,
    printable,
    rows_as_html,
    rows_as_text,
    time_unit,
)

HOSTILE = [
    "<script>alert(1)</script>",
    "a\x00b",
    "\u202egnp.exe",
    "\x1b[31mred",
    "x" * 10_000,
    "🙂",
]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (3e-7, "0.3 µs"),
        (0.0123, "12.3 ms"),
        (1.0, "1 s"),
        (599.0, "599 s"),
        (1200.0, "20 min"),
        (36_000.0, "10 h"),
        (864_000.0, "10 d"),
        (float("nan"), "none"),
    ],
)
def test_a_duration_has_the_unit_that_suits_it(seconds, text):
    assert format_duration(seconds) == text


def test_no_duration_is_in_seconds():
    assert time_unit(0.0) == time_unit(float("nan")) == ("s", 1.0)


@pytest.mark.parametrize(("value", "text"), [(0.5, "0.5"), (99.96, "100"), (123456.0, "123,456")])
def test_a_number_has_three_significant_digits(value, text):
    assert format_number(value) == text


def test_a_count_agrees_with_its_noun():
    assert [count_of(0, "job"), count_of(1, "job"), count_of(2, "reply", "replies")] == [
        "0 jobs",
        "1 job",
        "2 replies",
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_printable_and_short(text):
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) <= MAX_TEXT + 10


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_escaped_in_html(text):
    shown = rows_as_html(text, [(text, text)])
    assert "<script" not in shown
    assert "\x00" not in shown
    assert "\u202e" not in shown


def test_rows_are_aligned_and_end_without_a_line_break():
    assert rows_as_text("T", [("a", "1"), ("long", "2")]) == "T\n  a     1\n  long  2"


def test_no_rows_are_just_the_title():
    assert rows_as_text("T", []) == "T"


def test_labels_are_as_inert_as_values_and_stay_aligned():
    assert rows_as_text(None, [("a\n", "1"), ("b", "2")]) == "a\\n  1\nb    2"


def test_a_table_has_no_colours_of_its_own_and_no_mathematics():
    page = rows_as_html("T", [("a", "$1$")])
    assert "mathjax_ignore" in page
    assert "background" not in page
    assert page.count("color:") == page.count("color:inherit")


def test_rows_without_a_title_are_not_indented():
    assert rows_as_text(None, [("a", "1")]) == "a  1"
    assert "caption" not in rows_as_html(None, [("a", "1")])


@pytest.mark.parametrize(
    ("value", "words"), [(0.0, "0"), (0.12345, "0.123"), (86_400.0, "86,400"), (1e15, "1e+15")]
)
def test_numbers_are_written_as_a_person_writes_them(value, words):
    assert format_number(value) == words
