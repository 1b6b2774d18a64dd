"""Whether the nodes of a cluster, and workers on them, still go on: somebody on each node looks, and is asked.

Ray notices a worker that died, and of a node that is stopped or cut off only after a minute, or as slowly as whoever
began the cluster wished. So an actor that takes no CPU looks at the processes of its node; who does not answer for them
in time has lost them. Nothing is asked of the worker itself: a step may keep its interpreter busy as long as it likes.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from kaizenml.core.process import is_running, is_stopped, left_by

#: How often a node is looked at; a task that is over before costs nothing.
LOOK_SECONDS = 2.0
#: What nobody has seen running for so long is lost.
LOST_SECONDS = 12.0
#: So long it may take on a busy node until somebody is there who looks.
FIRST_SECONDS = 16.0
#: Beside somebody who does not answer for so long, another is asked.
_ANSWER_SECONDS = 5.0
#: A turn that comes later than this was late because this process was stopped, or busy, itself.
_MOST_TURN_SECONDS = 2.0

RUNS, STOPPED, GONE = "runs", "stopped", "gone"


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

    def __init__(self) -> None:
        self._node = os.getppid()  # who started the workers, and speaks for the node

    def look(self, pids: Sequence[int]) -> list[str]:
        """Return how the node's own process is, and then each of these workers: runs, stopped or gone."""
        return [_how(pid) for pid in (self._node, *pids)]

    def end(self, pid: int) -> None:
        """End a worker that was given up, a stopped one too, with what it started."""
        for each, _ in left_by(pid) | {(pid, "")}:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)


def _how(pid: int) -> str:
    return RUNS if is_running(pid) else STOPPED if is_stopped(pid) else GONE


class Lookouts(Protocol):
    """Those who look, one on each node."""

    def nodes(self) -> Collection[str]:
        """Return the nodes that there are."""
        ...

    def ask(self, node: str, pids: Sequence[int]) -> Any:
        """Ask for a look at a node and at workers on it; return what will tell."""
        ...

    def told(self, asked: Any) -> Sequence[str] | None:
        """Return what was seen; None as long as nothing is said, and nothing where there is nobody to say it."""
        ...

    def replace(self, node: str) -> None:
        """Let somebody else be asked on a node from now on."""
        ...

    def is_over(self, node: str) -> bool:
        """Say whether it is certain that a node has ended."""
        ...


@dataclass(frozen=True, slots=True)
class _Ask:
    at: float
    pids: tuple[int, ...]
    asked: Any


@dataclass(slots=True)
class _Node:
    seen_at: float
    asked_at: float
    checked_at: float
    asks: list[_Ask] = field(default_factory=list)
    has_answered: bool = False
    is_over: bool = False

    def is_lost(self, now: float) -> bool:
        """Say whether nobody may be sent there."""
        return self.is_over or now - self.seen_at > self.patience

    @property
    def patience(self) -> float:
        """How long nothing may be seen, in seconds."""
        return LOST_SECONDS if self.has_answered else FIRST_SECONDS


@dataclass(slots=True)
class _Worker:
    place: Place
    seen_at: float


class Watch:
    """Watches nodes, and workers on them.

    Parameters
    ----------
    clock
        Returns seconds that only grow.
    """

    def __init__(self, lookouts: Lookouts, clock: Callable[[], float]) -> None:
        self._lookouts, self._clock = lookouts, clock
        self._workers: dict[Any, _Worker] = {}
        self._nodes: dict[str, _Node] = {}
        self._turned_at = clock()
        self.shunned: frozenset[str] = frozenset()

    def begin(self, key: Any, place: Place) -> None:
        """Watch a worker: it was seen just now."""
        self._workers[key] = _Worker(place, self._clock())

    def end(self, key: Any) -> Place | None:
        """Watch a worker no more; return where it was."""
        worker = self._workers.pop(key, None)
        return worker.place if worker else None

    def lost(self, *, everywhere: bool = False) -> list[Any]:
        """Look again where it is time; return the workers that nobody has seen running for too long.

        The nodes of which nobody has heard for too long are `shunned` from then on, until somebody hears of them.

        Parameters
        ----------
        everywhere
            Whether all nodes are looked at, and not only those of the workers.
        """
        now = self._clock()
        late = max(0.0, now - self._turned_at - _MOST_TURN_SECONDS)
        self._turned_at = now
        watched = {each.place.node for each in self._workers.values()} | self.shunned
        for name in watched | set(self._lookouts.nodes() if everywhere else ()):
            self._nodes.setdefault(name, _Node(now, now, now))
        for each in self._workers.values():
            each.seen_at += late
        for name, node in self._nodes.items():
            node.seen_at += late
            if everywhere or name in watched:
                self._turn(name, node, now)
            else:
                node.seen_at = node.asked_at = now
                node.asks.clear()
        self.shunned = frozenset(name for name, node in self._nodes.items() if node.is_lost(now))
        return [key for key, each in self._workers.items() if self._is_lost(each, now)]

    def _is_lost(self, worker: _Worker, now: float) -> bool:
        node = self._nodes[worker.place.node]
        return node.is_lost(now) or now - worker.seen_at > node.patience

    def _turn(self, name: str, node: _Node, now: float) -> None:
        if node.is_over:
            return
        is_suspect = False
        for ask in list(node.asks):
            if (said := self._lookouts.told(ask.asked)) is None:
                is_suspect = is_suspect or now - ask.at > LOOK_SECONDS
            elif said:
                node.asks.clear()
                self._heard(name, node, ask, said)
                break
            else:
                node.asks.remove(ask)
                is_suspect = True
        if is_suspect and (now - node.checked_at >= LOOK_SECONDS or not node.asks):
            node.checked_at = now
            node.is_over = self._lookouts.is_over(name)
        self._ask(name, node, now)

    def _ask(self, name: str, node: _Node, now: float) -> None:
        if len(node.asks) == 1 and now - node.asks[0].at > _ANSWER_SECONDS:
            self._lookouts.replace(name)
        elif node.asks or now - node.asked_at < LOOK_SECONDS:
            return
        pids = tuple({each.place.pid for each in self._workers.values() if each.place.node == name})
        node.asked_at = now
        node.asks.append(_Ask(now, pids, self._lookouts.ask(name, pids)))

    def _heard(self, name: str, node: _Node, ask: _Ask, said: Sequence[str]) -> None:
        node.has_answered = True
        node.is_over = said[0] == GONE
        if said[0] != RUNS:
            return  # nothing begins or ends there
        node.seen_at = max(node.seen_at, ask.at)
        running = {pid for pid, how in zip(ask.pids, said[1:], strict=True) if how == RUNS}
        for each in self._workers.values():
            if each.place.node == name and each.place.pid in running:
                each.seen_at = max(each.seen_at, ask.at)
