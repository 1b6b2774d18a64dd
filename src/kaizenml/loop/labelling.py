"""People label rows: the queue that hands them out, and takes what they say.

Tasks never change: they are blocks of JSON among the blobs, in the order in which they are handed out (a *deck*). Notes
tell of each task that somebody holds or has labelled, and where to go on, so that the next task costs the same with a
thousand tasks and with a million. What was said is appended to the table of `labels.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from kaizenml.core.digest import digest_of
from kaizenml.core.event import Draft, Kind
from kaizenml.core.labelling import (
    CONTROL_SHARE,
    LEASE_SECONDS,
    MOST_CHOICES,
    HumanLabel,
    LabelTask,
    Place,
    Why,
    checked_value,
)
from kaizenml.core.names import checked_name
from kaizenml.core.ports import Books
from kaizenml.data.label_queue import (
    CURSOR,
    LEASE,
    QUEUE,
    Deck,
    Handed,
    Lease,
    Queue,
    block_of,
    blocks_of,
    cursors_of,
    find_queue,
    handed,
    held_again,
    held_by,
    is_finished,
    lease_of,
    ordered,
    places_in,
    put_places,
    queue_of,
    search,
    take,
)  # fmt: skip
from kaizenml.errors import ConflictError, StateError, UsageError
from kaizenml.loop.labels import append, given
from kaizenml.loop.wiring import House


@dataclass(frozen=True, slots=True)
class Status:
    """How far labelling is."""

    tasks: int
    finished: int
    labels: int
    annotators: Mapping[str, int]
    choices: tuple[str, ...]
    decks: Mapping[str, tuple[int, int]]


def fill(
    house: House,
    project: str,
    tasks: Sequence[LabelTask],
    *,
    choices: Sequence[str] = (),
    deck: str = "main",
    share: float = CONTROL_SHARE,
    by: str = "system:loop",
    cause: int | None = None,
) -> int:
    """Queue tasks in the order of their priority, in place of those of the same deck; return how many there are.

    What has all its labels already is left out. Choices are added to those that are known.
    """
    checked_name("project", project)
    finished = {} if deck == "review" else _counts(house, project)
    listed = ordered([task for task in tasks if finished.get(task.id, 0) < task.wanted], share=share)
    blocks = [house.blobs.put(block) for block in blocks_of(listed)]
    id_ = house.blobs.put(msgspec.json.encode({"project": project, "blocks": blocks}))
    with house.records.writing() as books:
        queue = find_queue(books, project) or Queue([], [])
        kept = [one for one in queue.decks if one.name != deck]
        again = next((one for one in queue.decks if one.id == id_), None)
        new = again or Deck(id_, deck, len(listed), len(blocks))
        queue.decks = [new, *kept] if deck == "review" else [*kept, new]
        queue.choices = list(dict.fromkeys([*queue.choices, *choices]))
        if len(queue.choices) > MOST_CHOICES:
            raise UsageError(f"{len(queue.choices)} choices are too many.", f"Have at most {MOST_CHOICES}.")
        by_chance = sum(task.why is Why.CONTROL for task in listed)
        facts = {"deck": deck, "tasks": len(listed), "control": by_chance, "share": share, "digest": id_}
        draft = Draft(project, by, Kind.QUEUE_FILLED, f"queue:{project}", cause, house.data_at(books), facts)
        new.event = books.events.append(draft, house.clock.now()).id
        books.notes.put(QUEUE, project, asdict(queue))
    return len(listed)


def next_task(house: House, project: str, who: str) -> Handed | None:
    """Return the task that an annotator holds already, or hand out the next; None when nothing is left for them."""
    now = house.clock.now().timestamp()
    with house.records.writing() as books:
        queue = queue_of(books, project)
        lease = lease_of(books, project, who)
        if lease.task and (held := held_again(house.blobs, books, project, queue, lease, who, now)):
            return held
        cursors = cursors_of(books, project, who)
        before, found = dict(cursors), None
        for deck in queue.decks:
            found = search(house.blobs, books, project, deck, cursors, who, now)
            if found:
                break
        if cursors != before:
            live = {deck.id for deck in queue.decks}
            kept = {id_: at for id_, at in cursors.items() if id_ in live}
            books.notes.put(CURSOR, f"{project}/{who}", kept)
            books.notes.put(QUEUE, project, asdict(queue))
        if found is None:
            return None
        deck, block, offset, task, places = found
        take(books, project, deck.id, block, offset, places, who, now)
        lease = Lease(deck.id, block, offset, task.id, now, lease.last, lease.labels)
        books.notes.put(LEASE, f"{project}/{who}", asdict(lease))
        return handed(task, queue, now)


def give(house: House, project: str, task: str, value: str, who: str) -> bool:
    """Append a label for the task that an annotator holds; False when it is what they have just said of it.

    The label is durable when this returns. A call that died between the append and its note is repeated safely.

    Raises
    ------
    StateError
        When they hold another task, or none.
    ConflictError
        When their lease ran out and somebody else has the task.
    NotFoundError
        When the value is no choice.
    """
    now = house.clock.now()
    with house.records.writing() as books:
        queue = queue_of(books, project)
        checked_value(value, queue.choices)
        lease = lease_of(books, project, who)
        if lease.task != task and lease.last == (task, value):
            return False
        deck, held, places = held_by(house.blobs, books, project, queue, lease, task, who, now.timestamp())
        take(books, project, deck.id, lease.block, lease.offset, places, who, now.timestamp())
    label = HumanLabel(
        held.id, value, who, now, held.row, held.suggestion, held.probability, held.model, held.why,
        round(now.timestamp() - lease.since, 3),
    )  # fmt: skip
    append(house, project, [label], key=digest_of([held.id, who, lease.deck, lease.since, value]))
    _settle(house, project, lease, who, Place.labelled, last=(task, value), label=label)
    return True


def skip(house: House, project: str, task: str, who: str) -> None:
    """Pass on the task that an annotator holds; they do not get it again, others may."""
    now = house.clock.now().timestamp()
    with house.records.reading() as books:
        lease = lease_of(books, project, who)
        held_by(house.blobs, books, project, queue_of(books, project), lease, task, who, now)
    _settle(house, project, lease, who, Place.passed, last=lease.last)


def status(house: House, project: str) -> Status:
    """Return how far labelling is."""
    with house.records.reading() as books:
        queue = queue_of(books, project)
    said = given(house, project)
    people = said.group_by("by").len().sort("by")
    return Status(
        tasks=sum(deck.tasks for deck in queue.decks),
        finished=sum(deck.done for deck in queue.decks),
        labels=len(said),
        annotators=dict(people.iter_rows()),
        choices=tuple(queue.choices),
        decks={deck.name: (deck.done, deck.tasks) for deck in queue.decks},
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """How many tasks there are, how many are finished, and how many labels one annotator gave here."""

    tasks: int
    finished: int
    mine: int


def progress(house: House, project: str, who: str) -> Progress:
    """Return how far labelling is, from the notes alone: it costs the same with a million labels."""
    with house.records.reading() as books:
        queue, lease = queue_of(books, project), lease_of(books, project, who)
    decks = queue.decks
    return Progress(sum(deck.tasks for deck in decks), sum(deck.done for deck in decks), lease.labels)


def current(house: House, project: str, who: str) -> Handed | None:
    """Return the task that an annotator holds, changing nothing."""
    now = house.clock.now().timestamp()
    with house.records.reading() as books:
        queue, lease = queue_of(books, project), lease_of(books, project, who)
        try:
            _, task, places = held_by(house.blobs, books, project, queue, lease, lease.task, who, now)
        except (StateError, ConflictError):
            return None
    return handed(task, queue, places[str(lease.offset)].held.get(who, now) - LEASE_SECONDS)


def _counts(house: House, project: str) -> dict[str, int]:
    return dict(given(house, project).group_by("task").len().iter_rows())


def _settle(
    house: House,
    project: str,
    lease: Lease,
    who: str,
    act: Any,
    *,
    last: tuple[str, str] | None,
    label: HumanLabel | None = None,
) -> None:
    """Note what became of a task, and that its annotator's hands are free; tell of a label."""
    with house.records.writing() as books:
        queue = queue_of(books, project)
        places = places_in(books, project, lease.deck, lease.block)
        tasks = block_of(house.blobs, lease.deck, lease.block)
        task = tasks[lease.offset]
        before = places.get(str(lease.offset), Place())
        after = places[str(lease.offset)] = act(before, who)
        put_places(books, project, lease.deck, lease.block, places)
        for deck in queue.decks:
            if deck.id == lease.deck:
                deck.done += after.is_full(task) and not before.is_full(task)
                if is_finished(tasks, places):
                    deck.finish(lease.block)
                if label is not None:
                    queue.labelled = _told(books, house, project, label, cause=deck.event)
        books.notes.put(QUEUE, project, asdict(queue))
        now_held = lease_of(books, project, who)
        if (now_held.deck, now_held.block, now_held.offset) == (lease.deck, lease.block, lease.offset):
            books.notes.put(
                LEASE, f"{project}/{who}", asdict(Lease(last=last, labels=now_held.labels + (label is not None)))
            )


def _told(books: Books, house: House, project: str, label: HumanLabel, *, cause: int | None) -> int:
    facts = {"value": label.value, "suggestion": label.suggestion, "model": label.model, "why": label.why}
    draft = Draft(project, label.by, Kind.LABEL_ADDED, f"task:{label.task}", cause, house.data_at(books), facts)
    return books.events.append(draft, house.clock.now()).id
