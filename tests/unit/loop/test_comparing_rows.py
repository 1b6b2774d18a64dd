"""What the rows that both runs were tested on say of a metric that is the mean of their losses."""

from __future__ import annotations

import pytest

from kaizenml.core.difference import MetricDifference, Word
from kaizenml.loop.comparing import ROW_LOSS, _by_rows

LOSS = MetricDifference("log_loss", "b", 0.6, 0.5, 0.1, Word.NOISE, "the 95 % intervals overlap")


def paired(word: Word, after: float = 0.5) -> MetricDifference:
    return MetricDifference(ROW_LOSS, "b", 0.6, after, 0.1, word, "the rows")


@pytest.mark.parametrize("word", [Word.BETTER, Word.WORSE, Word.NOISE])
def test_the_rows_say_more_than_the_intervals(word):
    assert _by_rows(LOSS, paired(word)).because == "the rows"
    assert _by_rows(LOSS, paired(word)).word is word


def test_too_few_rows_or_those_of_another_metric_leave_it_to_the_intervals():
    assert _by_rows(LOSS, paired(Word.UNKNOWN)) == LOSS
    assert _by_rows(LOSS, paired(Word.BETTER, after=0.4)) == LOSS
    assert _by_rows(LOSS, None) == LOSS
