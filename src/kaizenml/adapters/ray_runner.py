"""Steps on a Ray cluster: code and values are shipped to its workers, and what comes of a task is shipped back.

Ray places tasks and moves bytes; nothing of a run is remembered there. Limits of time, the handing out again of a task
whose worker was lost, and the refusal of what no node can take are kept here. A handing has a fence; who was given up
may answer as he likes, for only the last handing of a task is listened to.
"""

from __future__ import annotations

import importlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from kaizenml.adapters.ray_cluster import Cluster
from kaizenml.adapters.ray_watch import LOOK_SECONDS, LOST_SECONDS, Place, Watch, place_here, place_of
from kaizenml.core.task import Outcome, Task
from kaizenml.errors import KaizenError, StepFailedError

#: How often a task whose worker was lost is handed out, in all.
MOST_HANDINGS = 3
#: Values of this many bytes stay in the cluster, so that each is shipped there once.
MOST_BYTES_THERE = 1_000_000_000
_LOOK_SECONDS = 0.05
_CHECK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Shipment:
    """What the workers of a cluster are sent.

    Parameters
    ----------
    code, digest
        The files of the project by path, and their identity.
    perform
        Names the module whose function ``load(code, digest)`` loads the project, and whose function ``perform(code,
        digest, task, contents)`` performs the bytes of a task and returns the bytes of ``("done", Outcome)`` or
        ``("failed", KaizenError)``.
    content
        Returns the bytes of a value by its name in the cache; None where they have gone.
    keep
        Puts bytes that came back into the cache, and returns their name there.
    write, read
        Values to bytes, and back: what comes back is as trusted as the project's own code.
    """

    code: Mapping[str, bytes]
    digest: str
    perform: str
    content: Callable[[str], bytes | None]
    keep: Callable[[bytes], str]
    write: Callable[[object], bytes]
    read: Callable[[bytes], Any]


@dataclass(slots=True)
class _Handed:
    """A task that was handed out.

    Parameters
    ----------
    shunned
        The nodes that it was not to be sent to.
    at, begun
        When it was handed out, and when its step began, after a worker was found and had loaded the project.
    is_placed
        Whether a worker has it.
    losses
        How many workers were lost that had it.
    """

    task: Task
    future: Future[Outcome]
    shunned: frozenset[str] = frozenset()
    at: float = 0.0
    begun: float | None = None
    is_placed: bool = False
    losses: int = 0


