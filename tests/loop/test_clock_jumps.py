"""A clock that jumps while a run goes on, as after a machine slept or was set right."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from step_projects import laid

from kaizenml.core.event import verify
from kaizenml.loop.loading import load_folder
from kaizenml.loop.running import Order, Way, run
from kaizenml.loop.wiring import open_house, read_settings

BODY = """
@project.step
def first():
    return 1

@project.step
def second(first):
    return first + 1

project.pipeline("all", second)
"""


class Jumping:
    """A clock that jumps once, after so many looks at it."""

    def __init__(self, by, after):
        self.by, self.left = by, after

    def now(self):
        self.left -= 1
        return datetime.now(UTC) + (self.by if self.left < 0 else timedelta())


@pytest.mark.parametrize("days", [-1, 365], ids=["back", "ahead"])
@pytest.mark.parametrize("after", [0, 1, 2, 4])
def test_a_clock_that_jumps_during_a_run_makes_no_time_negative_and_loses_nothing(tmp_path, days, after):
    folder = laid(tmp_path / "lab", BODY).resolve()
    house = open_house(read_settings(folder, {}))
    jumping = replace(house, clock=Jumping(timedelta(days=days), after))
    order = Order("jumped", "person:ada", {}, way=Way("all"))

    done = run(load_folder(folder), folder, jumping, order, lambda _: None)
    again = run(load_folder(folder), folder, house, replace(order, id="again"), lambda _: None)

    assert (done.state, again.state) == ("finished", "finished")
    assert done.seconds >= 0
    assert all(step.seconds >= 0 for step in done.steps)
    assert {str(step.state) for step in again.steps} == {"cached"}
    with house.records.reading() as books:
        assert verify(books.events.after()) >= 4
        assert {each.id for each in books.runs.newest()} == {"jumped", "again"}
