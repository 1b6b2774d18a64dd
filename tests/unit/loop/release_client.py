"""One of several clients that drive the same releases at random, or an observer that looks at them all the while.

Called as ``release_client.py FOLDER DATABASE WHAT SEED SECONDS``; prints what it did, or saw, as one JSON document.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from kaizenml.core.approval import Review
from kaizenml.core.digest import digest_of
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.ports import Books
from kaizenml.core.release import Parts, Release, ReleaseState
from kaizenml.errors import RefusedError
from kaizenml.loop import delivering, releasing
from kaizenml.loop.wiring import House, open_house, read_settings

PROJECT = "shop"
PEOPLE = ("person:ada", "person:bob", "person:eve")


class Client:
    """Does whatever comes to its mind, on whichever of the newest releases."""

    def __init__(self, house: House, seed: int) -> None:
        self.house, self.random, self.seed = house, random.Random(seed), seed

    def propose(self, books: Books, releases: list[Release], _: Endpoint | None) -> None:
        number = releases[0].number + 1
        parts = Parts(*(digest_of([self.seed, number, part]) for part in range(5)))
        made = replace(
            releases[-1], number=number, parts=parts, digest=parts.digest, author="person:zoe", review=Review(1),
            state=ReleaseState.GATED, approvals=(), hands=(), approved_by="", approved_at=None, wheel=None,
        )  # fmt: skip
        releasing.propose(books, self.house, made, cause=books.events.newest(limit=1)[0].id)

    def ship(self, books: Books, releases: list[Release], _: Endpoint | None) -> None:
        name = self.one_of(releases, ReleaseState.PACKAGED)
        delivering.ship(books, self.house, name, "person:ada", canary=(50, 100))

    def advance(self, books: Books, _: list[Release], endpoint: Endpoint | None) -> None:
        if endpoint is not None and endpoint.rollout:
            delivering.advance(books, self.house, books.endpoints.rollout(endpoint.rollout), "better")

    def roll_back(self, books: Books, _: list[Release], endpoint: Endpoint | None) -> None:
        if endpoint is not None and self.random.random() < 0.3:
            delivering.roll_back(books, self.house, PROJECT, "person:bob")

    def one_of(self, releases: list[Release], state: ReleaseState) -> str:
        fitting = [each for each in releases if each.state is state]
        return self.random.choice(fitting or releases).name

    def act(self) -> str:
        """Decide on what was seen a moment ago, as a client does that looks and then acts; say what was done."""
        with self.house.records.reading() as books:
            releases, endpoint = books.releases.newest(PROJECT, limit=12), books.endpoints.find(PROJECT)
        what = self.random.choice(["propose", "approve", "approve", "decline", "ship", "ship", "advance", "roll_back"])
        try:
            if what == "approve":
                who = self.random.choice(PEOPLE)
                releasing.approve(
                    self.house, self.one_of(releases, ReleaseState.GATED), who, override=False, because=""
                )
            elif what == "decline":
                releasing.decline(self.house, self.random.choice(releases).name, "person:bob", "no")
            else:
                with self.house.records.writing() as books:
                    getattr(self, what)(books, releases, endpoint)
        except RefusedError:
            return f"{what} refused"
        return what


def observed(house: House) -> str:
    """Look once, and fail when not exactly one release is live where there is an endpoint, and that its champion."""
    with house.records.reading() as books:
        live = [each.name for each in books.releases.newest(PROJECT, limit=100_000) if each.state is ReleaseState.LIVE]
        endpoint = books.endpoints.find(PROJECT)
    assert live == ([endpoint.champion] if endpoint else []), (live, endpoint)
    return live[0] if live else "nobody"


def main(folder: str, database: str, what: str, seed: str, seconds: str) -> None:
    house = open_house(read_settings(Path(folder), {"database": database}))
    client = Client(house, int(seed))
    call = client.act if what == "client" else lambda: observed(house)
    end, done = time.monotonic() + float(seconds), Counter[str]()
    while time.monotonic() < end:
        done[call()] += 1
    house.records.close()
    print(json.dumps(done))


if __name__ == "__main__":
    main(*sys.argv[1:])
