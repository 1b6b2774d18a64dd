"""The engine: what is kept is used while nothing that made it has changed, and every step says why it ran."""

from __future__ import annotations

import polars as pl
import pytest
from engine_parts import Lab

from kaizenml import each
from kaizenml.core.step import StepOptions
from kaizenml.errors import NotFoundError, RefusedError, StepFailedError, UsageError


def load(raw, times=1):
    return raw * times


def double(load):
    return [load, load]


def total(double):
    return sum(double)


def lab(**more):
    return Lab({"load": load, "double": double, "total": total}, **more)


def test_a_second_identical_run_runs_nothing_and_gives_the_same():
    here = lab()
    first = here.run({"raw": 2}).value("total")

    second = here.run({"raw": 2}, run="run-2")

    assert (first, second.value("total")) == (4, 4)
    assert here.ran == []
    assert {story.made_by for story in here.told} == {"run-1"}


@pytest.mark.parametrize(
    ("change", "ran", "because"),
    [
        ({"parameters": {"load.times": 3}}, ["load", "double", "total"], "parameter `times` changed"),
        ({"given": {"raw": 3}}, ["load", "double", "total"], "input `raw` changed"),
        ({"seed": 5}, [], None),
    ],
)
def test_what_changed_makes_the_steps_run_that_it_reaches(change, ran, because):
    here = lab()
    here.run({"raw": 2})

    here.run(**{"given": {"raw": 2}, "run": "run-2", **change})

    assert here.ran == ran
    if because:
        assert here.why("load") == (because,)


def test_a_step_whose_code_changed_runs_and_an_equal_result_stops_it_there():
    here = lab()
    here.run({"raw": 2})
    here.code.versions["load"] = 2

    here.run({"raw": 2}, run="run-2")

    assert here.ran == ["load"]
    assert here.why("load") == ("code of `project.load` changed",)
    story = here.told[0]
    assert "-1" in story.diffs["project.load"]
    assert "+2" in story.diffs["project.load"]


def test_code_that_was_accepted_does_not_run_again():
    here = lab()
    here.run({"raw": 2})
    nodes = {story.name: story for story in here.told}
    old = here.cache.last("shop/load").code
    here.code.versions["load"] = 2
    from types import SimpleNamespace

    new = here.code.of(SimpleNamespace(name="load")).digest

    here.run({"raw": 2}, run="run-2", accepted={new: old})

    assert nodes
    assert here.ran == []


def test_another_version_of_a_package_makes_a_step_run():
    here = lab()
    here.code.packages = {"polars": "1"}
    here.run({"raw": 2})
    here.code.packages = {"polars": "2"}

    here.run({"raw": 2}, run="run-2")

    assert here.why("load") == ("version of `polars` changed",)


def test_without_the_cache_everything_runs_and_says_so():
    here = lab()
    here.run({"raw": 2})

    here.run({"raw": 2}, run="run-2", uses_cache=False)

    assert here.ran == ["load", "double", "total"]
    assert here.why("total") == ("asked for (--no-cache)",)


def test_from_a_step_on_everything_runs():
    here = lab()
    here.run({"raw": 2})

    here.run({"raw": 2}, run="run-2", start="double")

    assert here.ran == ["double", "total"]
    with pytest.raises(NotFoundError, match="doubel"):
        here.run({"raw": 2}, start="doubel")


def test_only_one_step_runs_and_needs_what_is_before_it_to_be_kept():
    here = lab()
    here.run({"raw": 2})
    here.run({"raw": 2}, run="run-2", only="double")

    assert here.states == {"load": "cached", "double": "done", "total": "cached"}
    with pytest.raises(RefusedError, match="needs `load`"):
        here.run({"raw": 9}, run="run-3", only="double")


def test_what_must_not_be_kept_runs_again_in_the_next_run_but_not_in_the_same():
    here = lab(options={"load": StepOptions(is_cached=False)})
    here.run({"raw": 2})
    here.run({"raw": 2}, run="run-2")

    assert here.ran == ["load"]
    assert here.why("load") == ("it cannot be cached: the project says so (cache=False)",)
    here.run({"raw": 2}, run="run-2")
    assert here.ran == []


def test_what_a_step_was_seen_to_read_must_still_hold():
    def watch(call):
        return call(), {"prices.csv": "a"}, ()

    here = lab(watch=watch)
    here.run({"raw": 2})
    here.code.holds["prices.csv"] = "b"

    here.run({"raw": 2}, run="run-2")

    assert here.ran == ["load", "double", "total"]


def test_an_execution_that_cannot_be_told_is_not_kept_and_says_why():
    def watch(call):
        return call(), {}, ("it talked to the network",)

    here = lab(watch=watch)
    here.run({"raw": 2})

    assert here.told[0].note == "not cached: it talked to the network"
    here.run({"raw": 2}, run="run-2")
    assert here.ran == ["load", "double", "total"]
    assert here.why("load") == ("its result could not be kept: it talked to the network",)


def test_no_step_sees_what_another_did_to_a_value():
    def numbers():
        return [1, 2]

    def spoil(numbers):
        numbers.append(3)
        return len(numbers)

    def after(numbers, spoil):
        return len(numbers)

    def frame():
        return pl.DataFrame({"a": [1]})

    def widen(frame):
        frame.insert_column(0, pl.Series("b", [2]))
        return frame.width

    def width(frame, widen):
        return frame.width

    steps = {f.__name__: f for f in (numbers, spoil, after, frame, widen, width)}

    engine = Lab(steps).run()

    assert [engine.value(name) for name in ("spoil", "after", "widen", "width")] == [3, 2, 2, 1]


