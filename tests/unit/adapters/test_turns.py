"""Turns at a database: one at a time, also over processes, and never for ever."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

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


def _shown_waiting(folder: Path) -> BinaryIO:
    """Do as those do who wait for the turn, so that who writes again sees them."""
    mark = (folder / "turn.waiting").open("ab")
    fcntl.flock(mark, fcntl.LOCK_SH)
    return mark


def test_whoever_writes_again_at_once_lets_the_one_go_first_who_waits(tmp_path: Path) -> None:
    turns, order, is_asking = Turns(tmp_path / "turn"), [], threading.Event()

    def asked() -> None:  # as who is woken late: it has the turn only if nobody else has it at that moment
        with (tmp_path / "turn").open("ab") as file:
            while True:
                is_asking.set()
                with suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    order.append("the one who waits")
                    return

    other = threading.Thread(target=asked)
    with _shown_waiting(tmp_path):
        with turns:
            other.start()
            assert is_asking.wait(FOREVER)
        with turns:
            order.append("the one who writes again")
    other.join(FOREVER)
    assert order == ["the one who waits", "the one who writes again"]


def test_whoever_waits_and_was_stopped_holds_nobody_up(tmp_path: Path) -> None:
    turns = Turns(tmp_path / "turn", patience=FOREVER)
    began = time.monotonic()
    with _shown_waiting(tmp_path):
        for _ in range(10):
            with turns:
                pass
    assert time.monotonic() - began < FOREVER


def test_nobody_waits_who_has_had_or_given_up_the_turn(tmp_path: Path) -> None:
    first, second = Turns(tmp_path / "turn"), Turns(tmp_path / "turn", patience=0.1)
    with first, second:
        pass
    with second:
        pass
    for _ in range(100):
        with (tmp_path / "turn.waiting").open("ab") as mark:
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.05)
            else:
                return
    pytest.fail("it is seen to wait for ever")


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
