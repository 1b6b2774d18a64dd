"""What every adapter of the `Series` port does."""

import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from record_samples import NOW, run

from kaizenml.core.query_text import parsed
from kaizenml.core.run import RunState
from kaizenml.core.series import Point, order, summary


def test_points_come_back_by_step_then_time_with_their_nan_and_infinities(records):
    points = [Point(2, 5, 1.5), Point(1, 9, math.inf), Point(1, 3, -0.0), Point(2, 5, math.nan)]

    with records.writing() as books:
        books.series.append("run-0", {"loss": points[:2]})
        books.series.append("run-0", {"loss": points[2:]})

    with records.reading() as books:
        found = books.series.read("run-0", "loss")
        last = books.series.last("run-0")["loss"]
    assert [(point.step, point.at) for point in found] == [(1, 3), (1, 9), (2, 5), (2, 5)]
    assert math.isnan(found[2].value)
    assert found[1].value == math.inf
    assert last.points == 4
    assert last.last == Point(2, 5, 1.5)
    assert (last.low, last.high) == (-0.0, 1.5)


def test_a_series_of_many_small_appends_is_the_same_as_one_of_one(records):
    points = [Point(step, step, step / 7) for step in range(700)]

    with records.writing() as books:
        for point in points:
            books.series.append("a", {"loss": [point]})
        books.series.append("b", {"loss": points})

    with records.reading() as books:
        assert books.series.read("a", "loss") == books.series.read("b", "loss") == points
        assert books.series.last("a") == books.series.last("b")


def test_series_of_many_runs_written_at_once_are_those_written_one_by_one(records):
    points = {f"run-{n}": {"loss": [Point(step, n, step / 7) for step in range(n)], "nan": [Point(0, 0, math.nan)]}
              for n in range(3)}  # fmt: skip
    with records.writing() as books:
        books.series.add_all(points)
        for run_, series in points.items():
            books.series.append(f"other {run_}", series)
        books.series.append("run-2", {"loss": [Point(9, 9, 9.0)]})
        books.series.append("other run-2", {"loss": [Point(9, 9, 9.0)]})

    with records.reading() as books:
        for run_ in points:
            assert books.series.read(run_, "loss") == books.series.read(f"other {run_}", "loss")
            assert repr(books.series.last(run_)) == repr(books.series.last(f"other {run_}"))
        assert books.series.count(points) == 3 + 1 + 2 + 1
        assert books.series.count([]) == 0


def test_series_of_other_runs_and_names_stay_apart(records):
    with records.writing() as books:
        books.series.append("a", {"loss": [Point(0, 0, 1.0)], "score": [Point(0, 0, 2.0)]})
        books.series.append("b", {"loss": [Point(0, 0, 3.0)]})

    with records.reading() as books:
        assert books.series.read("a", "score") == [Point(0, 0, 2.0)]
        assert books.series.read("b", "score") == []
        assert set(books.series.last("a")) == {"loss", "score"}
        assert books.series.last("nobody") == {}


def test_a_run_is_found_by_the_newest_point_of_a_series_while_it_runs(records):
    with records.writing() as books:
        books.runs.save(run())
        books.series.append("run-0", {"loss": [Point(0, 0, 0.9), Point(1, 1, 0.2)]})

        found = books.runs.search(parsed("metrics.loss < 0.5"))

    assert [line.id for line in found] == ["run-0"]


def test_runs_written_at_once_are_those_written_one_by_one(records):
    runs = [replace(run(n), parameters={"depth": n}, latest={"loss": n / 7}) for n in range(3)]
    with records.writing() as books:
        books.runs.add_all(runs[:2])
        books.runs.add_all([])
        books.runs.save(runs[2])

    with records.reading() as books:
        assert repr([books.runs.get(each.id) for each in runs]) == repr(runs)
        found = books.runs.search(parsed("params.depth >= 1 and metrics.loss < 1"))
        assert {each.id for each in found} == {runs[1].id, runs[2].id}


def test_a_run_that_has_ended_changes_its_name_and_tags_only(records):
    ended = replace(run(), state=RunState.FINISHED, finished_at=NOW)
    with records.writing() as books:
        books.runs.save(ended)
        books.runs.save(replace(ended, name="the good one", tags={"team": "blue"}))

        assert books.runs.get("run-0").tags == {"team": "blue"}
        assert [line.id for line in books.runs.search(parsed("tags.team = 'blue'"))] == ["run-0"]


@given(st.lists(st.builds(Point, st.integers(-3, 3), st.integers(0, 3), st.floats()), min_size=1, max_size=12))
@settings(max_examples=100)
def test_a_summary_is_the_same_however_the_points_are_parted(points):
    parted = None
    for point in points:
        parted = summary([point], parted)
    whole = summary(points)

    assert repr(parted) == repr(whole)
    assert repr(whole.last) == repr(max(points, key=order)) or whole.last.value == max(points, key=order).value
