"""What a stranger may try against the control plane, tried against one that really runs."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest
from control_house import CLIENT, TOKEN, House, filled_house, serving

from kaizenml.interfaces.http.access import Access
from kaizenml.interfaces.http.app import create_app

XSS = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'</style></title>{{7*7}}"
PUBLIC = ("/health/live", "/health/ready", "/style.css", "/icon.svg")


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    with serving(filled_house(), Access(token=TOKEN)) as url:
        yield url


@pytest.fixture(scope="module")
def local() -> Iterator[str]:
    with serving(filled_house()) as url:
        yield url


def routes() -> list[tuple[str, str]]:
    """Return method and path of every route, with something in place of its parameters."""
    found = []
    for route in create_app(filled_house()).routes:
        path = route.path  # type: ignore[attr-defined]
        for name, value in {"project": "flights", "number": "1", "name": "flights", "id": "1"}.items():
            path = path.replace(f"{{{name}}}", value)
        found += [(method, path) for method in sorted(route.methods)]  # type: ignore[attr-defined]
    return found


def raw(url: str, request: bytes) -> bytes:
    """Send bytes as they are, which no well-behaved client would, and return all that comes back."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=2) as connection:
        connection.sendall(request)
        answer = b""
        with suppress(TimeoutError, ConnectionResetError):
            while chunk := connection.recv(65536):
                answer += chunk
    return answer


def test_there_are_routes_to_attack() -> None:
    assert len(routes()) >= 25


@pytest.mark.parametrize(("method", "path"), routes())
def test_nothing_but_health_and_how_pages_look_answers_without_the_token(guarded: str, method: str, path: str) -> None:
    answer = CLIENT.request(method, guarded + path)

    assert answer.status_code == (200 if path in PUBLIC else 401)
    if path not in PUBLIC:
        assert answer.json()["error"]["code"] == "not_authenticated"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"bearer{TOKEN}",
        TOKEN,
        f"Token {TOKEN}",
        "Basic !!!",
        "Basic " + base64.b64encode(b"admin:admin").decode(),
        "Basic " + base64.b64encode(TOKEN.encode()).decode(),
    ],
)
def test_a_wrong_token_opens_nothing(guarded: str, header: str) -> None:
    answer = CLIENT.get(f"{guarded}/api/v1/runs", headers={"Authorization": header})

    assert answer.status_code == 401


def test_the_token_opens_as_bearer_and_as_a_browsers_password(guarded: str) -> None:
    assert CLIENT.get(f"{guarded}/api/v1/runs", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert CLIENT.get(f"{guarded}/", auth=("anybody", TOKEN)).status_code == 200


def test_two_authorization_headers_are_none(guarded: str) -> None:
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer wrong")]

    assert CLIENT.get(f"{guarded}/api/v1/runs", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/health/live/../../api/v1/runs",
        "/health/live%2f..%2f..%2fapi/v1/runs",
        "/health/live/",
        "//health/live",
        "/health//live",
        "/HEALTH/live",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/../../../../etc/passwd",
        "/style.css/../../../errors.py",
        "/api/v1/runs;/health/live",
        "/api/v1/runs#/health/live",
        "/api/v1/runs?/health/live",
        "/health/live%00",
        "/api\\v1\\runs",
    ],
)
def test_no_path_walks_round_the_token(guarded: str, path: str) -> None:
    answer = raw(guarded, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())

    status = answer.split(b" ", 2)[1]
    assert status in (b"400", b"401", b"404")
    assert b"root:" not in answer
    assert b"run-3" not in answer


