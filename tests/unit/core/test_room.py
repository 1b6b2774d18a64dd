"""What a machine has for steps."""

import pytest

from kaizenml.core.room import Room
from kaizenml.core.step import StepOptions

ROOM = Room(cpus=2.0, memory_bytes=8_000_000_000, gpus=1.0)


@pytest.mark.parametrize(
    ("options", "lacks"),
    [
        ({}, ""),
        ({"cpus": 64.0}, ""),
        ({"gpus": 1.0, "memory_bytes": 8_000_000_000}, ""),
        ({"gpus": 2.0}, "2 GPUs, and this machine has 1"),
        ({"memory_bytes": 9_000_000_000}, "9.0 GB of memory, and this machine has 8.0"),
    ],
    ids=["nothing", "processors", "all", "cards", "memory"],
)
def test_what_a_machine_never_has_is_named(options, lacks):
    assert ROOM.lacks(StepOptions(**options)) == lacks


def test_where_nobody_can_say_nothing_is_lacking():
    assert Room(2.0).lacks(StepOptions(gpus=8.0, memory_bytes=10**15)) == ""


@pytest.mark.parametrize(
    ("steps", "holds"),
    [
        ([{}, {}], True),
        ([{}, {}, {}], False),
        ([{"cpus": 64.0}], True),
        ([{"cpus": 64.0}, {}], False),
        ([{"cpus": 0.0, "gpus": 1.0}, {"cpus": 0.0, "gpus": 1.0}], False),
        ([{"memory_bytes": 5_000_000_000}, {"memory_bytes": 5_000_000_000}], False),
        ([{"memory_bytes": 3_000_000_000}, {"memory_bytes": 5_000_000_000}], True),
        ([{"memory_bytes": 9_000_000_000}], True),
    ],
    ids=["two", "three", "large alone", "large beside", "one card", "much memory", "enough memory", "memory alone"],
)
def test_as_many_steps_run_at_once_as_there_is_room_for(steps, holds):
    assert ROOM.holds([StepOptions(**each) for each in steps]) is holds
