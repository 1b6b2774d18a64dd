"""Which rows are worth a person's time, and the queue: blocks of tasks, and notes of who holds or has labelled what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import msgspec
import polars as pl

from kaizenml.core.digest import Digest
from kaizenml.core.labelling import (
    CONTROL_SHARE,
    LEASE_SECONDS,
    LabelTask,
    Place,
    Why,
    chance_of,
    entropy,
    in_control,
    interleaved,
    margin,
    priority,
)
from kaizenml.core.ports import Blobs, Books
from kaizenml.errors import ConflictError, NotFoundError, StateError

#: Tasks of a block. A next task reads one with its places, and the list of all: 5,000 digests for a million tasks.
BLOCK = 200
#: A row is called wholly drifted when its cells are so many times as frequent as they were, on average.
DRIFTED_TIMES = 8.0
#: The notes: what is queued, where tasks stand, where an annotator goes on, what they hold.
QUEUE, PLACES, CURSOR, LEASE = "label-queue", "label-places", "label-cursor", "label-lease"
_QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class Answer:
    """A row that a model answered: what it is asked about here."""

    id: str
    row: Mapping[str, object]
    suggestion: str
    probabilities: tuple[float, ...]
    model: str


def tasks_of(
    answers: Sequence[Answer], before: Sequence[Mapping[str, object]] = (), *, wanted: int = 1
) -> list[LabelTask]:
    """Return the answered rows as tasks with their priority.

    Uncertainty is the mean of entropy and margin; diversity falls with the number of more uncertain rows in the same
    cell of the columns; drift is how much more frequent a row's values are than among the rows ``before``.
    """
    if not answers:
        return []
    uncertain = [(entropy(one.probabilities) + margin(one.probabilities)) / 2 for one in answers]
    cells = _cells([one.row for one in answers], before)
    diverse = _diversity(cells, uncertain, len(answers))
    drifted = _drift(cells, len(answers))
    return [
        LabelTask(
            one.id, one.row, one.suggestion or None, max(one.probabilities, default=None), one.model, Why.UNCERTAIN,
            priority(*scores), wanted,
        )
        for one, *scores in zip(answers, uncertain, diverse, drifted, strict=True)
    ]  # fmt: skip


def as_text(value: str) -> str:
    """Return a value of the log, written as JSON, as labels are written."""
    found = msgspec.json.decode(value)
    return ("true" if found else "false") if isinstance(found, bool) else str(found)


def ordered(tasks: Iterable[LabelTask], *, share: float = CONTROL_SHARE) -> list[LabelTask]:
    """Return the tasks in the order in which they are handed out; a share of them by chance, whatever their scores."""
    listed = list({task.id: task for task in tasks}.values())
    chosen = {at for at, task in enumerate(listed) if task.why is not Why.REVIEW and in_control(task.id, share)}
    ranked = sorted(set(range(len(listed))) - chosen, key=lambda at: (-listed[at].priority, listed[at].id))
    control = sorted(chosen, key=lambda at: chance_of(listed[at].id))
    order = interleaved(ranked, control)
    return [replace(listed[at], why=Why.CONTROL) if at in chosen else listed[at] for at in order]


def blocks_of(tasks: Sequence[LabelTask]) -> Iterator[bytes]:
    """Yield the tasks as blocks of JSON."""
    for start in range(0, len(tasks), BLOCK):
        yield msgspec.json.encode(tasks[start : start + BLOCK])


def tasks_in(block: bytes) -> list[LabelTask]:
    """Return the tasks of a block."""
    return msgspec.json.decode(block, type=list[LabelTask])


def _cells(rows: Sequence[Mapping[str, object]], before: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Return the rows and those before as the quarter of its column that each number is in; texts as they are."""
    frame = pl.DataFrame([dict(row) for row in [*rows, *before]], infer_schema_length=None, strict=False)
    known = frame.slice(len(rows)) if before else frame
    return frame.select(_cell(frame[name], known[name]) for name in frame.columns)


def _cell(column: pl.Series, known: pl.Series) -> pl.Series:
    if not column.dtype.is_numeric():
        return column.cast(pl.String, strict=False).fill_null("").hash().alias(column.name)
    edges = [edge for share in _QUARTILES if (edge := known.cast(pl.Float64).quantile(share)) is not None]
    value = pl.col(column.name).cast(pl.Float64)
    quarter = pl.sum_horizontal([(value > edge).cast(pl.UInt64) for edge in edges] or [pl.lit(0, dtype=pl.UInt64)])
    return column.to_frame().select(pl.when(value.is_null()).then(9).otherwise(quarter).alias(column.name)).to_series()


