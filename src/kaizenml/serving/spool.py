"""The log of the data plane: every answer before it leaves, every label before it is acknowledged."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from kaizenml.core.prediction import Answered, Feedback
from kaizenml.errors import UnavailableError
from kaizenml.serving.segments import FEEDBACK, PREDICTIONS, close_leftovers
from kaizenml.serving.writer import OpenSegment, SegmentWriter

_log = logging.getLogger("kaizenml.serving")
_MOST_TICK_SECONDS = 0.1


class Spool:
    """Appends answers and labels to segments in a folder. Lives on one event loop.

    Parameters
    ----------
    folder
        Where the segments lie; made if it is not there.
    close_seconds, close_bytes
        The age and size at which a segment is closed, so that a collector may take it.
    """

    def __init__(self, folder: Path, close_seconds: float = 0.5, close_bytes: int = 16 * 1024 * 1024) -> None:
        self._folder = folder
        self._tick_seconds = min(_MOST_TICK_SECONDS, close_seconds / 2)
        self._predictions = SegmentWriter(folder, PREDICTIONS, close_seconds, close_bytes)
        self._feedback = SegmentWriter(folder, FEEDBACK, close_seconds, close_bytes)  # touched by `_disk` alone
        self._encoder = msgspec.json.Encoder()
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="kaizen-spool")
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._committing: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Close what dead processes left, and start to close segments as they come due."""
        self._folder.mkdir(parents=True, exist_ok=True)
        await asyncio.get_running_loop().run_in_executor(self._disk, close_leftovers, self._folder)
        self._closing = asyncio.create_task(self._close_due_segments())

    def record(self, answered: Answered) -> None:
        """Append an answer; when this returns, the answer outlives the process."""
        try:
            self._predictions.append(self._encoder.encode(answered) + b"\n")
        except OSError as error:
            raise _not_written(error) from error

    async def keep(self, feedback: Feedback) -> None:
        """Append labels; when this returns, they are on the disk. Labels that come together share one sync."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((self._encoder.encode(feedback) + b"\n", done))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit())
        await done

    async def stop(self) -> None:
        """Write what waits, and close every segment."""
        if self._closing:
            self._closing.cancel()
        if self._committing:
            await self._committing
        await self._close(float("inf"))
        self._disk.shutdown()

    async def _commit(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting, []
            lines = b"".join(line for line, _ in group)
            try:
                await loop.run_in_executor(self._disk, self._feedback.append_durably, lines)
            except OSError as error:
                _settle(group, _not_written(error))
            else:
                _settle(group, None)
        self._committing = None

    async def _close_due_segments(self) -> None:
        while True:
            await asyncio.sleep(self._tick_seconds)
            await self._close(time.monotonic())

    async def _close(self, now: float) -> None:
        due = self._predictions.due(now)
        await asyncio.get_running_loop().run_in_executor(self._disk, self._close_on_disk, due, now)

    def _close_on_disk(self, predictions: Iterable[OpenSegment], now: float) -> None:
        for segment in [*predictions, *self._feedback.due(now)]:
            try:
                segment.close()
            except OSError:  # it stays behind under its open name, and the next start closes it
                _log.exception("the segment %s could not be closed", segment.path.name)


def _settle(group: Iterable[tuple[bytes, asyncio.Future[None]]], error: UnavailableError | None) -> None:
    for _, done in group:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def _not_written(error: OSError) -> UnavailableError:
    return UnavailableError(
        f"The log cannot be written: {error.strerror or error}.",
        "Nothing was kept or answered; look at the disk of the server, then send it again.",
    )
