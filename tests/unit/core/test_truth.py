"""What people write for a truth, read as the target is written."""

from __future__ import annotations

import pytest

from kaizenml.core.truth import WORDS, read_truth


@pytest.mark.parametrize(("yes", "no"), WORDS, ids=[yes for yes, _ in WORDS])
def test_words_for_true_and_false_are_read_whatever_their_case(yes: str, no: str):
    assert [read_truth(each, "boolean") for each in (yes, yes.upper(), f" {yes.title()} ")] == [True] * 3
    assert [read_truth(each, "boolean") for each in (no, no.upper(), f" {no.title()} ")] == [False] * 3


@pytest.mark.parametrize("value", ["maybe", "", "2", 2, -1, 0.5], ids=str)
def test_what_is_neither_true_nor_false_is_no_truth_of_a_boolean(value: object):
    assert read_truth(value, "boolean") is None


def test_numbers_are_true_or_false_where_the_target_is():
    assert [read_truth(each, "boolean") for each in (1, 1.0, "1", True)] == [True] * 4
    assert [read_truth(each, "boolean") for each in (0, 0.0, "0", False)] == [False] * 4


def test_whole_numbers_are_read_however_they_are_written():
    assert [read_truth(each, "integer") for each in (3, 3.0, "3", " 3 ", "-3", True)] == [3, 3, 3, 3, -3, 1]
    wrong = ("three", "3.5", 3.5, "", "²", float("inf"), "9" * 30)
    assert [read_truth(each, "integer") for each in wrong] == [None] * len(wrong)


def test_a_text_may_be_one_that_nobody_has_seen():
    assert read_truth("new", "text") == "new"
