"""The room of a machine, shared by the tasks of a pool that run at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from kaizenml.core.room import Room
from kaizenml.core.step import StepOptions

_LOOK_SECONDS = 0.5


class SharedRoom:
    """Lets as many tasks go on at once as the machine has room for; without a room, all of them."""

    def __init__(self, whole: Room | None, stop: threading.Event) -> None:
        self._whole, self._stop = whole, stop
        self._held: list[StepOptions] = []
        self._is_freed = threading.Condition()

    @contextmanager
    def taken(self, options: StepOptions) -> Iterator[None]:
        """Wait until there is room for a task, or the pool ends, and take it until the block ends."""
        with self._is_freed:
            while not self._has_room(options) and not self._stop.is_set():
                self._is_freed.wait(_LOOK_SECONDS)
            self._held.append(options)
        try:
            yield
        finally:
            with self._is_freed:
                self._held.remove(options)
                self._is_freed.notify_all()

    def _has_room(self, options: StepOptions) -> bool:
        return self._whole is None or self._whole.holds([*self._held, options])
