"""Many small writes in one transaction: a commit costs milliseconds, whatever it holds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from kaizenml.core.ports import Books, Records

T = TypeVar("T")


class _Write(Generic[T]):
    """A write that waits for its turn, and later what came of it."""

    def __init__(self, work: Callable[[Books], T]) -> None:
        self.work = work
        self.is_done = False
        self.value: T | None = None
        self.error: BaseException | None = None

    def result(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.value


class Together:
    """Commits what threads write at the same time together; each returns once its own write is durable.

    A write that fails takes nobody with it: the others are then done one by one. So a write must change nothing but
    the books.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._waiting: list[_Write[Any]] = []
        self._mutex, self._turn = threading.Lock(), threading.Lock()

    def write(self, work: Callable[[Books], T]) -> T:
        """Do a write in the next transaction and return what it returns, or raise what it raises."""
        mine = _Write(work)
        with self._mutex:
            self._waiting.append(mine)
        with self._turn:
            if not mine.is_done:
                with self._mutex:
                    batch, self._waiting = self._waiting, []
                self._commit(batch)
        found: T = mine.result()
        return found

    def _commit(self, batch: list[_Write[Any]]) -> None:
        try:
            with self._records.writing() as books:
                for each in batch:
                    each.value = each.work(books)
        except Exception:
            for each in batch:
                self._alone(each)
        for each in batch:
            each.is_done = True

    def _alone(self, write: _Write[Any]) -> None:
        try:
            with self._records.writing() as books:
                write.value = write.work(books)
        except Exception as error:
            write.error = error