def _diversity(cells: pl.DataFrame, uncertain: Sequence[float], count: int) -> list[float]:
    if not cells.width:
        return [1.0] * count
    mine = cells.head(count).hash_rows().alias("cell").to_frame().with_columns(u=pl.Series(uncertain))
    rank = pl.col("u").rank("ordinal", descending=True).over("cell")
    return mine.select(1.0 / rank).to_series().to_list()


def _drift(cells: pl.DataFrame, count: int) -> list[float]:
    if len(cells) == count or not cells.width:
        return [0.0] * count
    now, before = cells.head(count), cells.slice(count)
    found = pl.Series([0.0]).new_from_index(0, count)
    for name in cells.columns:
        # Half a row is added to each cell, so that a value that was never seen is rare and not infinitely new.
        old = before.group_by(name).agg((pl.len() + 0.5).alias("old"))
        new = now.group_by(name).agg((pl.len() + 0.5).alias("new"))
        ratio = pl.col("new") / (count + 0.5) / (pl.col("old").fill_null(0.5) / (len(before) + 0.5))
        shares = new.join(old, on=name, how="left").select(name, ratio.log().clip(0).alias("ratio"))
        found += now.select(name).join(shares, on=name, how="left", maintain_order="left")["ratio"]
    most = pl.Series([DRIFTED_TIMES]).log()[0]
    scores: list[float] = (found / cells.width / most).clip(0, 1).to_list()
    return scores


@dataclass(slots=True)
class Deck:
    """Tasks in their order: how many, in how many blocks, how many are finished, before which block all are.

    ``full`` are blocks behind the first of which all tasks are finished: they need not be read again. ``event`` is the
    one of the log that tells of its filling.
    """

    id: str
    name: str
    tasks: int
    blocks: int
    done: int = 0
    first: int = 0
    event: int | None = None
    full: list[int] = field(default_factory=list)

    def finish(self, block: int) -> None:
        """Note that all tasks of a block are finished."""
        self.full = sorted({*self.full, block})
        while self.first in self.full:
            self.first += 1
        self.full = [one for one in self.full if one >= self.first]


@dataclass(slots=True)
class Queue:
    """What is to be labelled: decks, the first comes first; what can be said; which event told of the newest label."""

    decks: list[Deck]
    choices: list[str]
    labelled: int | None = None


@dataclass(slots=True)
class Lease:
    """What an annotator holds, or gave last."""

    deck: str = ""
    block: int = 0
    offset: int = 0
    task: str = ""
    since: float = 0.0
    last: tuple[str, str] | None = None
    labels: int = 0  # how many they have given


#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (
    msgspec.json.Decoder(LabelTask),
    msgspec.json.Decoder(Lease),
    msgspec.json.Decoder(Place),
    msgspec.json.Decoder(Queue),
)


@dataclass(frozen=True, slots=True)
class Handed:
    """A task in an annotator's hands, until when, and what can be said."""

    task: LabelTask
    until: datetime
    choices: tuple[str, ...]


def find_queue(books: Books, project: str) -> Queue | None:
    """Return what is to be labelled, if anything ever was."""
    note = books.notes.get(QUEUE, project)
    return None if note is None else msgspec.convert(note, Queue)


def queue_of(books: Books, project: str) -> Queue:
    """Return what is to be labelled, or say how something comes to be."""
    found = find_queue(books, project)
    if found is None:
        known = list(books.notes.all(QUEUE))
        if known:
            raise NotFoundError("labelling queue", project, known)
        raise StateError(
            f"Nothing of {project!r} is to be labelled.",
            f"Choose rows: `kaizen label {project} fill`; or bring tasks: `kaizen label {project} import FILE`.",
        )
    return found


def lease_of(books: Books, project: str, who: str) -> Lease:
    """Return what an annotator holds, or gave last."""
    return msgspec.convert(books.notes.get(LEASE, f"{project}/{who}") or {}, Lease)


def cursors_of(books: Books, project: str, who: str) -> dict[str, int]:
    """Return the block of each deck before which everything is over for an annotator."""
    return msgspec.convert(books.notes.get(CURSOR, f"{project}/{who}") or {}, dict[str, int])


