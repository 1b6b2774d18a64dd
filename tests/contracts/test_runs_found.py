"""The database finds and sorts runs exactly as the law in `core.query` does."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from databases import url_of
from hypothesis import given, settings
from hypothesis import strategies as st
from record_samples import NOW, run

from kaizenml.adapters.sql import open_records
from kaizenml.core.metric import Estimate
from kaizenml.core.query import (
    All,
    AnyOf,
    Compare,
    Field,
    Missing,
    Not,
    OneOf,
    Order,
    Query,
    matches,
    ordered,
)
from kaizenml.core.query_text import parsed
from kaizenml.core.run import RunKind, RunState, line_of

WORDS = ["", "a", "A", "ab", "a_b", "a%b", "a*[b]?", "ä", "Ä", "10", "9", "1e1", "true", "nan", "x'y", "\\", "🙂"]
VALUES = [*WORDS, 0, 1, 9, 10, -3, 2.5, 10**30, True, False, None, math.inf, -math.inf, math.nan]
NUMBERS = [0.0, 1.0, 9.0, 10.0, -3.0, 2.5, 1e30, math.inf]
FIELDS = [
    *(Field(kind, key) for kind in ("metrics", "params", "tags") for key in ("x", "y z")),
    *(Field("run", key) for key in ("id", "name", "state", "kind", "error", "started", "finished", "duration")),
]


def runs():
    found = []
    for number, value in enumerate(VALUES):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        ends = 20 if number % 5 else -20  # a clock may have been set back meanwhile
        found.append(
            replace(
                run(number, state=[RunState.RUNNING, RunState.FINISHED, RunState.FAILED][number % 3]),
                started_at=NOW + timedelta(seconds=number // 2),
                finished_at=NOW + timedelta(seconds=ends, microseconds=number) if number % 3 else None,
                parameters={"x": value} | ({"y z": VALUES[-number]} if number % 2 else {}),
                tags={"x": str(value)} if number % 4 else {},
                metrics={"x": Estimate(float(value), 0, 1)} if is_number else {},
                latest={"x": 99.0, "y z": float(number)} if number % 5 else {},
                name=value if isinstance(value, str) else "",
                kind=RunKind.SCRIPT if number % 2 else RunKind.PIPELINE,
                error=WORDS[number % len(WORDS)],
            )
        )
    return found


@pytest.fixture(scope="module", params=["file", "postgres"])
def books(request, tmp_path_factory):
    records = open_records(url_of(request, tmp_path_factory.mktemp("runs")))
    with records.writing() as opened:
        for each in runs():
            opened.runs.save(each)
    with records.reading() as opened:
        yield opened
    records.close()


def _sides(field):
    if field.kind == "metrics" or field.key in ("started", "finished", "duration"):
        return st.sampled_from(NUMBERS)
    return st.sampled_from(WORDS if field.kind == "run" else [*WORDS, *NUMBERS])


def _compared(field):
    value = _sides(field)
    plain = st.builds(Compare, st.just(field), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), value)
    several = st.builds(OneOf, st.just(field), st.lists(value, max_size=3).map(tuple))
    kinds = [plain, several, st.just(Missing(field))]
    if field.kind in ("params", "tags") or field.key in ("id", "name", "state", "kind", "error"):
        pattern = st.sampled_from([*WORDS, "%", "_", "%b%", "A%", "ä%", "a_", "%*%"])
        kinds.append(st.builds(Compare, st.just(field), st.sampled_from(["like", "ilike", "contains"]), pattern))
    return st.one_of(kinds)


CONDITIONS = st.recursive(
    st.sampled_from(FIELDS).flatmap(_compared),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
ORDERS = st.lists(st.builds(Order, st.sampled_from(FIELDS), st.booleans()), max_size=3).map(tuple)


@given(condition=CONDITIONS, order=ORDERS)
@settings(max_examples=250, deadline=None)
def test_the_database_answers_as_the_law_does(books, condition, order):
    lines = [line_of(each) for each in reversed(runs())]
    newest = sorted(lines, key=lambda line: line.started_at, reverse=True)
    expected = ordered([line for line in newest if matches(condition, line)], order)

    found = books.runs.search(Query(condition, order), limit=1000)

    assert [line.id for line in found] == [line.id for line in expected]


def test_a_page_of_what_is_found_follows_the_one_before(books):
    everything = [line.id for line in books.runs.search(Query(), limit=1000)]

    pages = [line.id for start in range(0, 40, 7) for line in books.runs.search(Query(), limit=7, after=start)]

    assert pages == everything


def test_the_names_that_can_be_asked_for_are_known(books):
    assert books.runs.names() == {"metrics": {"x", "y z"}, "params": {"x", "y z"}, "tags": {"x"}}


def test_runs_whose_metric_became_nan_can_be_asked_for(books):
    found = books.runs.search(parsed("metrics.x IS NOT NULL AND NOT (metrics.x <= 0 OR metrics.x > 0)"), limit=1000)

    assert [math.isnan(line.metrics["x"]) for line in found] == [True]


def test_a_name_and_a_text_may_have_any_character_that_is_quoted(books):
    found = books.runs.search(parsed("name = 'x''y' OR tags.x = \"x'y\" OR params.`y z` = '🙂'"), limit=1000)

    assert found
    assert all("x'y" in (line.name, line.tags.get("x")) or line.parameters.get("y z") == "🙂" for line in found)
