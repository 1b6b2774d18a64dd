"""What others wrote cannot act upon a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.terminal import harmless, plain_lines


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("flights", "flights"),
        ("größe 数 👩‍🔬", "größe 数 👩‍🔬"),
        ("a\x1b]0;owned\x07b", "a\\x1b]0;owned\\x07b"),
        ("a\x9b31mb\x7f", "a\\x9b31mb\\x7f"),
        ("a\u202egnp", "a\\u202egnp"),
        ("a\ud800", "a\\ud800"),
        ("a\n\tb", "a\n\tb"),
        ("a\rb", "a\\x0db"),
    ],
)
def test_a_character_that_acts_is_spelt_out(text, said):
    assert harmless(text) == said


@given(st.text(st.characters(codec=None)))
def test_nothing_that_acts_is_left_and_all_can_be_printed(text):
    said = harmless(text, keep="")

    assert not {ord(each) for each in said} & {*range(32), *range(127, 160), 0x2028, 0x2029, *range(0x202A, 0x202F)}
    said.encode()


def test_a_console_is_shown_as_it_was_last_drawn_without_colours():
    assert plain_lines("\x1b[31mred\x1b[0m\r\n10 %\r20 %\r100 %\n") == "red\n100 %\n"
    assert plain_lines("\x1b]8;;http://x\x07link\x1b]8;;\x07") == "link"
    assert plain_lines("cut \x1b[") == "cut \\x1b["
