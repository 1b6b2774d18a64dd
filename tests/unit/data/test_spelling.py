"""Rare misspellings are corrected; what could be a value of its own is left alone."""

import polars as pl
import pytest

from kaizenml.data.spelling import learn_spelling


def corrections(**counts):
    values = pl.DataFrame({"value": list(counts), "count": list(counts.values())})
    return {correction.wrong: correction.right for correction in learn_spelling(values)}


@pytest.mark.parametrize("wrong", ["Oaklnd", "Oaklaand", "Oaklamd", "Oaklnad", "oakland"])
def test_one_edit_is_corrected(wrong):
    assert corrections(**{"Oakland": 500, wrong: 2}) == {wrong: "Oakland"}


def test_two_edits_are_corrected_in_long_words_only():
    assert corrections(California=500, Calfornai=1) == {"Calfornai": "California"}
    assert corrections(Oakland=500, Oklnd=1) == {}


@pytest.mark.parametrize(
    "counts",
    [
        {"Oakland": 39, "Oaklnd": 2},
        {"Oakland": 500, "Oaklnd": 30},
        {"route 1": 500, "route 2": 1},
        {"red": 500, "bed": 1},
        {"hair": 500, "fair": 500, "gair": 1},
        {"decreased": 500, "increased": 1},
        {"healthy": 500, "unhealthy": 1},
        {"female": 500, "male": 2},
        {"N309US": 500, "N309AS": 2},
        {"737-3H4": 500, "737-3A4": 1},
    ],
    ids=str,
)
def test_what_may_be_meant_is_left_alone(counts):
    assert corrections(**counts) == {}


def test_a_word_beside_a_number_is_corrected():
    assert corrections(**{"Platform 12": 500, "Platfrom 12": 1}) == {"Platfrom 12": "Platform 12"}


def test_codes_are_left_alone():
    assert corrections(AA=500, UA=400, DL=300, Delta=200, Delts=1) == {}


def test_the_map_can_be_reviewed():
    values = pl.DataFrame({"value": ["Oakland", "Oaklnd"], "count": [500, 2]})

    (found,) = learn_spelling(values)

    assert (found.count, found.right_count, found.distance) == (2, 500, 1)
