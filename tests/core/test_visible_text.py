"""Text from outside on the terminal."""

from __future__ import annotations

import pytest

from i2ikit.core.visible_text import make_visible, make_visible_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("a\rb\x7f\x9b", r"a\x0db\x7f\x9b"),
        ("photo\u202egnp.exe", r"photo\u202egnp.exe"),
        ("\u2066x\u2069\u200f", r"\u2066x\u2069\u200f"),
        ("name-\udcff.png", r"name-\udcff.png"),
        ("a\u2028b", r"a\u2028b"),
    ],
)
def test_characters_that_act_are_shown_as_escapes(text: str, shown: str) -> None:
    assert make_visible(text) == shown


@pytest.mark.parametrize("text", ["élève", "画像", "صورة", "👩\u200d🎨", "a\tb\nc", "~ é €"])
def test_letters_tabs_and_lines_stay(text: str) -> None:
    assert make_visible(text) == text


def test_a_line_stays_one_line() -> None:
    assert make_visible_line("a\nerror: b\n") == r"a\nerror: b"


def test_a_list_of_problems_keeps_its_lines() -> None:
    assert make_visible_line("cannot be built: \n  - a\n  - b") == "cannot be built: \n  - a\n  - b"


def test_a_word_of_thousands_of_letters_is_shortened() -> None:
    assert make_visible_line(f"error: {'1' * 5000}9 is too large") == f"error: {'1' * 100}...{'1' * 49}9 is too large"
