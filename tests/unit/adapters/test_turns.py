"""Turns at a database: one at a time, also over processes, and never for ever."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kaizenml.adapters.sql import open_records
from kaizenml.adapters.sql.turns import Turns
from kaizenml.core.event import Draft, Kind, verify

FOREVER = 60.0


def test_two_holders_of_one_file_take_turns(tmp_path: Path) -> None:
    first, second, order = Turns(tmp_path / "turn"), Turns(tmp_path / "turn"), []
    with first:
        other = threading.Thread(target=lambda: _in_turn(second, order))
        other.start()
        time.sleep(0.1)
        order.append("first")
    other.join(FOREVER)
    assert order == ["first", "second"]


def _in_turn(turns: Turns, order: list[str]) -> None:
    with turns:
        order.append("second")


def test_whoever_has_waited_too_long_goes_ahead_and_the_next_turn_is_whole_again(tmp_path: Path) -> None:
    first, second = Turns(tmp_path / "turn"), Turns(tmp_path / "turn", patience=0.1)
    with first, second:
        pass
    third = Turns(tmp_path / "turn", patience=FOREVER)
    began = time.monotonic()
    with third:
        pass
    assert time.monotonic() - began < FOREVER  # the one that gave up waiting holds nothing


def test_without_its_folder_the_database_is_left_to_say_so(tmp_path: Path) -> None:
    with Turns(tmp_path / "gone" / "turn"):
        pass


def _hold(file: Path, ready: str) -> None:
    with Turns(file):
        Path(ready).touch()
        time.sleep(FOREVER)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_holder_that_is_killed_or_stopped_holds_nobody_up(tmp_path: Path, how: signal.Signals) -> None:
    held = multiprocessing.get_context("spawn").Process(target=_hold, args=(tmp_path / "turn", str(tmp_path / "ready")))
    held.start()
    try:
        while not (tmp_path / "ready").exists():
            assert held.is_alive()
            time.sleep(0.01)
        os.kill(held.pid or 0, how)
        with Turns(tmp_path / "turn", patience=0.2):
            pass
    finally:
        held.kill()
        held.join()


def _write(url: str, name: str, writes: int) -> None:
    records = open_records(url)
    for _ in range(writes):
        with records.writing() as books:
            books.events.append(Draft("p", f"person:{name}", Kind.CLOCK_ADVANCED, "clock:data"), datetime.now(UTC))
    records.close()


def test_sixteen_processes_write_and_none_is_refused(tmp_path: Path) -> None:
    url, spawn = f"sqlite:///{tmp_path}/kaizen.db", multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write, args=(url, f"w{number}", 25)) for number in range(16)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(FOREVER)
    assert [each.exitcode for each in writers] == [0] * 16
    records = open_records(url)
    with records.reading() as books:
        assert verify(books.events.after(0)) == 16 * 25
    records.close()