@pytest.mark.parametrize("path", ["/etc/passwd", "/../../etc/passwd", "/style.css/..%2f..%2ferrors.py", "/static/x"])
def test_no_path_reads_a_file(local: str, path: str) -> None:
    answer = raw(local, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())

    assert answer.split(b" ", 2)[1] in (b"400", b"404")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8400", "127.0.0.1.evil.example", "localhost@evil.example", "evil.example#localhost",
     "localhost.", "", "[::2]", "0x7f000001", "2130706433", "localhost:x", "localhost/evil", "a" * 5000],
)  # fmt: skip
def test_a_foreign_host_is_refused(local: str, host: str) -> None:
    answer = raw(local, f"GET /api/v1/runs HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())

    assert answer.split(b" ", 2)[1] in (b"400", b"421")
    assert b"run-3" not in answer


@pytest.mark.parametrize("hosts", ["", "Host: localhost\r\nHost: evil.example\r\n"])
def test_no_host_or_two_are_refused(local: str, hosts: str) -> None:
    answer = raw(local, f"GET /api/v1/runs HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n".encode())

    assert answer.split(b" ", 2)[1] in (b"400", b"421")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8400", "127.0.0.1", "[::1]:8400"])
def test_this_machines_own_names_are_known(local: str, host: str) -> None:
    assert CLIENT.get(f"{local}/api/v1/runs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example", "Content-Type": "text/plain"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [route for route in routes() if route[0] != "GET"])
def test_another_site_makes_no_browser_act(local: str, headers: dict[str, str], method: str, path: str) -> None:
    answer = CLIENT.request(method, local + path, headers=headers, content=b"{}")

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "foreign_origin"


def test_the_servers_own_pages_may_act() -> None:
    house = filled_house()
    with serving(house) as url:
        headers = {"Origin": url, "Sec-Fetch-Site": "same-origin"}
        assert CLIENT.post(f"{url}/api/v1/projects/flights/run", headers=headers).status_code == 202

    assert house.acts == [("trigger", "flights", "person:local", "")]


@pytest.mark.parametrize(
    "by", ["policy:approval", "system:controller", "person:eve", "", " ada", "ada\n", "a" * 101, "<b>"]
)
def test_nobody_acts_in_the_name_of_a_policy(local: str, by: str) -> None:
    answer = CLIENT.post(f"{local}/api/v1/releases/flights/3/approve", json={"by": by})

    assert answer.status_code == 422


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"])
def test_other_methods_do_nothing(local: str, method: str) -> None:
    answer = CLIENT.request(method, f"{local}/api/v1/runs")

    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


def test_a_body_that_says_it_is_too_large_is_refused_unread(local: str) -> None:
    head = "POST /api/v1/clock HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    answer = raw(local, f"{head}Content-Length: 1000001\r\nConnection: close\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 413")


def test_a_body_that_grows_too_large_is_refused(local: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            yield b'"' + b"a" * 50_000 + b'"'

    headers = {"Content-Type": "application/json"}
    answer = CLIENT.post(f"{local}/api/v1/projects/flights/run", content=chunks(), headers=headers)

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"text"', b"\xff\xfe", b"{}" * 2, b"[" * 100_000, b'{"to": NaN}', b'{"to": "2026-01-01T00:00:00"}',
     b'{"to": 1e400}', b'{"to": "2026-01-01T00:00:00Z", "by": ""}', b'{"to": "2026-01-01T00:00:00Z", "more": 1}', b"",
     b'{"to": "9' + b"9" * 5000 + b'"}', b"null"],
)  # fmt: skip
def test_a_malformed_body_is_a_clear_error(local: str, body: bytes) -> None:
    answer = CLIENT.post(f"{local}/api/v1/clock", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code in (400, 422)
    assert set(answer.json()["error"]) == {"code", "message", "hint", "details"}
    assert len(answer.content) < 3000


def test_a_form_of_another_page_is_no_json(local: str) -> None:
    body = json.dumps({"by": "eve"})
    answer = CLIENT.post(f"{local}/api/v1/projects/flights/run", content=body, headers={"Content-Type": "text/plain"})

    assert answer.status_code in (400, 415, 422)


@pytest.mark.parametrize("value", ["1' OR '1'='1", "../../etc/passwd", "%00", "🙂" * 50, XSS, "-1", "1e9", "9" * 40])
@pytest.mark.parametrize("path", ["runs/{}", "endpoints/{}", "releases/{}/1", "releases/flights/{}"])
def test_strange_names_are_just_not_found(local: str, path: str, value: str) -> None:
    answer = CLIENT.get(f"{local}/api/v1/{path.format(httpx.QueryParams({'q': value}).__str__()[2:])}")

    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("query", ["runs?project=x'--", "events?after=-1", "events?after=1e3", "runs?limit=999999999"])
def test_strange_queries_give_nothing(local: str, query: str) -> None:
    answer = CLIENT.get(f"{local}/api/v1/{query}")

    assert answer.status_code == 422 or answer.json() == {"runs": []}


def test_text_from_outside_stays_text_on_every_page() -> None:
    with serving(filled_house(said=XSS)) as url:
        answers = [CLIENT.get(url + path) for path in ("/", "/docs")]

    for answer in answers:
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert "<img" not in answer.text
        assert "script-src" not in answer.headers["content-security-policy"]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "&lt;script&gt;alert(1)" in answers[0].text


@pytest.mark.parametrize("path", ["/", "/docs", "/api/v1/runs", "/api/v1/nope", "/health/live", "/api/v1/runs/nope"])
def test_every_answer_carries_the_headers_that_protect_browsers(local: str, path: str) -> None:
    headers = CLIENT.get(local + path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_an_unexpected_error_says_nothing_about_the_inside() -> None:
    class Broken(House):
        def loop_state(self) -> dict[str, object]:
            raise RuntimeError("/home/ada/secret/kaizen.db")

    with serving(Broken(filled_house().records)) as url:
        answer = CLIENT.get(f"{url}/api/v1/loop")

    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/api/v1/projects", "/api/v1/jobs", "/api/v1/runs/run-3", "/", "/metrics"])
def test_no_answer_tells_where_the_project_lies(local: str, path: str) -> None:
    assert "secret" not in CLIENT.get(local + path).text


def test_a_websocket_is_not_accepted(local: str) -> None:
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YQ==\r\n"
    answer = raw(local, f"GET / HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n".encode())

    assert not answer.startswith(b"HTTP/1.1 101")
