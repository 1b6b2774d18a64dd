"""Where the handlers of the protocol read and write."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from kaizenml.core.ports import Blobs, Books
from kaizenml.loop.aliases import ProtectedAliasError
from kaizenml.loop.grouping import Together
from kaizenml.loop.mlflow_experiments import make_default
from kaizenml.loop.move_requests import remember
from kaizenml.loop.wiring import House

T = TypeVar("T")
_SHOWN_SECONDS, _MOST_SHOWN = 1.0, 10_000


class Desk:
    """The books of a house, in which what threads write at the same time is committed together."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._together = Together(house.records)
        self._is_ready = False
        self._shown: dict[str, float] = {}

    @property
    def house(self) -> House:
        """What handlers need besides books."""
        return self._house

    @property
    def blobs(self) -> Blobs:
        """The content that clients send."""
        return self._house.blobs

    def now(self) -> datetime:
        """Return the wall's time, in UTC."""
        return self._house.clock.now()

    def read(self, work: Callable[[Books], T]) -> T:
        """Return what a look into the books gives."""
        self._prepare()
        with self._house.records.reading() as books:
            return work(books)

    def write(self, work: Callable[[Books], T]) -> T:
        """Do a write, durably, and return what it returns."""
        self._prepare()
        try:
            return self._together.write(work)
        except ProtectedAliasError as refused:
            why = refused
            self._together.write(lambda books: remember(books, self._house, why))
            raise

    def is_due(self, run: str) -> bool:
        """Say whether a run's metrics shall be shown anew in our lists: once a second at most for each run."""
        now = time.monotonic()
        if now - self._shown.get(run, -math.inf) < _SHOWN_SECONDS:
            return False
        if len(self._shown) > _MOST_SHOWN:
            self._shown.clear()
        self._shown[run] = now
        return True

    def _prepare(self) -> None:
        """Make what clients take for granted, once."""
        if not self._is_ready:
            self._together.write(lambda books: make_default(books, self.now()))
            self._is_ready = True
