"""What every channel by which somebody is told does: whatever happens on the way is an answer, and holds no secret."""

from __future__ import annotations

import importlib.util
import socket
from datetime import UTC, datetime

import pytest

from kaizenml.adapters.apprise_channel import AppriseNotifier
from kaizenml.adapters.webhook import WebhookNotifier
from kaizenml.core.address import Allowed, allowed
from kaizenml.core.mlflow.hooks import signed_headers
from kaizenml.core.notice import Answer, Notice, Target
from kaizenml.core.outbox import Notifier
from kaizenml.core.webhook import secret_text
from receivers import Receiver, receiving

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
NOTICE = Notice("msg_1", "shop: run failed", "no column: age", "http://127.0.0.1:8400/", b'{"type":"run.failed"}')
SECRET = secret_text(bytes(range(32)))


@pytest.fixture(params=["webhook", "mlflow", "apprise"])
def channel(request: pytest.FixtureRequest) -> str:
    if request.param == "apprise" and importlib.util.find_spec("apprise") is None:
        pytest.skip("apprise is not installed")
    return request.param


def sent(channel: str, port: int, *, but: Allowed | None = None) -> Answer:
    may = allowed(["127.0.0.1"]) if but is None else but
    seconds = 250  # of which a busy machine may need a part
    channels: dict[str, tuple[str, Notifier]] = {
        "webhook": ("http", WebhookNotifier(may, timeout_seconds=seconds)),
        "mlflow": ("http", WebhookNotifier(may, sign=signed_headers, timeout_seconds=seconds)),
        "apprise": ("json", AppriseNotifier(may, timeout_seconds=seconds)),
    }
    scheme, notifier = channels[channel]
    return notifier.send(NOTICE, Target(f"{scheme}://127.0.0.1:{port}/s3cret", (SECRET,)), NOW)


def test_what_arrives_is_received(channel: str) -> None:
    with receiving() as receiver:
        answer = sent(channel, receiver.port)

    assert (answer.is_received, answer.said, len(receiver.got)) == (True, "", 1)


def test_what_is_refused_is_told_with_its_status(channel: str) -> None:
    with receiving(Receiver(lambda _: (503, {}))) as receiver:
        answer = sent(channel, receiver.port)

    assert not answer.is_received
    assert "503" in answer.said
    assert "s3cret" not in answer.said


def test_nobody_there_is_an_answer(channel: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    answer = sent(channel, port)

    assert not answer.is_received
    assert answer.said
    assert "s3cret" not in answer.said


def test_what_may_not_be_called_is_not(channel: str) -> None:
    with receiving() as receiver:
        answer = sent(channel, receiver.port, but=Allowed())

    assert (answer.is_received, receiver.got) == (False, [])
    assert "no public address; see `notify_allow`" in answer.said