class RayRunner:
    """The runner that hands tasks to the workers of a Ray cluster.

    Parameters
    ----------
    cluster
        Is joined, or started, with the first task.
    """

    def __init__(self, cluster: Cluster, shipment: Shipment) -> None:
        self._cluster, self._shipment = cluster, shipment
        self._new: queue.SimpleQueue[_Handed] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._code: Any = None
        self._there: dict[str, tuple[Any, int]] = {}

    def is_here(self, task: Task) -> bool:  # noqa: ARG002
        """Say whether the task executes in this process: it does not."""
        return False

    @property
    def is_ready(self) -> bool:
        """Whether the cluster is joined."""
        return self._cluster.is_joined

    def warm(self) -> None:
        """Join the cluster."""
        with self._lock:
            if self._thread is None:
                self._cluster.join()
                self._thread = threading.Thread(target=self._serve, daemon=True, name="ray-runner")
                self._thread.start()

    def submit(self, task: Task) -> Future[Outcome]:
        """Begin a task. Its future raises `StepFailedError` when the step raised, was stopped, lost or refused."""
        future: Future[Outcome] = Future()
        try:
            self.warm()
            self._cluster.check(task)
        except KaizenError as error:
            future.set_exception(error)
            return future
        self._new.put(_Handed(task, future))
        return future

    def close(self) -> None:
        """Stop what is running in the cluster, and leave it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._there.clear()
        self._code = None
        self._cluster.leave()

    def _serve(self) -> None:
        """Look after all tasks until the end; this thread alone knows which handing of a task counts."""
        running: dict[Any, _Handed] = {}
        self._watch = Watch(self._cluster, time.monotonic)
        checked = time.monotonic()
        while not self._stop.is_set():
            for handed in self._arrived(wait=not running):
                if handed.future.set_running_or_notify_cancel():
                    self._begin(handed, running)
            for answer in self._cluster.ready(list(running), _LOOK_SECONDS):
                self._advance(answer, running)
            self._look(running)
            if time.monotonic() - checked > _CHECK_SECONDS or any(each.task.options.timeout_seconds for each in
                                                                  running.values()):  # fmt: skip
                self._hold_to_limits(running)
                checked = time.monotonic()
        for answer, handed in running.items():
            self._cluster.cancel(answer)
            _fail(handed, "was cancelled", "")
        for handed in self._arrived(wait=False):
            _fail(handed, "was cancelled", "")

    def _arrived(self, *, wait: bool) -> Iterator[_Handed]:
        with suppress(queue.Empty):
            if wait:
                yield self._new.get(timeout=_LOOK_SECONDS)
            while True:
                yield self._new.get_nowait()

    def _begin(self, handed: _Handed, running: dict[Any, _Handed]) -> None:
        try:
            names = sorted({ref.blob for ref in handed.task.values.values()})
            contents = [self._shipped(name) for name in names]
            if self._code is None:
                self._code = self._cluster.put(dict(self._shipment.code))
            head = (self._shipment.perform, self._shipment.digest, handed.task.fence, names)
            answer = self._cluster.call(
                handed.task, self._watch.shunned, performed_there, head, self._code,
                self._shipment.write(handed.task), *contents,
            )  # fmt: skip
            handed.shunned, handed.at, handed.begun = self._watch.shunned, time.monotonic(), None
            handed.is_placed = False
            running[answer] = handed
        except KaizenError as error:
            handed.future.set_exception(error)
        except Exception as error:
            _fail(handed, f"could not be handed to the cluster: {error}"[:400], "Look at the cluster: `ray status`.")

    def _shipped(self, name: str) -> Any:
        """Return where in the cluster the bytes of a value are; they are put there the first time."""
        if name in self._there:
            self._there[name] = self._there.pop(name)  # the newest are last
            return self._there[name][0]
        content = self._shipment.content(name)
        if content is None:
            raise StepFailedError("A kept result of a step has gone while it was needed.", "Run again.")
        place = self._cluster.put(content)
        self._there[name] = (place, len(content))
        while len(self._there) > 1 and sum(size for _, size in self._there.values()) > MOST_BYTES_THERE:
            del self._there[next(iter(self._there))]
        return place

    def _advance(self, answer: Any, running: dict[Any, _Handed]) -> None:
        handed = running[answer]
        try:
            word, fence, said = self._cluster.next(answer)
        except self._cluster.lost() as lost:
            self._forget(answer, running)
            why = str(lost).strip().split("\n")[0][:200]
            self._hand_again(handed, f"{type(lost).__name__}: {why}", running)
            return
        except Exception as error:
            self._forget(answer, running)
            _fail(handed, f"could not be performed by a worker: {error}"[:600],
                  "The workers need this version of kaizenml and what the project imports.")  # fmt: skip
            return
        if fence != handed.task.fence:
            return
        if word == "here":
            handed.is_placed = True
            self._watch.begin(answer, place_of(said))
            return
        if word == "begun":
            handed.begun = time.monotonic()
            return
        self._forget(answer, running)
        kind, came = self._shipment.read(said)
        if kind == "done":
            handed.future.set_result(self._kept(came))
        else:
            handed.future.set_exception(came)

    def _kept(self, outcome: Outcome) -> Outcome:
        """Seal and keep what came back, and tell its place only."""
        if outcome.content is None:
            return outcome
        return replace(outcome, content=None, blob=self._shipment.keep(outcome.content))

    def _forget(self, answer: Any, running: dict[Any, _Handed]) -> Place | None:
        """Listen no more to who has a task."""
        del running[answer]
        return self._watch.end(answer)

    def _stop_there(self, answer: Any, running: dict[Any, _Handed]) -> None:
        """Listen no more to who has a task, and end him."""
        place = self._forget(answer, running)
        self._cluster.cancel(answer)
        if place is not None:
            self._cluster.end(place)

    def _look(self, running: dict[Any, _Handed]) -> None:
        """Hand out again what was lost, and what waits for a node that it should not, or may not, wait for."""
        now = time.monotonic()
        waiting = [answer for answer, handed in running.items() if not handed.is_placed]
        for answer in self._watch.lost(everywhere=any(now - running[each].at > LOOK_SECONDS for each in waiting)):
            handed = running[answer]
            self._stop_there(answer, running)
            self._hand_again(handed, f"nobody has seen it running for {LOST_SECONDS:g} s", running)
        for answer in waiting:
            handed = running[answer]
            if handed.shunned != self._watch.shunned:
                self._stop_there(answer, running)
                self._hand_out(handed, running)

    def _hand_again(self, handed: _Handed, why: str, running: dict[Any, _Handed]) -> None:
        handed.losses += 1
        if handed.losses >= MOST_HANDINGS:
            _fail(handed, f"lost its worker {handed.losses} times ({why})", "Run it alone to see why.")
            return
        self._hand_out(handed, running)

    def _hand_out(self, handed: _Handed, running: dict[Any, _Handed]) -> None:
        """Hand a task out anew: what comes of earlier handings does not count."""
        handed.task = replace(handed.task, fence=handed.task.fence + 1)
        self._begin(handed, running)

    def _hold_to_limits(self, running: dict[Any, _Handed]) -> None:
        for answer, handed in list(running.items()):
            limit, begun = handed.task.options.timeout_seconds, handed.begun
            if begun is None:
                try:
                    self._cluster.check(handed.task)
                except KaizenError as error:
                    self._stop_there(answer, running)
                    handed.future.set_exception(error)
            elif limit is not None and time.monotonic() - begun > limit:
                self._stop_there(answer, running)
                _fail(handed, f"took longer than {limit:g} s and was stopped", "Give it more time: timeout=…")


def performed_there(
    head: tuple[str, str, int, list[str]], code: Mapping[str, bytes], task: bytes, *contents: bytes
) -> Iterator[tuple[str, int, bytes]]:
    """Perform a task in a worker: say where that is, that its step begins, and then what came of it."""
    module, digest, fence, names = head
    yield "here", fence, place_here()
    worker = importlib.import_module(module)
    worker.load(code, digest)
    yield "begun", fence, b""
    yield "over", fence, worker.perform(code, digest, task, dict(zip(names, contents, strict=True)))


def _fail(handed: _Handed, sentence: str, hint: str) -> None:
    task = handed.task
    handed.future.set_exception(
        StepFailedError(f"The step `{task.step}` {sentence}.", hint, {"step": task.step, "item": task.item})
    )
