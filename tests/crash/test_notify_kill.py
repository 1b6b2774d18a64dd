"""A post that is killed again and again loses no event: each arrives, under its id, and few arrive twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kaizenml.core.event import Draft, Kind
from kaizenml.core.letter import LEASE_SECONDS, LetterState
from kaizenml.loop import mlflow_hooks
from kaizenml.loop.notify_service import LoopNotify
from kaizenml.loop.notifying import LANES
from kaizenml.loop.settings import settings
from kaizenml.loop.wiring import House, open_house
from receivers import Receiver, receiving

KILLS = int(os.environ.get("KAIZEN_TEST_KILLS", "8"))
#: A post whose clock is ahead, so that what the one before it had under way is soon free.
PROGRAM = """
import sys, threading
from dataclasses import replace
from datetime import timedelta
from collections.abc import Callable
from pathlib import Path

import pytest
from kaizenml.loop.notifying import keep_posted
from kaizenml.loop.settings import settings
from kaizenml.loop.wiring import open_house

class Ahead:
    def __init__(self, clock):
        self.clock = clock
    def now(self):
        return self.clock.now() + timedelta(seconds=float(sys.argv[2]))

house = open_house(settings(Path(sys.argv[1]), {}, {"notify_allow": "127.0.0.1"}))
keep_posted(replace(house, clock=Ahead(house.clock)), print, stop=threading.Event())
"""


def happens(house: House, count: int) -> None:
    """Let what both kinds of subscriptions are told of happen so often."""
    for _ in range(count):
        with house.records.writing() as books:
            draft = Draft("shop", "system:loop", Kind.ALIAS_MOVED, "model:m", facts={"alias": "best", "version": 1})
            books.events.append(draft, house.clock.now())


def our_own(house: House, url: str) -> None:
    LoopNotify(house).add("ops", url, by="person:ada", kinds=["alias.moved"])


def a_clients(house: House, url: str) -> None:
    wanted = mlflow_hooks.Wanted(name="ops", url=url, events=("model_version_alias.created",), secret="s3cret")
    with house.records.writing() as books:
        mlflow_hooks.create(books, house, "person:ada", wanted)


@pytest.mark.parametrize("subscribe", [our_own, a_clients])
def test_a_post_that_is_killed_again_and_again_loses_nothing(
    tmp_path: Path, subscribe: Callable[[House, str], None]
) -> None:  # fmt: skip
    rng = random.Random(5)
    house = open_house(settings(tmp_path, {}, {"notify_allow": "127.0.0.1"}))
    desk = LoopNotify(house)

    def received(_: object) -> tuple[int, dict[str, str]]:
        time.sleep(rng.random() * 0.01)
        return 204, {}

    with receiving(Receiver(received)) as receiver:
        subscribe(house, receiver.url)
        ahead, wanted = 0.0, 0
        for kill in range(KILLS + 1):
            happens(house, 8)
            wanted += 8
            ahead += LEASE_SECONDS + 1
            post = subprocess.Popen([sys.executable, "-X", "faulthandler", "-c", PROGRAM, str(tmp_path), str(ahead)])
            try:
                enough = wanted if kill == KILLS else len(set(receiver.ids)) + rng.randrange(1, 8)
                limit = time.monotonic() + 120
                while len(set(receiver.ids)) < enough:
                    assert post.poll() is None
                    assert time.monotonic() < limit
                    time.sleep(0.001)
                if kill == KILLS:
                    while any(each.state is not LetterState.DELIVERED for each in desk.letters(limit=1000)):
                        assert time.monotonic() < limit
                        time.sleep(0.01)
            finally:
                post.send_signal(signal.SIGKILL)
                post.wait()

    letters = desk.letters(limit=1000)
    assert sorted(set(receiver.ids)) == sorted(each.id for each in letters)
    assert len(letters) == wanted
    assert len(receiver.ids) - wanted <= KILLS * max(LANES.values())
    house.records.close()
