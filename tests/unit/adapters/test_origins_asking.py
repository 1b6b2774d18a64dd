"""A server that is asked for what it has: patience, and what is said when it does not help."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kaizenml.adapters.origins.asking import Server
from kaizenml.errors import SourceError, UnavailableError


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        status, headers, body = self.server.answers.pop(0)  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def told() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.seen, server.answers = [], []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def asked(told, *answers, environment=None, user=""):
    told.answers += answers
    slept = []
    server = Server(f"http://{user}127.0.0.1:{told.server_port}/", environment or {}, slept.append)
    try:
        return server.get("/runs/get", run_id="a"), slept
    finally:
        server.close()


def said(**value: object) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, json.dumps(value).encode()


def test_a_server_that_is_busy_is_asked_again_when_it_says(told):
    found, slept = asked(told, (429, {"Retry-After": "3"}, b""), (503, {}, b"busy"), said(run=1))

    assert found == {"run": 1}
    assert slept == [3.0, 1.0]


def test_a_server_that_stays_away_is_named_after_some_patience(told):
    with pytest.raises(UnavailableError, match=r"answers with 503[\s\S]*it goes on"):
        asked(told, *[(503, {}, b"")] * 6)


def test_an_address_where_nobody_is_is_told_at_once():
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    slept: list[float] = []
    server = Server(f"http://127.0.0.1:{port}", {}, slept.append)

    with pytest.raises(UnavailableError, match=r"cannot be reached: [\s\S]*Check the address"):
        server.get("/runs/get", run_id="a")

    assert slept == []
    server.close()


def test_a_server_that_has_answered_and_goes_away_is_waited_for(told):
    told.answers += [said(run=1)]
    slept: list[float] = []
    server = Server(f"http://127.0.0.1:{told.server_port}/", {}, slept.append)
    assert server.get("/runs/get", run_id="a") == {"run": 1}
    told.shutdown()
    told.server_close()

    with pytest.raises(UnavailableError, match="it goes on"):
        server.get("/runs/get", run_id="b")

    assert len(slept) == 5
    server.close()


def test_a_route_that_is_not_there_is_none(told):
    assert asked(told, (404, {}, b"<html>")) == (None, [])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {}, b"who are you?"), "MLFLOW_TRACKING_TOKEN"),
        ((302, {"Location": "https://login"}, b""), "https://login"),
        ((200, {}, b"<html>"), "no JSON"),
        ((400, {}, b'{"message": "no"}'), "refused .400."),
    ],
)
def test_a_refusal_says_what_to_do(told, answer, words):
    with pytest.raises(SourceError, match=words):
        asked(told, answer)


@pytest.mark.parametrize(
    ("environment", "user", "sent"),
    [
        ({"MLFLOW_TRACKING_TOKEN": "t"}, "", "Bearer t"),
        ({"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "p"}, "", "Basic YWRhOnA="),
        ({"MLFLOW_TRACKING_TOKEN": "t"}, "ada:p@", "Basic YWRhOnA="),
    ],
)
def test_a_caller_shows_who_they_are_as_clients_of_mlflow_do(told, environment, user, sent):
    asked(told, said(run=1), environment=environment, user=user)

    assert told.seen[0][1]["Authorization"] == sent


def test_the_secrets_of_an_address_are_not_shown():
    server = Server("http://ada:secret@example.org:5000/base/", {})

    assert server.place == "http://example.org:5000/base"
    server.close()
