"""One execution of a graph of steps: what is there already is used again, the rest runs, and each step says why.

A step runs when there is no kept result under its key, which is made of everything that decides the result
(`core/step.py`); a result is kept together with what the step was seen to read, and is used only while that still
holds. Equal results have equal identities, so what comes after a step that ran for nothing does not run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kaizenml.core.digest import digest_of
from kaizenml.core.run import StepRun
from kaizenml.core.step import Ingredients, Kept, StepState, changes, seed_for
from kaizenml.core.task import Outcome, Ref, Runner, StepCache, Task
from kaizenml.errors import NotFoundError, RefusedError, StepFailedError, UsageError, bounded
from kaizenml.training.graph import Node, downstream
from kaizenml.training.piece import MOST_TOGETHER, Codebase, CodeOfStep, Fan, Piece
from kaizenml.training.shelf import Shelf
from kaizenml.training.values import UnhashableError

MOST_WAIT_SECONDS = 300.0
#: A thread that waits for a lock without a limit does not everywhere hear of Ctrl-C.
INTERRUPTIBLE_SECONDS = 0.2
_NOTHING = "there is no earlier result"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of one execution.

    Parameters
    ----------
    run
        The run it belongs to.
    resumes
        The run that it goes on with, where that was interrupted: results that may not be used again may be used by
        the run that made them, and by the one that resumes it.
    uses_cache
        Whether kept results are used at all.
    start
        A step that runs although its result is there, with all that depend on it.
    only
        The one step that runs; the others must be kept.
    accepted
        Code of steps that was declared to give what other code gave: from the digest of the one to that of the other.
    """

    project: str
    run: str
    seed: int = 0
    resumes: str = ""
    uses_cache: bool = True
    start: str = ""
    only: str = ""
    accepted: Mapping[str, str] = field(default_factory=dict)


