"""Messages by Apprise to real servers on this machine, which stand for its services."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kaizenml.adapters.apprise_channel import AppriseNotifier
from kaizenml.core.address import Allowed, allowed
from kaizenml.core.notice import Answer, Notice, Target, Tone
from kaizenml.errors import UsageError
from receivers import Receiver, receiving, speaking

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
HERE = allowed(["127.0.0.1"])
NOTICE = Notice(
    "msg_1", "shop: run failed", "<b>no column: age & more</b>", "http://127.0.0.1:8400/", b"", Tone.FAILURE
)

pytest.importorskip("apprise")


def sent(address: str, but: Allowed = HERE, notice: Notice = NOTICE, within: float = 250) -> Answer:
    return AppriseNotifier(but, within).send(notice, Target(address), NOW)


def test_a_message_has_title_text_link_and_tone() -> None:
    with receiving() as receiver:
        answer = sent(f"json://127.0.0.1:{receiver.port}/hooks")

    assert (answer.is_received, answer.said) == (True, "")
    (got,) = receiver.got
    said = json.loads(got.body)
    assert (said["title"], said["type"]) == ("shop: run failed", "failure")
    assert said["message"] == "<b>no column: age & more</b>\nhttp://127.0.0.1:8400/"


def test_what_may_not_be_called_is_not_called_by_apprise_either() -> None:
    with receiving() as receiver:
        answer = sent(f"json://localhost:{receiver.port}/", Allowed())

    assert receiver.got == []
    assert "no public address; see `notify_allow`" in answer.said


def test_a_redirect_leads_nowhere_else() -> None:
    with receiving(Receiver(lambda _: (307, {"Location": "http://127.0.0.2:9/"}))) as receiver:
        answer = sent(f"json://127.0.0.1:{receiver.port}/?redirect=yes")

    assert len(receiver.got) == 1
    assert answer.said == "The service is at 127.0.0.2, which is no public address; see `notify_allow`."


def test_a_host_that_is_named_may_be_called() -> None:
    with receiving() as receiver:
        assert sent(f"json://localhost:{receiver.port}/", allowed(["localhost"])).is_received


def test_a_message_is_cut_to_what_the_service_takes() -> None:
    with receiving(Receiver(lambda _: (200, {}))) as receiver:
        assert sent(f"misskey://t0ken@127.0.0.1:{receiver.port}", notice=replace(NOTICE, text="x" * 5000)).is_received

    (got,) = receiver.got
    assert 400 < len(json.loads(got.body)["text"]) <= 512  # as much as that service takes


def test_a_service_that_hangs_is_cut_off() -> None:
    began = time.monotonic()
    with speaking(lambda connection: time.sleep(60) or connection.close()) as port:
        answer = sent(f"json://127.0.0.1:{port}/?rto=50", within=4.0)

    assert answer.said == "Sending took more than 4 s."
    assert time.monotonic() - began < 55


def test_neither_proxies_nor_secrets_of_this_process_reach_the_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy, receiving() as receiver:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("KAIZEN_TOKEN", "a-long-and-secret-text")
        assert sent(f"json://127.0.0.1:{receiver.port}/").is_received
    assert proxy.got == []
    assert os.environ["KAIZEN_TOKEN"]


def test_an_address_that_apprise_does_not_know_is_refused_without_being_repeated() -> None:
    AppriseNotifier(HERE, 250).check("slack://TA/AAAAAAAAA/BBBBBBBBB/cccccccccccccccccccccccc")
    with pytest.raises(UsageError) as refused:
        AppriseNotifier(HERE, 250).check("nosuch://s3cret")

    assert "s3cret" not in str(refused.value)
