"""Webhooks to real servers: what may be called, what is believed, and how long anybody is waited for."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kaizenml.adapters.webhook import MOST_HEADER_BYTES, WebhookNotifier, placed, resolved
from kaizenml.core.address import Allowed, allowed
from kaizenml.core.notice import Answer, Notice, Target
from kaizenml.core.webhook import secret_text, verify_webhook
from kaizenml.errors import UsageError
from receivers import Receiver, receiving, speaking

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
SECRET = secret_text(bytes(range(32)))
NOTICE = Notice("msg_1", "title", "text", "http://127.0.0.1:8400/", '{"said":"α"}'.encode())
HERE = allowed(["127.0.0.1"])
PUBLIC = "93.184.215.14"


def sent(url: str, but: Allowed = HERE, **more: object) -> Answer:
    return WebhookNotifier(but, **more).send(NOTICE, Target(url, (SECRET,)), NOW)


def names(**hosts: str | Sequence[str]) -> Callable[[str, int], list[str]]:
    """Return a resolver that knows these hosts, written with ``_`` for the dot."""

    def resolve(host: str, port: int) -> list[str]:
        found = hosts[host.replace(".", "_")]
        return [found] if isinstance(found, str) else list(found)

    return resolve


def test_a_request_is_signed_and_says_what_it_is() -> None:
    with receiving() as receiver:
        answer = sent(receiver.url + "?a=1&b=%C3%A4")

    (got,) = receiver.got
    assert (answer.status, answer.is_received, answer.said) == (204, True, "")
    assert got.path == "/hooks/s3cret?a=1&b=%C3%A4"
    assert verify_webhook(got.headers, got.body, SECRET, now=NOW) == "msg_1"
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("kaizenml/")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "127.1",
     "0177.0.0.1", "127.0.0.1.", "①②⑦.0.0.1", "169.254.169.254", "[fe80::1%25lo]"],
)  # fmt: skip
def test_nothing_on_this_machine_is_called_however_it_is_spelt(host: str) -> None:
    with receiving() as receiver:
        answer = sent(f"https://{host}:{receiver.port}/", Allowed())
        plainly = sent(f"http://{host}:{receiver.port}/", Allowed())

    assert receiver.got == []
    for each in (answer, plainly):
        assert not each.is_received
        assert (
            "no public address" in each.said
            or "cannot be resolved" in each.said
            or "has signs" in each.said
            or ("none of the web" in each.said)
        )


def test_every_address_of_a_host_must_be_public() -> None:
    with receiving() as receiver:
        resolve = names(hooks_example=[PUBLIC, "127.0.0.1"])
        answer = sent(f"https://hooks.example:{receiver.port}/", Allowed(), resolve=resolve)

    assert answer.said == "hooks.example (127.0.0.1) is no public address; see `notify_allow`."


def test_a_name_that_stands_for_something_else_a_moment_later_gains_nothing() -> None:
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1" if len(asked) == 1 else PUBLIC]

    with receiving() as receiver:
        answer = sent(f"http://hooks.example:{receiver.port}/", resolve=rebinding)

    assert answer.is_received  # the address that was checked, which is this machine's, was called
    assert asked == ["hooks.example"]
    assert receiver.got[0].headers["host"] == f"hooks.example:{receiver.port}"


def test_the_rebinding_name_is_refused_when_its_second_answer_would_have_been_this_machine() -> None:
    answers = iter([["127.0.0.1"], [PUBLIC]])
    with receiving() as receiver:
        answer = sent(f"http://hooks.example:{receiver.port}/", Allowed(), resolve=lambda *_: next(answers))

    assert "no public address" in answer.said
    assert receiver.got == []


def test_without_tls_only_what_was_named_is_called() -> None:
    answer = sent("http://hooks.example/", resolve=names(hooks_example=PUBLIC))
    by_name = sent("http://hooks.example:9/", allowed(["hooks.example"]), resolve=names(hooks_example="127.0.0.1"))

    assert answer.said == "hooks.example is called without TLS, which only `notify_allow` permits."
    assert "cannot be talked to" in by_name.said


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with receiving() as inner, receiving(Receiver(lambda _: (status, {"Location": inner.url}))) as outer:
        answer = sent(outer.url)

    assert (answer.status, answer.is_received) == (status, False)
    assert "somewhere else" in answer.said
    assert (len(outer.got), inner.got) == (1, [])


def test_the_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy, receiving() as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert sent(receiver.url).is_received

    assert proxy.got == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "120"}, 120.0), ({"retry-after": "Sun, 01 Mar 2026 12:31:15 GMT"}, 60.0),
     ({"Retry-After": "Sun, 01 Mar 2020 00:00:00 GMT"}, 0.0), ({"Retry-After": "soon"}, None), ({}, None)],
)  # fmt: skip
def test_what_a_busy_receiver_asks_for_is_told(headers: dict[str, str], seconds: float | None) -> None:
    with receiving(Receiver(lambda _: (503, headers))) as receiver:
        answer = sent(receiver.url)

    assert (answer.status, answer.retry_after_seconds) == (503, seconds)


def drip(connection: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def never(connection: socket.socket) -> None:
    time.sleep(30)


def endlessly(connection: socket.socket) -> None:
    connection.recv(10)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X: " + b"y" * 5000 + b"\r\n")


def interim(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")


def said(*parts: bytes) -> Callable[[socket.socket], None]:
    def speak(connection: socket.socket) -> None:
        connection.recv(65536)
        for part in parts:
            connection.sendall(part)

    return speak


@pytest.mark.parametrize("speak", [drip, never])
def test_who_answers_byte_by_byte_or_never_is_not_waited_for(speak: Callable[[socket.socket], None]) -> None:
    began = time.monotonic()
    with speaking(speak) as port:
        answer = sent(f"http://127.0.0.1:{port}/", timeout_seconds=0.6)

    assert answer.said == "127.0.0.1 did not answer within 0.6 s."
    assert time.monotonic() - began < 25


@pytest.mark.parametrize("speak", [endlessly, interim])
def test_an_endless_answer_is_cut_off(speak: Callable[[socket.socket], None]) -> None:
    with speaking(speak) as port:
        answer = sent(f"http://127.0.0.1:{port}/")

    assert "more headers than anybody needs" in answer.said or "never came to its point" in answer.said
    assert MOST_HEADER_BYTES < 100_000


def test_a_huge_body_is_not_read() -> None:
    taken = []

    def huge(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        try:
            while True:
                taken.append(connection.send(b"x" * 65536))
        except OSError:
            taken.append(-1)

    with speaking(huge) as port:
        answer = sent(f"http://127.0.0.1:{port}/")

        limit = time.monotonic() + 30
        while not taken or taken[-1] != -1:
            assert time.monotonic() < limit
            time.sleep(0.01)
    assert answer.is_received
    assert sum(taken) < 50_000_000  # what the system's buffers took


@pytest.mark.parametrize(
    ("speak", "word"),
    [
        (said(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "does not speak HTTP"),
        (said(b"HTTP/1.1 abc\r\n\r\n"), "does not speak HTTP"),
        (said(b"HTTP/1.1 2000 OK\r\n\r\n"), "does not speak HTTP"),
        (said(b"\xff\xfe\r\n\r\n"), "does not speak HTTP"),
        (said(b"HTTP/1.1 200 OK\r\n"), "ended before the answer"),
        (said(), "ended before the answer"),
    ],
)
def test_what_is_no_answer_is_a_failure(speak: Callable[[socket.socket], None], word: str) -> None:
    with speaking(speak) as port:
        answer = sent(f"http://127.0.0.1:{port}/s3cret")

    assert word in answer.said
    assert "s3cret" not in answer.said


def test_interim_answers_are_passed_over() -> None:
    with speaking(
        said(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 H\r\nLink: x\r\n\r\n", b"HTTP/1.1 202 \r\n\r\n")
    ) as port:
        assert sent(f"http://127.0.0.1:{port}/").status == 202


def test_nobody_there_is_a_failure_with_its_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert "Connection refused" in sent(f"http://127.0.0.1:{port}/").said
    assert "cannot be resolved" in sent("https://no-such-host.invalid/").said


def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    def hangs(host: str, port: int) -> list[str]:
        time.sleep(30)
        return [PUBLIC]

    assert sent("https://hooks.example/", resolve=hangs, timeout_seconds=0.3).said == (
        "The name hooks.example was not resolved in time."
    )


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with receiving() as receiver:
        url = f"http://hooks.example:{receiver.port}/"
        but = allowed(["127.0.0.0/8"])
        assert sent(url, but, resolve=names(hooks_example=["127.0.0.9", "127.0.0.1"])).is_received


@pytest.mark.parametrize(
    "url",
    ["", "hooks.example", "ftp://hooks.example/", "file:///etc/passwd", "gopher://hooks.example/", "https://",
     "https:///path", "https://u:p@hooks.example/", "https://hooks.example/#part", "https://hooks.example:0/",
     "https://hooks.example:99999/", "https://[::1/", "https://" + "a" * 300 + ".example/", "https://exa mple/",
     "https://hooks.example/a b", "https://hooks.example/\u00e4", "https://hooks.example/\x7f", "https://[fe80::1%25lo]/"],
)  # fmt: skip
def test_an_address_that_is_none_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        placed(url)


def test_a_host_in_other_letters_is_what_the_net_calls_it() -> None:
    assert placed("https://Bücher.example/x").host == "xn--bcher-kva.example"
    assert placed("https://[2606:4700::1111]:8443/x").authority == "[2606:4700::1111]:8443"
    assert resolved("127.0.0.1", 80) == ["127.0.0.1"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate authority of this file's own, and a server's certificate of hooks.example from it."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificates, is not installed")
    folder = tmp_path_factory.mktemp("authority")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout")
    ca = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-x509", *key, "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test authority", *ca)
    openssl("req", *key, "server.key", "-out", "server.csr", "-subj", "/CN=hooks.example")
    (folder / "names").write_text("subjectAltName=DNS:hooks.example\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "server.pem", "-days", "1", "-extfile", "names")  # fmt: skip
    return folder


@pytest.fixture
def served(authority: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem", authority / "server.key")
    return context


def test_over_tls_the_name_is_checked_and_told_though_the_address_is_called(
    authority: Path, served: ssl.SSLContext
) -> None:
    asked = []
    served.sni_callback = lambda _, name, __: asked.append(name)
    trust = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    resolve = names(hooks_example="127.0.0.1", other_example="127.0.0.1")
    with receiving(tls=served) as receiver:
        right = sent(f"https://hooks.example:{receiver.port}/", resolve=resolve, trust=trust)
        wrong = sent(f"https://other.example:{receiver.port}/", resolve=resolve, trust=trust)

    assert right.is_received
    assert asked == ["hooks.example", "other.example"]
    assert wrong.said.startswith("The certificate of other.example does not count: Hostname mismatch")
    assert len(receiver.got) == 1


def test_a_certificate_that_nobody_trusts_is_refused_unless_the_environment_names_its_authority(
    authority: Path, served: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = names(hooks_example="127.0.0.1")
    with receiving(tls=served) as receiver:
        url = f"https://hooks.example:{receiver.port}/"
        refused = sent(url, resolve=resolve)
        monkeypatch.setenv("SSL_CERT_FILE", os.fspath(authority / "ca.pem"))
        trusted = sent(url, resolve=resolve)

    assert "does not count" in refused.said
    assert trusted.is_received
    assert len(receiver.got) == 1


def test_a_server_that_speaks_no_tls_is_a_failure() -> None:
    with receiving() as receiver:
        answer = sent(f"https://127.0.0.1:{receiver.port}/", timeout_seconds=2)

    assert not answer.is_received
    assert receiver.got == []


@pytest.mark.parametrize("url", ["http://10.1.2.3/", "https://127.0.0.1/", "https://[::1]/", "http://8.8.8.8/"])
def test_an_address_that_may_never_be_called_is_refused_when_it_is_added(url: str) -> None:
    with pytest.raises(UsageError, match="notify_allow"):
        WebhookNotifier(Allowed()).check(url)
    WebhookNotifier(allowed(["10.0.0.0/8", "127.0.0.1", "::1", "8.8.8.8"])).check(url)
    WebhookNotifier(Allowed()).check("https://hooks.example/x")