def block_of(blobs: Blobs, deck: str, block: int) -> list[LabelTask]:
    """Return the tasks of a block."""
    blocks: list[Digest] = msgspec.json.decode(blobs.get(Digest(deck)))["blocks"]
    return tasks_in(blobs.get(blocks[block]))


def places_in(books: Books, project: str, deck: str, block: int) -> dict[str, Place]:
    """Return where the tasks of a block stand, by their offset; untouched ones are left out."""
    note = books.notes.get(PLACES, _places_name(project, deck, block))
    return msgspec.convert(note or {}, dict[str, Place])


def _places_name(project: str, deck: str, block: int) -> str:
    return f"{project}/{deck}/{block:06d}"


def take(
    books: Books, project: str, deck: str, block: int, offset: int, places: dict[str, Place], who: str, now: float
) -> None:
    """Give an annotator a fresh lease on a task."""
    places[str(offset)] = places.get(str(offset), Place()).taken(who, now)
    put_places(books, project, deck, block, places)


def put_places(books: Books, project: str, deck: str, block: int, places: Mapping[str, Place]) -> None:
    """Write where the tasks of a block stand."""
    plain = {offset: msgspec.to_builtins(place) for offset, place in places.items()}
    books.notes.put(PLACES, _places_name(project, deck, block), plain)


def search(
    blobs: Blobs, books: Books, project: str, deck: Deck, cursors: dict[str, int], who: str, now: float
) -> tuple[Deck, int, int, LabelTask, dict[str, Place]] | None:
    """Return the first task of a deck that is free for an annotator; move the cursors behind what is over."""
    start, full = max(deck.first, cursors.get(deck.id, 0)), set(deck.full)
    is_over_so_far = True
    for block in range(start, deck.blocks):
        if block in full:
            cursors[deck.id] = block + 1 if is_over_so_far else cursors.get(deck.id, start)
            continue
        tasks, places = block_of(blobs, deck.id, block), places_in(books, project, deck.id, block)
        each = [places.get(str(offset), Place()) for offset in range(len(tasks))]
        is_over_so_far &= all(place.is_over_for(task, who) for task, place in zip(tasks, each, strict=True))
        cursors[deck.id] = block + 1 if is_over_so_far else cursors.get(deck.id, start)
        for offset, (task, place) in enumerate(zip(tasks, each, strict=True)):
            if place.is_free_for(task, who, now):
                return deck, block, offset, task, places
    return None


def is_finished(tasks: Sequence[LabelTask], places: Mapping[str, Place]) -> bool:
    """Say whether every task of a block has all its labels."""
    if len(places) < len(tasks):
        return False
    return all(places[str(offset)].is_full(task) for offset, task in enumerate(tasks))


def held_by(
    blobs: Blobs, books: Books, project: str, queue: Queue, lease: Lease, task: str, who: str, now: float
) -> tuple[Deck, LabelTask, dict[str, Place]]:
    """Return the task that an annotator holds, or say why they do not."""
    if not lease.task or lease.task != task:
        hold = f"{who} holds {lease.task!r}, not {task[:80]!r}." if lease.task else f"{who} holds no task."
        raise StateError(hold, f"`kaizen label {project} next` hands one out.", {"task": task[:80]})
    deck = next((one for one in queue.decks if one.id == lease.deck), None)
    if deck is None:
        raise ConflictError(f"Task {task!r} is no longer queued.", f"`kaizen label {project} next` hands out another.")
    places = places_in(books, project, deck.id, lease.block)
    held = block_of(blobs, deck.id, lease.block)[lease.offset]
    if not places.get(str(lease.offset), Place()).is_free_for(held, who, now):
        raise ConflictError(
            f"The lease on task {task!r} ran out and somebody else has it.",
            f"`kaizen label {project} next` hands out another.",
            {"task": task},
        )
    return deck, held, places


def held_again(
    blobs: Blobs, books: Books, project: str, queue: Queue, lease: Lease, who: str, now: float
) -> Handed | None:
    """Return the task that an annotator holds with a fresh lease; None when they have lost it."""
    try:
        deck, task, places = held_by(blobs, books, project, queue, lease, lease.task, who, now)
    except ConflictError:
        return None
    take(books, project, deck.id, lease.block, lease.offset, places, who, now)
    return handed(task, queue, now)


def handed(task: LabelTask, queue: Queue, now: float) -> Handed:
    """Return a task as it is in an annotator's hands."""
    return Handed(task, datetime.fromtimestamp(now + LEASE_SECONDS, UTC), tuple(queue.choices))
