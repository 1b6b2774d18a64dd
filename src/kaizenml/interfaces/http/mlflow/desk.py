"""Where the handlers of the protocol read and write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from kaizenml.core.ports import Blobs, Books
from kaizenml.loop.grouping import Together
from kaizenml.loop.mlflow_experiments import make_default
from kaizenml.loop.wiring import House

T = TypeVar("T")


class Desk:
    """The books of a house, in which what threads write at the same time is committed together."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._together = Together(house.records)
        self._is_ready = False

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
        return self._together.write(work)

    def _prepare(self) -> None:
        """Make what clients take for granted, once."""
        if not self._is_ready:
            self._together.write(lambda books: make_default(books, self.now()))
            self._is_ready = True
