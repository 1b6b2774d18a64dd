"""A tracked program that is killed loses nothing of what a call that returned had logged."""

import os
import signal
import struct
import subprocess
import sys
import time
import zlib

import pytest

from kaizenml.loop import syncing
from kaizenml.loop.wiring import open_house, read_settings
from kaizenml.training.journal import Points, framed

PROGRAM = """
import os, sys
import kaizenml as kz

run = kz.run("killed", params={"depth": 3}, system=False)
print("said before the end", flush=True)
with open("acknowledged", "wb", buffering=0) as told:
    for step in range(10**9):
        run.log(loss=step / 2, step=step)
        told.seek(0)
        told.write(step.to_bytes(8, "big"))
"""


@pytest.mark.parametrize("after", [0.3, 1.4])
def test_what_was_acknowledged_is_in_the_records_of_whoever_opens_the_home_next(tmp_path, after):
    (tmp_path / "program.py").write_text(PROGRAM)
    program = subprocess.Popen([sys.executable, "program.py"], cwd=tmp_path, stdout=subprocess.DEVNULL)
    while not (tmp_path / "acknowledged").exists():
        time.sleep(0.01)
        assert program.poll() is None
    time.sleep(after)
    program.send_signal(signal.SIGKILL)
    program.wait()
    acknowledged = int.from_bytes((tmp_path / "acknowledged").read_bytes(), "big")

    house = open_house(read_settings(tmp_path))
    [name] = syncing.pick_up(house)

    with house.records.reading() as books:
        run = books.runs.get(name)
        points = books.series.read(name, "loss")
    assert (run.state, run.error) == ("failed", "Its process died.")
    assert [point.step for point in points] == list(range(len(points)))
    assert len(points) in (acknowledged + 1, acknowledged + 2)
    assert all(point.value == point.step / 2 for point in points)
    assert run.parameters == {"depth": 3}
    assert house.blobs.get(run.console.content) == b"said before the end\n"
    assert syncing.pick_up(house) == []
    assert list(syncing.journals(house.settings.home).iterdir()) == []


def test_a_run_that_goes_on_is_not_taken_over_even_by_its_own_process(tmp_path):
    program = """
import kaizenml as kz
from pathlib import Path
from kaizenml.loop import syncing
from kaizenml.loop.wiring import open_house, read_settings
with kz.run("alive", console=False, system=False) as run:
    run.log(loss=1.0)
    assert syncing.pick_up(open_house(read_settings(Path.cwd()))) == []
    run.log(loss=2.0)
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=60)

    house = open_house(read_settings(tmp_path))
    with house.records.reading() as books:
        [run] = books.runs.newest()
        assert run.state == "finished"
        assert [point.value for point in books.series.read(run.id, "loss")] == [1.0, 2.0]


def test_a_worker_process_that_outlives_a_killed_run_does_not_keep_it_alive(tmp_path):
    program = """
import os, time
import kaizenml as kz
run = kz.run("parent", console=False, system=False)
if os.fork() == 0:
    run.log(from_child=1.0)
    open("logged", "w").close()
    time.sleep(30)
    os._exit(0)
time.sleep(30)
"""
    parent = subprocess.Popen([sys.executable, "-W", "ignore", "-c", program], cwd=tmp_path, start_new_session=True)
    while not (tmp_path / "logged").exists():
        time.sleep(0.01)
    parent.kill()
    parent.wait()

    house = open_house(read_settings(tmp_path))
    [name] = syncing.pick_up(house)
    os.killpg(parent.pid, signal.SIGKILL)

    with house.records.reading() as books:
        assert books.runs.get(name).latest == {"from_child": 1.0}


def test_a_journal_that_is_not_understood_is_put_aside_and_stops_nobody(tmp_path):
    house = open_house(read_settings(tmp_path))
    for name, content in (("strange", b"no entry"), ("headless", framed(Points(1, 0, {"loss": 1.0})))):
        folder = syncing.journals(house.settings.home) / name
        folder.mkdir(parents=True)
        frame = struct.pack("<II", len(content), zlib.crc32(content)) + content if name == "strange" else content
        (folder / "journal").write_bytes(frame)
        os.utime(folder, (0, 0))

    with pytest.warns(UserWarning, match="was put aside"):
        assert syncing.pick_up(house) == []

    assert len(list((house.settings.home / "journals-unreadable").iterdir())) == 2
    assert syncing.pick_up(house) == []
