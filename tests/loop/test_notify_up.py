"""`kaizen up` and `kaizen notify` as a user has them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from loop_processes import KAIZEN, call, called, environment, soon, up

import kaizenml as kz
from receivers import Receiver, receiving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project.py").write_text(
        'import kaizenml as kz\n\nproject = kz.Project("shop", target="late", id="id")\n'
    )
    (tmp_path / "kaizen.toml").write_text('notify_allow = ["127.0.0.1/32"]\nurl = "https://ml.example"\n')
    return tmp_path


def test_what_happens_while_it_is_up_is_delivered_and_what_happened_before_too(folder: Path) -> None:
    with receiving() as receiver:
        made = called("notify", "add", "ops", receiver.url, "--kind", "subscription.*", "--project", folder)
        called("notify", "add", "early", "https://hooks.example/x", "--project", folder)
        with up(folder) as running:
            soon(lambda: len(receiver.got) == 1)
            answer = running.post("/api/v1/subscriptions", {"name": "late", "address": "https://hooks.example/y"})
            assert answer.status_code == 201
            soon(lambda: len(receiver.got) == 2)
            soon(lambda: running.get("/api/v1/subscriptions")["subscriptions"][-1]["letters"]["delivered"] == 2)

    assert [json.loads(each.body)["data"]["subject"] for each in receiver.got] == [
        "subscription:early",
        "subscription:late",
    ]
    for each in receiver.got:
        assert kz.verify_webhook(each.headers, each.body, made["secret"])
        assert json.loads(each.body)["data"]["link"] == "https://ml.example/"


def test_letters_are_listed_delivered_and_sent_again_by_hand(folder: Path) -> None:
    to = ("--project", folder)
    with receiving(Receiver(lambda _: (410, {}))) as receiver:
        called("notify", "add", "ops", receiver.url, "--kind", "subscription.added", *to)
        called("notify", "add", "other", "https://hooks.example/x", "--kind", "run.failed", *to)
        assert called("notify", "deliver", *to) == {"pending": 0, "delivered": 0, "dead": 1}
        (letter,) = called("notify", "letters", "--state", "dead", *to)["letters"]
        receiver.answers = lambda _: (200, {})
        called("notify", "resume", "ops", *to)
        assert len(called("notify", "redeliver", letter["id"], *to)["letters"]) == 1
        assert called("notify", "deliver", *to)["delivered"] == 1
        assert called("notify", "test", "ops", *to)["has_arrived"]
        receiver.answers = lambda _: (500, {})
        assert called("notify", "test", "ops", *to, code=1)["said"] == "The receiver answered 500."

    assert receiver.ids[:2] == [letter["id"]] * 2
    secret = called("notify", "rotate", "ops", *to)["secret"]
    assert secret.startswith("whsec_")
    listed = called("notify", "list", *to)["subscriptions"]
    assert [each["name"] for each in listed] == ["ops", "other"]
    assert "s3cret" not in json.dumps(listed)
    called("notify", "pause", "other", *to)
    assert called("notify", "remove", "other", *to)["subscription"]["removed_at"]


def test_what_is_asked_wrongly_is_said_so(folder: Path) -> None:
    to = ("--project", folder)
    for words, said in (
        (("add", "ops", "hooks.example"), "no address"),
        (("add", "Ops", "https://hooks.example/"), "not a name"),
        (("add", "ops", "https://hooks.example/", "--kind", "alrt"), "no kind of event"),
        (("redeliver",), "needs a letter"),
        (("remove", "ops"), "no subscription"),
    ):
        done = called("notify", *words, *to, code=2)
        assert said in done["error"]["message"]


def test_an_address_may_be_read_from_standard_input_and_people_see_tables(folder: Path) -> None:
    words = [*KAIZEN, "notify", "add", "ops", "-", "--kind", "run.*", "--project", str(folder)]
    done = subprocess.run(words, input="https://hooks.example/s3cret\n", env=environment(None), capture_output=True,
                          text=True, timeout=120, check=True)  # fmt: skip
    assert done.stdout.startswith("whsec_")
    assert "https://hooks.example/… is told from now on, as ops." in done.stderr
    listed = call("notify", "list", "--project", folder).stdout
    assert "https://hooks.example/…" in listed
    assert "run.*" in listed