def test_a_step_runs_for_each_item_and_only_new_items_run_again():
    ran = []

    def parts(raw):
        return raw

    def squared(part=each("parts"), power=2):
        ran.append(part)
        return part**power

    here = Lab({"parts": parts, "squared": squared})

    assert here.run({"raw": [1, 2, 3]}).value("squared") == [1, 4, 9]
    assert here.run({"raw": [1, 2, 5]}, run="run-2").value("squared") == [1, 4, 25]
    assert ran == [1, 2, 3, 5]
    story = here.told[-1]
    assert (story.items, story.items_cached) == (3, 2)
    assert story.why == ("1 of 3 items had no kept result",)
    assert here.run({"raw": []}, run="run-3").value("squared") == []


def test_items_must_come_in_a_list():
    def squared(part=each("raw")):
        return part

    with pytest.raises(UsageError, match="which is a int"):
        Lab({"squared": squared}).run({"raw": 3})


def test_a_step_is_skipped_where_its_condition_is_false():
    def is_large(raw):
        return raw > 10

    def extra(raw):
        return raw + 1

    def merged(raw, extra):
        return raw if extra is None else extra

    steps = {"is_large": is_large, "extra": extra, "merged": merged}
    here = Lab(steps, options={"extra": StepOptions(when="is_large")})

    assert here.run({"raw": 3}).value("merged") == 3
    assert here.states["extra"] == "skipped"
    assert here.run({"raw": 30}).value("merged") == 31


def test_a_step_that_raises_is_tried_again_as_often_as_it_may():
    tries = []

    def shaky(raw):
        tries.append(1)
        if len(tries) < 3:
            raise OSError("not yet")
        return raw

    here = Lab({"shaky": shaky}, options={"shaky": StepOptions(retries=2, backoff_seconds=0.0)})
    assert here.run({"raw": 1}).value("shaky") == 1
    assert here.told[0].attempts == 3

    tries.clear()
    here = Lab({"shaky": shaky}, options={"shaky": StepOptions(retries=1, backoff_seconds=0.0)})
    with pytest.raises(StepFailedError, match="not yet"):
        here.run({"raw": 1})
    assert here.states == {"shaky": "failed"}


def test_a_step_that_asks_for_a_seed_gets_one_of_its_own():
    def first(seed):
        return seed

    def second(seed):
        return seed

    def drawn(rng):
        return float(rng.random())

    here = Lab({"first": first, "second": second, "drawn": drawn})
    engine = here.run(seed=1)
    again = Lab({"first": first, "drawn": drawn}).run(seed=1)

    assert engine.value("first") != engine.value("second")
    assert (engine.value("first"), engine.value("drawn")) == (again.value("first"), again.value("drawn"))
    here.run(run="run-2", seed=2)
    assert sorted(here.ran) == ["drawn", "first", "second"]
    assert here.why("first") == ("the seed changed",)


def test_a_result_that_cannot_be_written_down_fails_with_the_way_out():
    def numbers():
        return (i for i in range(3))

    with pytest.raises(StepFailedError, match="cannot be kept") as failed:
        Lab({"numbers": numbers}).run()
    assert "cache=False" in failed.value.hint


def test_a_result_that_stays_in_memory_reaches_the_next_step():
    def numbers():
        return (i for i in range(3))

    def total(numbers):
        return sum(numbers)

    here = Lab({"numbers": numbers, "total": total}, options={"numbers": StepOptions(is_cached=False)})

    assert here.run().value("total") == 3
    here.run(run="run-2")
    assert here.ran == ["numbers", "total"]
    assert "stays in memory" in here.why("total")[0]


def test_a_damaged_result_is_made_anew():
    here = lab()
    here.run({"raw": 2})
    here.cache._blobs.clear()

    assert here.run({"raw": 2}, run="run-2").value("total") == 4
    assert here.why("total") == ("its kept result is missing or damaged",)


def test_items_that_were_over_before_another_failed_are_kept():
    ran, broken = [], [3]

    def doubled(part=each("parts")):
        ran.append(part)
        if part in broken:
            raise ValueError("no such part")
        return part * 2

    lab = Lab({"parts": lambda: [1, 2, 3, 4], "doubled": doubled})
    with pytest.raises(StepFailedError):
        lab.run()
    broken.clear()
    del ran[:]

    engine = lab.run(run="run-2")

    assert 1 not in ran
    assert 2 not in ran
    assert engine.value("doubled") == [2, 4, 6, 8]
    assert "of 4 items had no kept result" in lab.why("doubled")[0]


def test_an_item_is_kept_before_the_next_long_one_is_over(monkeypatch):
    monkeypatch.setattr("kaizenml.training.piece.TOGETHER_SECONDS", 0.0)
    seen = []
    lab = Lab({"parts": lambda: [1, 2, 3]})

    def counted(part=each("parts")):
        seen.append(sum(map(len, lab.cache._kept.values())))
        return part

    lab.steps["counted"] = counted
    lab.run()

    assert seen == [1, 2, 3]  # `parts`, and then each item before the next one begins
