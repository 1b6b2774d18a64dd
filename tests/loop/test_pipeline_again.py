"""A run of a pipeline that reads no data is executed again from its record, as any other."""

from __future__ import annotations

from step_projects import laid, ran

from kaizenml.loop.rerunning import rerun
from kaizenml.loop.wiring import open_house, read_settings

BODY = """
@project.step
def first(times=1, rng=None):
    return [times * 2, {drawn}]

@project.step
def second(first):
    return sum(first)

project.pipeline("all", second)
"""


def again(folder, drawn):
    """Run, change the code, and execute the first run again; return what came of it, and the run itself."""
    laid(folder, BODY.format(drawn=drawn))
    ran(folder, "then", parameters={"first.times": 3})
    laid(folder, BODY.format(drawn="0").replace("* 2", "* 5"))  # the record has the code of then
    house = open_house(read_settings(folder.resolve(), {}))
    done = rerun(house, "then", lambda _: None, author="person:ada")
    with house.records.reading() as books:
        return done, books.runs.get(done.run)


def test_the_same_code_and_parameters_give_the_same_values(tmp_path):
    done, run = again(tmp_path / "lab", "7")

    assert (done.original, done.largest, done.steps) == ("then", 0.0, ())
    assert (run.again, run.state, [step.name for step in run.steps]) == ("then", "finished", ["first", "second"])
    assert run.parameters["first.times"] == 3


def test_a_step_that_gives_another_value_each_time_is_named(tmp_path):
    done, _ = again(tmp_path / "lab", "time.time_ns() % 1_000_003")

    assert done.steps == ("first", "second")
