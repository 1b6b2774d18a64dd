"""Whether the workers of a cluster still do what they were handed: somebody on each node looks, and is asked.

Ray notices a worker that died, but neither one that is stopped nor, within half a minute, a node that is cut off. So an
actor that takes no CPU looks at the processes of its node; who does not answer for them in time has lost them. Nothing
is asked of the worker itself: a step may keep its interpreter busy for as long as it likes.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from kaizenml.core.process import is_running

#: How often a worker is looked at; a task that is over before costs nothing.
LOOK_SECONDS = 3.0
#: A worker that nobody has seen running for so long is lost.
LOST_SECONDS = 20.0
#: Somebody who does not answer for so long is replaced.
_ANSWER_SECONDS = 8.0
#: A turn that comes later than this was late because this process was stopped, or busy, itself.
_MOST_TURN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker is: its node and its process there."""

    node: str
    pid: int


def place_here() -> bytes:
    """Return where this worker is, for `place_of`."""
    return json.dumps([importlib.import_module("ray").get_runtime_context().get_node_id(), os.getpid()]).encode()


def place_of(said: bytes) -> Place:
    """Return where a worker is, as it said."""
    node, pid = json.loads(said)
    return Place(node, pid)


class Lookout:
    """Looks at the processes of the node that it is on."""

    def look(self, pid: int) -> bool:
        """Say whether a worker, and the one that started it, which speaks for the node, are there and go on."""
        return is_running(pid) and is_running(os.getppid())

    def end(self, pid: int) -> None:
        """End a worker that was given up; a stopped one too."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Lookouts(Protocol):
    """Those who look, one on each node."""

    def ask(self, place: Place) -> Any:
        """Ask for a look at a worker; return what will tell."""
        ...

    def told(self, asked: Any) -> bool | None:
        """Return what was seen; None as long as nothing is said. False where there is nobody to say it."""
        ...

    def replace(self, node: str) -> None:
        """Let somebody else look on a node from now on."""
        ...


@dataclass(slots=True)
class _Watched:
    place: Place
    seen_at: float
    asked_at: float
    asked: Any = None


class Watch:
    """Watches workers.

    Parameters
    ----------
    clock
        Returns seconds that only grow.
    """

    def __init__(self, lookouts: Lookouts, clock: Callable[[], float]) -> None:
        self._lookouts, self._clock = lookouts, clock
        self._watched: dict[Any, _Watched] = {}
        self._turned_at = clock()

    def begin(self, key: Any, place: Place) -> None:
        """Watch a worker: it was seen just now."""
        now = self._clock()
        self._watched[key] = _Watched(place, now, now)

    def end(self, key: Any) -> Place | None:
        """Watch a worker no more; return where it was."""
        watched = self._watched.pop(key, None)
        return watched.place if watched else None

    def lost(self) -> list[Any]:
        """Look again where it is time, and return those that nobody has seen running for too long."""
        now = self._clock()
        late = now - self._turned_at - _MOST_TURN_SECONDS
        self._turned_at = now
        for watched in self._watched.values():
            if late > 0:
                watched.seen_at += late
            self._turn(watched, now)
        return [key for key, watched in self._watched.items() if now - watched.seen_at > LOST_SECONDS]

    def _turn(self, watched: _Watched, now: float) -> None:
        if watched.asked is not None:
            told = self._lookouts.told(watched.asked)
            if told:
                watched.seen_at = max(watched.seen_at, watched.asked_at)
            if told is None and now - watched.asked_at > _ANSWER_SECONDS:
                self._lookouts.replace(watched.place.node)
                told = False
            if told is not None:
                watched.asked = None
        if watched.asked is None and now - watched.asked_at >= LOOK_SECONDS:
            watched.asked, watched.asked_at = self._lookouts.ask(watched.place), now
