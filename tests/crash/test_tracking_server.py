"""Runs that are tracked on one machine and kept by a server on another, which may be away."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from kaizenml.core.run import Run, RunState
from kaizenml.loop.wiring import open_house, read_settings
from kaizenml.training.journal import Ended, Kept, Points, Started, framed

TOKEN = "a-long-enough-token-0123"
SERVER = """
import sys
from pathlib import Path
import uvicorn
from kaizenml.interfaces.http.access import Access
from kaizenml.interfaces.http.app import create_app
from kaizenml.loop.service import LoopService
from kaizenml.loop.wiring import open_house, read_settings

house = open_house(read_settings(Path.cwd()))
app = create_app(LoopService(house), Access("127.0.0.1", sys.argv[2]))
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical", ws="none")
"""
CLIENT = """
import time
import kaizenml as kz

with kz.run("far", system=False) as run:
    print("hello from afar")
    run.log_bytes(b"z" * 2_000_001, "large.bin")
    for step in range(3000):
        run.log(loss=step / 2, step=step)
        time.sleep(0.001)
"""


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def server(folder, port):
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port), TOKEN], cwd=folder)
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def places(tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    (tmp_path / "here" / "client.py").write_text(CLIENT)
    return tmp_path / "here", tmp_path / "there"


def client(here, port, *command):
    environment = {**os.environ, "KAIZEN_SERVER": f"http://127.0.0.1:{port}", "KAIZEN_TOKEN": TOKEN}
    return subprocess.Popen(
        [sys.executable, *command], cwd=here, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ask(port, path, body=None, token=TOKEN):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/{path}", body)
    request.add_header("Authorization", f"Bearer {token}")
    request.add_header("Content-Type", "application/octet-stream")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def check(there):
    house = open_house(read_settings(there))
    with house.records.reading() as books:
        [run] = books.runs.newest()
        points = books.series.read(run.id, "loss")
    assert [point.step for point in points] == list(range(3000))
    assert (run.name, run.state) == ("far", "finished")
    assert house.blobs.get(run.console.content) == b"hello from afar\n"
    assert house.blobs.get(run.artefacts["large.bin"]) == b"z" * 2_000_001
    assert "client.py" in run.command.arguments


def test_a_server_that_is_killed_in_between_has_every_point_once(places, port):
    here, there = places

    with server(there, port):
        program = client(here, port, "client.py")
        time.sleep(2.5)
    time.sleep(0.7)
    with server(there, port):
        said = program.communicate(timeout=60)
        assert program.returncode == 0, said

    check(there)
    assert list((here / ".kaizen" / "journals").iterdir()) == []


def test_what_is_tracked_while_the_server_is_away_is_sent_later(places, port):
    here, there = places
    program = client(here, port, "-c", CLIENT.replace('"far"', '"far", tags={"entry": "client.py"}'))
    _, said = program.communicate(timeout=60)
    assert program.returncode == 0
    assert "cannot be reached" in said
    assert "kaizen sync" in said
    [journal] = (here / ".kaizen" / "journals").iterdir()
    early = client(here, port, "-m", "kaizenml", "sync", "--json")
    told, _ = early.communicate(timeout=60)
    error = json.loads(told)["error"]
    assert (early.returncode, error["code"], error["details"]["waiting"]) == (3, "unavailable", [journal.name])

    with server(there, port):
        sent = client(here, port, "-m", "kaizenml", "sync", "--json")
        told, _ = sent.communicate(timeout=60)
        assert len(json.loads(told)["runs"]) == 1
        found = ask(port, "runs?q=tags.entry%20%3D%20%27client.py%27%20AND%20metrics.loss%20%3E%201499")["runs"]
        assert len(found) == 1
        line = ask(port, f"runs/{found[0]['id']}/series")["series"]["loss"]
        assert (line["points"], line["step"], line["value"]) == (3000, 2999, 1499.5)
        few = ask(port, f"runs/{found[0]['id']}/series/loss?most=100")
        assert (few["of"], few["points"][0][0], few["points"][-1][0]) == (3000, 0, 2999)
        assert len(few["points"]) == 100
    assert list((here / ".kaizen" / "journals").iterdir()) == []


def test_a_piece_of_a_journal_may_come_twice_early_or_cut_and_counts_once(places, port):
    _, there = places
    house = open_house(read_settings(there))
    begun = _run("far-1", house)
    first = framed(Started(begun)) + framed(Points(1, 0, {"loss": 1.0}))
    second = framed(Points(2, 1, {"loss": 2.0})) + framed(Ended(RunState.FINISHED, begun.started_at))

    with server(there, port):
        assert ask(port, f"runs/far-1/journal?start={len(first)}", second) == {"known": 0}
        assert ask(port, "runs/far-1/journal?start=0", first + second[:10]) == {"known": len(first)}
        assert ask(port, "runs/far-1/journal?start=0", first) == {"known": len(first)}
        whole = len(first) + len(second)
        assert ask(port, "runs/far-1/journal?start=0", first + second) == {"known": whole}
        assert ask(port, f"runs/far-1/journal?start={len(first)}", second) == {"known": whole}
        assert ask(port, "runs/far-1/series/loss") == {"points": [[0, 1, 1.0], [1, 2, 2.0]], "of": 2}


def test_what_is_no_journal_is_refused(places, port):
    _, there = places
    house = open_house(read_settings(there))
    begun = _run("far-1", house)
    with house.records.writing() as books:
        books.runs.save(_run("pipeline-1", house))

    def status(path, body, token=TOKEN):
        with pytest.raises(urllib.error.HTTPError) as caught:
            ask(port, path, body, token)
        with caught.value as refusal:
            return refusal.code

    with server(there, port):
        assert status("runs/far-1/journal", b"x" * 100) == 400
        assert status("runs/far-2/journal", framed(Started(begun))) == 400
        assert status("runs/far-1/journal", framed(Points(1, 0, {"a": 1.0}))) == 400
        assert status("runs/pipeline-1/journal", framed(Points(1, 0, {"a": 1.0}))) == 409
        assert status("runs/far-1/journal", framed(Started(begun)) + framed(Kept("a", "0" * 64))) == 409
        assert status("runs/far-1/journal", framed(Started(begun)), "wrong") == 401
        assert status("blobs/joined", b'{"digest": "' + b"0" * 64 + b'", "parts": []}') in (400, 422, 500)
    with house.records.reading() as books:
        assert [run.id for run in books.runs.newest()] == ["pipeline-1"]


def _run(id_, house):
    from datetime import UTC, datetime

    from kaizenml.core.digest import digest_of
    from kaizenml.core.run import Code, Environment

    environment = Environment("3.11.7", "linux", {}, 2, 2**30)
    return Run(id_, "far", RunState.RUNNING, datetime.now(UTC), Code(digest_of(0)), environment)