class Engine:
    """One execution.

    Parameters
    ----------
    told
        Called with each step when it is over.
    clock
        The wall's time, for the record.
    """

    def __init__(
        self,
        asked: Asked,
        nodes: Sequence[Node],
        *,
        code: Codebase,
        cache: StepCache,
        shelf: Shelf,
        runner: Runner,
        told: Callable[[StepRun], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._asked, self._nodes = asked, nodes
        self._code, self._cache, self._shelf, self._runner = code, cache, shelf, runner
        self._told, self._clock = told, clock
        self._refs: dict[str, Ref] = {}
        self._again = {asked.only} if asked.only else _again(asked.start, nodes)

    def execute(self, given: Mapping[str, object]) -> None:
        """Run what must run, in order, from what is given: values, or their places on the shelf.

        Raises
        ------
        StepFailedError
            When a step raised as often as it may be tried.
        """
        for name, value in given.items():
            self._refs[name] = value if isinstance(value, Ref) else self._shelf.given(value)
        for node in self._nodes:
            self._refs[node.name] = self._step(node)

    def value(self, name: str) -> Any:
        """Return what a step made, or what was given under the name."""
        return self._shelf.load(self._refs[name])

    def _step(self, node: Node) -> Ref:
        at, begun = self._clock(), time.perf_counter()
        inputs = {name: self._refs[name] for name in node.inputs}
        seen = {name: ref.digest for name, ref in inputs.items()}
        try:
            if self._is_skipped(node):
                why = (f"`{node.options.when}` is false",)
                self._tell(StepRun(node.name, at, 0.0, None, state=StepState.SKIPPED, inputs=seen, why=why))
                return self._shelf.given(None)
            ref, story = self._fanned(node, inputs) if node.items else self._alone(node, inputs)
        except BaseException as error:
            seconds = time.perf_counter() - begun
            self._tell(StepRun(node.name, at, seconds, note=str(error)[:400], state=StepState.FAILED, inputs=seen))
            raise
        self._tell(replace(story, started_at=at, seconds=time.perf_counter() - begun, inputs=seen))
        return ref

    def _tell(self, story: StepRun) -> None:
        self._told(story)

    def _is_skipped(self, node: Node) -> bool:
        when = node.options.when
        if not when:
            return False
        return not (node.parameters[when] if when in node.parameters else self._shelf.load(self._refs[when]))

    def _alone(self, node: Node, inputs: Mapping[str, Ref]) -> tuple[Ref, StepRun]:
        piece = self._piece(node, self._code.of(node), inputs, None)
        ref, kept, why = self._found(piece)
        if ref is not None and kept is not None:
            return ref, self._story(piece, ref, state=StepState.CACHED, made_by=kept.run)
        said, diffs = self._why(piece) if not why else (why, {})
        outcome, attempts = self._awaited(piece, [self._begin(piece)])
        made_of = self._made_of(piece, outcome)
        with self._cache.together():
            ref = self._taken(piece, outcome)
            self._cache.remember(*made_of)
        story = self._story(piece, ref, why=said, diffs=diffs, attempts=attempts)
        return ref, replace(story, note="; ".join(filter(None, (_not_again(piece, outcome), _missing(piece)))))

    def _fanned(self, node: Node, inputs: Mapping[str, Ref]) -> tuple[Ref, StepRun]:
        rows, code = self._items(node), self._code.of(node)
        fan = Fan([None] * len(rows))
        try:
            for place, items in enumerate(rows):
                piece = replace(self._piece(node, code, {**inputs, **items}, place), items=len(rows))
                fan.refs[place], _, why = self._found(piece)
                if fan.refs[place] is None:
                    fan.why = fan.why or self._why_item(piece, why)
                    fan.begun.append((place, piece, self._begin(piece)))
                    fan.count += 1
                    if fan.is_due():
                        self._settle(fan)
            while fan.begun:
                self._settle(fan)
        except BaseException:
            for _, _, future in fan.begun:
                future.cancel()
            raise
        if fan.last is not None:
            self._remember(*fan.last)
        whole = self._shelf.given([self._shelf.load(ref) for ref in fan.refs if ref is not None])
        state = StepState.DONE if fan.count or not rows else StepState.CACHED
        why, diffs = fan.why or ((), {})
        if 0 < fan.count < len(rows):
            why, diffs = (f"{fan.count:,} of {len(rows):,} items had no kept result",), {}
        note = "; ".join(each for each in fan.notes if each)
        story = StepRun(node.name, self._clock(), 0.0, whole.digest, note, state=state, why=why, diffs=diffs,
                        attempts=fan.attempts, items=len(rows), items_cached=len(rows) - fan.count)  # fmt: skip
        return whole, story

    def _why_item(self, piece: Piece, why: tuple[str, ...]) -> tuple[tuple[str, ...], Mapping[str, str]]:
        return (why, {}) if why else self._why(piece)

    def _settle(self, fan: Fan) -> None:
        """Wait for the first item that was begun, and keep it together with those behind it that are over too."""
        over: list[tuple[int, Piece, Outcome]] = []
        try:
            while fan.begun and len(over) < MOST_TOGETHER and (not over or fan.begun[0][2].done()):
                place, piece, future = fan.begun.popleft()
                outcome, tried = self._awaited(piece, [future])
                fan.attempts = max(fan.attempts, tried)
                fan.notes[_not_again(piece, outcome)] = None
                over.append((place, piece, outcome))
                fan.last = piece, outcome
        finally:
            with self._cache.together():
                for place, piece, outcome in over:
                    fan.refs[place] = self._taken(piece, outcome)
            fan.settled_at = time.monotonic()

    def _items(self, node: Node) -> list[Mapping[str, Ref]]:
        columns: dict[str, list[Ref]] = {}
        for name, each in node.items.items():
            value = self._shelf.load(self._refs[each.of])
            if not isinstance(value, (list, tuple)):
                raise UsageError(
                    f"The step `{node.name}` runs for each item of `{each.of}`, which is a {type(value).__name__}.",
                    f"Let `{each.of}` return a list.",
                )
            columns[name] = [self._shelf.given(item) for item in value]
        sizes = {name: len(items) for name, items in columns.items()}
        if len(set(sizes.values())) > 1:
            raise UsageError(
                f"The step `{node.name}` runs for items side by side, and there are {sizes}.", "Make them as many."
            )
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def _piece(self, node: Node, code: CodeOfStep, inputs: Mapping[str, Ref], item: int | None) -> Piece:
        forbids = [*code.forbids]
        if not node.options.is_cached:
            forbids.append("the project says so (cache=False)")
        forbids += [
            f"its input `{name}` stays in memory" for name, ref in inputs.items() if ref.digest.startswith("live-")
        ]
        parameters: dict[str, str] = {}
        for name, value in node.parameters.items():
            try:
                parameters[name] = self._code.of_value(value)
            except UnhashableError as error:
                forbids.append(f"its parameter `{name}` cannot be told from others: {error.message}")
        ingredients = Ingredients(
            step=node.name,
            code=self._asked.accepted.get(code.digest, code.digest),
            inputs={name: ref.digest for name, ref in inputs.items()},
            parameters=parameters,
            files=code.files,
            environment=code.environment,
            packages=code.packages,
            seed=seed_for(self._asked.seed, node.name, item) if node.handed_in else None,
        )
        return Piece(node, code, ingredients, inputs, node.parameters, tuple(forbids), ingredients.key, item)

    def _key(self, piece: Piece) -> str:
        """Return the key of the result; of one that may not be used again, a key that only this run knows."""
        return self._own_key(piece) if piece.forbids else piece.key

    def _own_key(self, piece: Piece) -> str:
        return digest_of([self._asked.resumes or self._asked.run, piece.title, piece.key])

    def _found(self, piece: Piece) -> tuple[Ref | None, Kept | None, tuple[str, ...]]:
        """Return a kept result that still holds; else why none does, where that is known without a comparison.

        What the step made in this run before an interruption counts too, though its execution forbade to keep it.
        """
        if piece.node.name in self._again:
            return None, None, (f"asked for (--{'only' if self._asked.only else 'from'} {piece.node.name})",)
        if not self._asked.uses_cache:
            return None, None, ("asked for (--no-cache)",)
        kept = self._cache.find(*([] if piece.forbids else [piece.key]), self._own_key(piece))
        why: tuple[str, ...] = ()
        for each in kept:
            differs = self._code.differs(each.observed)
            ref = Ref(each.digest, each.blob)
            if not differs and self._shelf.holds(ref):
                return ref, each, ()
            why = (differs or "its kept result is missing or damaged",)
        return None, None, (f"it cannot be cached: {piece.forbids[0]}",) if piece.forbids else why

    def _begin(self, piece: Piece) -> Future[Outcome]:
        node, only = piece.node, self._asked.only
        if only and node.name != only:
            raise RefusedError(
                f"The step `{only}` needs `{node.name}`, which has no kept result that still holds.",
                f"Run it too: `kaizen run --from {node.name}`.",
            )
        task = Task(
            id=f"{self._asked.run}/{piece.title}",
            run=self._asked.run,
            step=node.name,
            values=piece.values,
            parameters=piece.parameters,
            options=node.options,
            seed=piece.ingredients.seed,
            item=piece.item,
            items=piece.items,
            needs_bytes=node.options.is_cached,
        )
        if not self._runner.is_here(task):
            task = replace(task, values={name: self._shelf.settled(ref) for name, ref in task.values.items()})
        return self._runner.submit(task)

    def _awaited(self, piece: Piece, begun: list[Future[Outcome]]) -> tuple[Outcome, int]:
        """Wait for a task, and try again as often as it may be; return what came of it, and at which attempt."""
        options = piece.node.options
        for attempt in range(1, options.retries + 2):
            future = begun.pop() if begun else self._begin(piece)
            try:
                while not future.done():
                    wait([future], INTERRUPTIBLE_SECONDS)
                outcome = future.result()
                break
            except StepFailedError as error:
                if attempt > options.retries:
                    error.details["attempts"] = attempt
                    raise
                time.sleep(min(MOST_WAIT_SECONDS, options.backoff_seconds * 2 ** (attempt - 1)))
        return outcome, attempt

    def _taken(self, piece: Piece, outcome: Outcome) -> Ref:
        """Keep what came of a task."""
        ref = self._shelf.made(outcome)
        if ref.blob:
            size = outcome.size_bytes
            kept = Kept(ref.digest, ref.blob, self._asked.run, self._clock(), outcome.seconds, size, outcome.observed)
            is_own = bool(piece.forbids or outcome.why_not)
            self._cache.keep(self._own_key(piece) if is_own else piece.key, kept)
        return ref

    def _remember(self, piece: Piece, outcome: Outcome) -> None:
        self._cache.remember(*self._made_of(piece, outcome))

    def _made_of(self, piece: Piece, outcome: Outcome) -> tuple[str, Ingredients]:
        """Return what the step was made of, to tell the next time what has changed."""
        note = next(iter((*piece.forbids, *outcome.why_not)), "")
        return f"{self._asked.project}/{piece.node.name}", replace(piece.in_full(), note=note)

    def _why(self, piece: Piece) -> tuple[tuple[str, ...], Mapping[str, str]]:
        """Return what differs from when the step last ran, in sentences, and the diffs by name."""
        before = self._cache.last(f"{self._asked.project}/{piece.node.name}")
        if before is None:
            return (_NOTHING,), {}
        found = changes(before, piece.in_full())
        if not found:
            return (f"its result could not be kept: {before.note}" if before.note else "its kept result has gone",), {}
        return tuple(each.sentence for each in found), {each.name: each.diff for each in found if each.diff}

    def _story(self, piece: Piece, ref: Ref, **more: Any) -> StepRun:
        return StepRun(piece.node.name, self._clock(), 0.0, ref.digest, key=self._key(piece), **more)


def _again(start: str, nodes: Sequence[Node]) -> set[str]:
    if not start:
        return set()
    if start not in {node.name for node in nodes}:
        raise NotFoundError("step", start, [node.name for node in nodes])
    return downstream(nodes, start)


def _not_again(piece: Piece, outcome: Outcome) -> str:
    reasons = (*piece.forbids, *outcome.why_not)
    return f"not cached: {reasons[0]}" if reasons else ""


def _missing(piece: Piece) -> str:
    """Return which declared files are not there: the step may do without, or a name is misspelt."""
    missing = [path for path in piece.node.options.files if piece.ingredients.files.get(path) == ""]
    return f"declared files that are not there: {bounded(missing)}" if missing else ""
