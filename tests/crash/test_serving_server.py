"""A real server on the loopback: swapped under load, killed, drained, orphaned."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

sys.path.append(str(Path(__file__).parents[1] / "unit" / "serving"))

from serving_light import ConstantScorer, Place, write_routes
from serving_samples import Child, loader_of, until

from kaizenml.core.endpoint import Route
from kaizenml.core.prediction import Answered, Feedback
from kaizenml.errors import SettingError
from kaizenml.serving.app import DataPlane
from kaizenml.serving.segments import close_leftovers, closed_segments, read_segment
from kaizenml.serving.server import is_loopback, listening, serve

#: No proxies, and no certificates, which take a tenth of a second to read.
PLAIN = {"trust_env": False, "verify": False}


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    write_routes(place.routes, Route("prices", "fast/1"))
    return place


def logged_ids(place):
    entries = [entry for path in closed_segments(place.spool) for entry in read_segment(path)]
    answers = [id_ for entry in entries if isinstance(entry, Answered) for id_ in entry.ids]
    labels = [label.id for entry in entries if isinstance(entry, Feedback) for label in entry.labels]
    return answers, labels


class Load:
    """Clients that keep their connections and ask without a pause."""

    def __init__(self, url, clients=4):
        self.url, self.clients = url, clients
        self.answers, self.failures, self.labels = [], [], []
        self.is_over = False

    async def _ask(self):
        async with httpx.AsyncClient(base_url=self.url, **PLAIN) as client:
            while not self.is_over:
                try:
                    response = await client.post("/endpoints/prices/predict", json={"rows": [{"fare": 1.0}]})
                except httpx.TransportError as error:
                    self.failures.append(error)
                    await asyncio.sleep(0.01)
                    continue
                if response.status_code != 200:
                    self.failures.append(response.text)
                    continue
                body = response.json()
                [prediction] = body["predictions"]
                self.answers.append((body["release"], prediction["value"], prediction["id"]))

    async def _label(self):
        async with httpx.AsyncClient(base_url=self.url, **PLAIN) as client:
            for number in range(10**6):
                if self.is_over:
                    return
                label = {"id": f"L{id(client)}-{number}", "value": 1.0}
                try:
                    response = await client.post("/endpoints/prices/feedback", json={"labels": [label]})
                except httpx.TransportError:
                    return
                if response.status_code == 200:
                    self.labels.append(label["id"])

    @asynccontextmanager
    async def running(self, labelling=0):
        tasks = [asyncio.create_task(self._ask()) for _ in range(self.clients)]
        tasks += [asyncio.create_task(self._label()) for _ in range(labelling)]
        try:
            yield
        finally:
            self.is_over = True
            await asyncio.gather(*tasks)


def test_no_request_fails_while_releases_are_swapped_under_load(place):
    async def scenario(url):
        load = Load(url)
        async with load.running():
            for generation in range(2, 22):
                kind = "slow" if generation % 7 == 0 else "fast"
                previous = load.answers[-1][0] if load.answers else "fast/1"
                share = 0.5 if generation % 2 else 0.0
                route = Route("prices", f"{kind}/{generation}", previous if share else "", share, warm=(previous,))
                write_routes(place.routes, route, generation=generation)
                await asyncio.to_thread(place.wait_for_generation, generation)
                seen = len(load.answers)
                await until(lambda seen=seen: len(load.answers) >= seen + 10, seconds=20)
        return load

    with Child(place) as child:
        load = asyncio.run(scenario(child.url))

    assert load.failures == []
    assert len(load.answers) >= 200
    assert all(value == float(release.split("/")[1]) for release, value, _ in load.answers)
    assert len({release for release, _, _ in load.answers}) >= 15


def test_after_the_controller_is_told_only_the_new_release_answers(place):
    with Child(place) as child, httpx.Client(base_url=child.url, **PLAIN) as client:
        for generation in range(2, 12):
            write_routes(place.routes, Route("prices", f"fast/{generation}"), generation=generation)
            served = place.wait_for_generation(generation)
            body = client.post("/endpoints/prices/predict", json={"rows": [{"fare": 1}]}).json()

            assert body["release"] == f"fast/{generation}"
            assert served.pid == child.process.pid
            assert served.loaded == (f"fast/{generation}",)


def test_what_was_answered_before_a_kill_is_in_the_log(place):
    async def scenario(child):
        load = Load(child.url, clients=6)
        async with load.running(labelling=3):
            await until(lambda: len(load.answers) > 200 and len(load.labels) > 20, seconds=20)
            child.process.kill()
            await asyncio.to_thread(child.process.wait)
        return load

    with Child(place, "open") as child:
        load = asyncio.run(scenario(child))
    assert not closed_segments(place.spool)
    with Child(place):
        answers, labels = logged_ids(place)

    assert {id_ for _, _, id_ in load.answers} <= set(answers)
    assert set(load.labels) <= set(labels)
    assert len(answers) - len(load.answers) <= 6


def test_a_stop_finishes_what_is_in_flight_and_closes_the_log(place):
    write_routes(place.routes, Route("prices", "slow/1"))

    async def scenario(child):
        load = Load(child.url)
        async with load.running():
            await until(lambda: len(load.answers) > 10)
            child.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.1)
            async with httpx.AsyncClient(**PLAIN) as client:
                ready = (await client.get(f"{child.url}/health/ready")).status_code
            load.is_over = True
        return load, ready, await asyncio.to_thread(child.process.wait, 5)

    with Child(place, "open") as child:
        load, ready, code = asyncio.run(scenario(child))

    assert ready == 503
    assert load.failures == []
    assert code == 0
    assert list(place.spool.glob("*.open")) == []
    assert sorted(logged_ids(place)[0]) == sorted(id_ for _, _, id_ in load.answers)


def test_segments_of_a_live_server_are_closed_for_the_collector_as_it_goes(place):
    with Child(place) as child, httpx.Client(base_url=child.url, **PLAIN) as client:
        ids = []
        for _ in range(3):
            body = client.post("/endpoints/prices/predict", json={"rows": [{"fare": 1}]}).json()
            ids.append(body["predictions"][0]["id"])
            wait_for_closed_segments(place.spool, len(ids))

        assert close_leftovers(place.spool) == []
        assert logged_ids(place)[0] == ids


def wait_for_closed_segments(folder, count, seconds=20):
    deadline = time.monotonic() + seconds
    while len(closed_segments(folder)) < count:
        assert time.monotonic() < deadline, f"{count} segments were not closed in {seconds} s"
        time.sleep(0.02)


def test_a_signal_makes_it_read_the_routes_again(place):
    write_routes(place.routes, Route("prices", "bad/1"))
    with Child(place, is_ready=False) as child:
        served = place.wait_for_generation(1)
        assert "bad/1" in served.refused
        before = place.status.stat().st_mtime_ns

        child.process.send_signal(signal.SIGHUP)

        deadline = time.monotonic() + 5
        while place.status.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        response = httpx.post(f"{child.url}/endpoints/prices/predict", json={"rows": [{"fare": 1}]}, **PLAIN)
        assert response.status_code == 503
        assert "bad/1 may not be loaded" in response.text


def test_it_ends_when_its_lifeline_is_cut(place):
    held, lifeline = os.pipe()
    script = Path(__file__).parents[1] / "unit" / "serving" / "serving_child.py"
    announced, announcing = os.pipe()
    command = [sys.executable, str(script), str(place.folder), str(announcing), "lifeline"]
    process = subprocess.Popen(command, stdin=held, pass_fds=[announcing])
    os.close(held)
    os.close(announcing)
    with os.fdopen(announced) as pipe:
        assert pipe.readline()
    place.wait_for_generation(1)

    os.close(lifeline)

    assert process.wait(5) == 0


def test_it_ends_when_its_parent_has_gone(place):
    middle = "import subprocess, sys, time; p = subprocess.Popen(sys.argv[1:], close_fds=False); time.sleep(60)"
    script = Path(__file__).parents[1] / "unit" / "serving" / "serving_child.py"
    announced, announcing = os.pipe()
    command = [sys.executable, "-c", middle, sys.executable, str(script), str(place.folder), str(announcing), "parent"]
    parent = subprocess.Popen(command, pass_fds=[announcing])
    os.close(announcing)
    with os.fdopen(announced) as pipe:
        url = pipe.readline().strip()
    place.wait_for_generation(1)

    parent.kill()
    parent.wait()

    deadline = time.monotonic() + 5
    with httpx.Client(**PLAIN) as client, pytest.raises(httpx.TransportError):
        _ask_until(client, f"{url}/health/live", deadline)


def _ask_until(client, url, deadline):
    while time.monotonic() < deadline:
        client.get(url)
        time.sleep(0.05)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "", "example.com"])
def test_without_a_token_it_is_not_shown_to_others(place, host):
    plane = DataPlane(place.routes, place.status, place.spool, loader_of({"fast/1": ConstantScorer()}))

    with pytest.raises(SettingError, match="without a token"):
        serve(plane, host, 0)


@pytest.mark.parametrize(
    ("host", "is_it"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.1", False)]
)
def test_the_loopback_is_known(host, is_it):
    assert is_loopback(host) is is_it


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(SettingError, match=f"127.0.0.1:{port}"):
            listening("127.0.0.1", port, is_guarded=False)


def test_a_body_too_large_is_refused_over_a_real_socket_and_the_connection_stays_usable(place):
    def pieces():
        for _ in range(34):
            yield b" " * 1024 * 1024

    with Child(place) as child, httpx.Client(base_url=child.url, **PLAIN) as client:
        response = client.post("/endpoints/prices/predict", content=pieces())
        after = client.post("/endpoints/prices/predict", json={"rows": [{"fare": 1}]})

    assert response.status_code == 413
    assert "33,554,432" in response.text
    assert after.status_code == 200


def test_a_client_that_hangs_up_midway_harms_nobody(place):
    with Child(place) as child:
        port = int(child.url.rsplit(":", 1)[1])
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port)) as half:
                half.sendall(b"POST /endpoints/prices/predict HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{")
        response = httpx.post(f"{child.url}/endpoints/prices/predict", json={"rows": [{"fare": 1}]}, **PLAIN)

    assert response.status_code == 200
