"""Which release answers a request: always the same for a key, and only ever more of the challenger."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.endpoint import Route, answering

KEYS = st.text(max_size=20)
SHARES = st.floats(0, 1)


def route(share: float, challenger: str = "shop/2") -> Route:
    return Route("shop", "shop/1", challenger, share)


@given(KEYS, SHARES)
def test_a_key_meets_the_same_release_again(key, share):
    assert answering(route(share), key) == answering(route(share), key)


@given(KEYS, SHARES, SHARES)
def test_a_key_never_goes_back_while_the_share_grows(key, one, other):
    low, high = sorted((one, other))

    if answering(route(low), key) == "shop/2":
        assert answering(route(high), key) == "shop/2"


@given(KEYS)
def test_no_share_is_nobody_and_a_whole_share_is_everybody(key):
    assert answering(route(0.0), key) == "shop/1"
    assert answering(route(1.0), key) == "shop/2"
    assert answering(route(1.0, challenger=""), key) == "shop/1"


@pytest.mark.parametrize("share", [0.01, 0.05, 0.25, 0.5])
def test_the_share_is_what_was_asked(share):
    told = [answering(route(share), f"key-{number}") for number in range(20_000)]

    # Four standard errors of a binomial share: a false alarm once in 16,000 runs.
    assert told.count("shop/2") / 20_000 == pytest.approx(share, abs=4 * (share * (1 - share) / 20_000) ** 0.5)


def test_another_challenger_meets_other_keys():
    keys = [f"key-{number}" for number in range(2_000)]
    first = {key for key in keys if answering(route(0.1), key) == "shop/2"}
    second = {key for key in keys if answering(route(0.1, "shop/3"), key) == "shop/3"}

    assert len(first & second) < 0.3 * len(first)
