"""People label rows: the queue that hands them out, the labels they give, and what these say together.

Tasks never change: they are blocks of JSON among the blobs, in the order in which they are handed out (a *deck*). Notes
tell of each task that somebody holds or has labelled, and where to go on, so that the next task costs the same with a
thousand tasks and with a million. A label is a row appended to the table ``human-labels-<project>``; nothing is ever
overwritten: what an annotator said last counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC
from typing import Any

import msgspec
import polars as pl

from kaizenml.core.digest import digest_of, digest_of_bytes
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
from kaizenml.data.agreement import Agreement, agreement
from kaizenml.data.label_queue import (
    CURSOR,
    LEASE,
    QUEUE,
    Answer,
    Deck,
    Handed,
    Lease,
    Queue,
    as_text,
    block_of,
    blocks_of,
    cursors_of,
    find_queue,
    handed,
    held_again,
    held_by,
    lease_of,
    ordered,
    places_in,
    put_places,
    queue_of,
    search,
    take,
    tasks_of,
)  # fmt: skip
from kaizenml.data.label_studio import from_json, to_json
from kaizenml.errors import ConflictError, StateError, UsageError
from kaizenml.loop import collecting
from kaizenml.loop.wiring import House

HUMAN_LABELS = {
    "task": pl.String(),
    "value": pl.String(),
    "by": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "row": pl.String(),
    "suggestion": pl.String(),
    "probability": pl.Float64(),
    "model": pl.String(),
    "why": pl.String(),
    "seconds": pl.Float64(),
}
#: A consensus below this is shown to somebody else.
SETTLED = 0.9


@dataclass(frozen=True, slots=True)
class Status:
    """How far labelling is."""

    tasks: int
    finished: int
    labels: int
    annotators: Mapping[str, int]
    choices: tuple[str, ...]
    decks: Mapping[str, tuple[int, int]]


def human_labels_of(project: str) -> str:
    """Return the name of the table of the labels that people gave."""
    return f"human-labels-{project}"


def fill(
    house: House, project: str, tasks: Sequence[LabelTask], *, choices: Sequence[str] = (), deck: str = "main",
    share: float = CONTROL_SHARE,
) -> int:  # fmt: skip
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
        lease = Lease(deck.id, block, offset, task.id, now, lease.last)
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
    _settle(house, project, lease, who, Place.labelled, last=(task, value))
    return True


def skip(house: House, project: str, task: str, who: str) -> None:
    """Pass on the task that an annotator holds; they do not get it again, others may."""
    now = house.clock.now().timestamp()
    with house.records.reading() as books:
        lease = lease_of(books, project, who)
        held_by(house.blobs, books, project, queue_of(books, project), lease, task, who, now)
    _settle(house, project, lease, who, Place.passed, last=lease.last)


def append(house: House, project: str, labels: Sequence[HumanLabel], *, key: str) -> None:
    """Append labels in one durable commit, once for each key."""
    encode = msgspec.json.Encoder(enc_hook=str).encode
    rows = [
        (one.task, one.value, one.by, one.at.astimezone(UTC), encode(one.row).decode(), one.suggestion,
         one.probability, one.model, str(one.why), one.seconds)
        for one in labels
    ]  # fmt: skip
    table = human_labels_of(project)
    version = house.tables.append(table, pl.DataFrame(rows, schema=HUMAN_LABELS, orient="row"), key=key)
    if version and version % collecting.APPENDS_BETWEEN_COMPACTIONS == 0:
        house.tables.compact(table)


def given(house: House, project: str, *, version: int | None = None) -> pl.DataFrame:
    """Return what every annotator said last of every task, oldest first."""
    table = human_labels_of(project)
    if house.tables.version(table) is None:
        return pl.DataFrame(schema=HUMAN_LABELS)
    found = house.tables.read(table, version=version).sort("at", maintain_order=True)
    return found.unique(["task", "by"], keep="last", maintain_order=True)


def human_labels(house: House, project: str, *, version: int | None = None) -> pl.DataFrame:
    """Return one label for each task that anybody labelled, to be joined to a snapshot's rows by key.

    Columns: ``id``, ``value`` (the consensus, as text), ``confidence`` (its probability, by the annotators' quality),
    ``annotators``, ``at`` (the newest label's time). Pin ``human-labels-<project>`` at the version that was read.
    """
    from kaizenml.data.consensus import dawid_skene

    said = given(house, project, version=version)
    winners = dawid_skene(list(said.select("task", "by", "value").iter_rows())).winners
    votes = said.group_by("task").agg(pl.len().alias("annotators"), pl.col("at").max()).sort("task")
    return votes.select(
        pl.col("task").alias("id"),
        pl.Series("value", [winners[task][0] for task in votes["task"]], dtype=pl.String),
        pl.Series("confidence", [winners[task][1] for task in votes["task"]], dtype=pl.Float64),
        "annotators",
        "at",
    )


def agreed(house: House, project: str) -> tuple[Agreement, dict[str, float]]:
    """Return how far the annotators agree, and how good each of them is by the consensus."""
    from kaizenml.data.consensus import dawid_skene

    said = list(given(house, project).select("task", "by", "value").iter_rows())
    return agreement(said), dict(dawid_skene(said).quality)


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


def fill_from_answers(
    house: House,
    project: str,
    *,
    choices: Sequence[str] = (),
    most: int = 100_000,
    wanted: int = 1,
    share: float = CONTROL_SHARE,
) -> int:
    """Queue the newest rows that the project's endpoint answered and of which the truth is not known.

    What counts as before, for drift, is the older half of them.
    """
    table = collecting.predictions_of(project)
    if house.tables.version(table) is None:
        raise StateError(f"No row of {project} was answered yet.", "Serve it, or `kaizen label NAME import FILE`.")
    answered = house.tables.read(table, columns=["id", "data_at", "release", "role", "value", "probabilities", "row"])
    rows = answered.filter(pl.col("role") == "answer").sort("data_at").unique("id", keep="last", maintain_order=True)
    open_ = rows.join(collecting.labels(house.tables, project).select("id"), on="id", how="anti").tail(most)
    row_of = msgspec.json.Decoder(dict[str, Any]).decode
    answers = [
        Answer(one["id"], row_of(one["row"]), as_text(one["value"]), tuple(one["probabilities"]), one["release"])
        for one in open_.iter_rows(named=True)
    ]
    before = [one.row for one in answers[: len(answers) // 2]]
    seen = {one.suggestion for one in answers if one.probabilities}
    said = list(choices) or list(_classes(house, project)) or sorted(seen)
    return fill(house, project, tasks_of(answers, before, wanted=wanted), choices=said, share=share)


def fill_review(house: House, project: str) -> int:
    """Queue, before everything else, what annotators disagree about and labels that the model contradicts."""
    said = given(house, project)
    unsure = human_labels(house, project).filter((pl.col("annotators") > 1) & (pl.col("confidence") < SETTLED))["id"]
    disputed = set(unsure) & set(agreement(said.select("task", "by", "value").iter_rows()).disputed)
    wrong = {one.task: one for one in suspects(house, project)}
    people = dict(said.group_by("task").agg(pl.col("by")).iter_rows())
    last = said.filter(pl.col("task").is_in([*disputed, *wrong])).unique("task", keep="last", maintain_order=True)
    row_of = msgspec.json.Decoder(dict[str, Any]).decode
    tasks = [
        LabelTask(
            one["task"], row_of(one["row"]), why=Why.REVIEW, but_not=tuple(people[one["task"]]),
            priority=1.0 if one["task"] in disputed else 1 - wrong[one["task"]].confidence,
        )
        for one in last.iter_rows(named=True)
    ]  # fmt: skip
    return fill(house, project, tasks, deck="review")


def suspects(house: House, project: str) -> list[Any]:
    """Return the labels that look wrong beside what the model said of the rows before it knew them."""
    import numpy as np

    from kaizenml.data.consensus import suspected_errors

    classes = _classes(house, project)
    table = collecting.predictions_of(project)
    if not classes or house.tables.version(table) is None:
        return []
    rows = house.tables.read(table, columns=["id", "role", "probabilities"]).filter(pl.col("role") == "answer")
    labels = human_labels(house, project).join(rows.unique("id", keep="first"), on="id", how="inner")
    labels = labels.filter(pl.col("probabilities").list.len() == len(classes))
    p = np.array(labels["probabilities"].to_list(), dtype=float).reshape(len(labels), len(classes))
    return list(suspected_errors(labels["id"].to_list(), labels["value"].to_list(), p, classes))


def import_file(
    house: House, project: str, content: bytes, *, id_column: str | None, wanted: int = 1,
    choices: Sequence[str] = (), share: float = CONTROL_SHARE,
) -> tuple[int, int, int]:  # fmt: skip
    """Take Label Studio's JSON; return how many tasks are queued, labels appended, annotations cancelled.

    The same file again appends nothing. Tasks that the file has labels for are not queued.
    """
    found = from_json(content, id=id_column, now=house.clock.now())
    digest = digest_of_bytes(content)
    if found.labels:
        append(house, project, found.labels, key=f"label-studio-{digest}")
    tasks = [replace(task, wanted=wanted) for task in found.tasks]
    said = [*choices, *found.choices]
    queued = fill(house, project, tasks, choices=said, share=share, deck=f"import-{digest[:12]}")
    return queued, len(found.labels), found.cancelled


def export_file(house: House, project: str) -> bytes:
    """Return all tasks and labels as Label Studio's JSON."""
    with house.records.reading() as books:
        queue = find_queue(books, project) or Queue([], [])
    tasks = [
        task for deck in queue.decks for block in range(deck.blocks) for task in block_of(house.blobs, deck.id, block)
    ]
    row_of = msgspec.json.Decoder(dict[str, Any]).decode
    labels = [
        HumanLabel(**{**one, "row": row_of(one["row"]), "why": Why(one["why"])})
        for one in given(house, project).iter_rows(named=True)
    ]
    return to_json(tasks, labels)


def _classes(house: House, project: str) -> tuple[str, ...]:
    from kaizenml.packaging.bundle import unpack

    with house.records.reading() as books:
        endpoint = books.endpoints.find(project)
        if endpoint is None or not endpoint.champion:
            return ()
        bundle = books.models.get(books.releases.get(endpoint.champion).model_version).bundle
    return unpack(house.blobs.get(bundle)).signature.classes


def _counts(house: House, project: str) -> dict[str, int]:
    return dict(given(house, project).group_by("task").len().iter_rows())


def _settle(house: House, project: str, lease: Lease, who: str, act: Any, *, last: tuple[str, str] | None) -> None:
    """Note what became of a task, and that its annotator's hands are free."""
    with house.records.writing() as books:
        queue = queue_of(books, project)
        places = places_in(books, project, lease.deck, lease.block)
        task = block_of(house.blobs, lease.deck, lease.block)[lease.offset]
        before = places.get(str(lease.offset), Place())
        after = places[str(lease.offset)] = act(before, who)
        put_places(books, project, lease.deck, lease.block, places)
        for deck in queue.decks:
            if deck.id == lease.deck and after.is_full(task) and not before.is_full(task):
                deck.done += 1
                books.notes.put(QUEUE, project, asdict(queue))
        now_held = lease_of(books, project, who)
        if (now_held.deck, now_held.block, now_held.offset) == (lease.deck, lease.block, lease.offset):
            books.notes.put(LEASE, f"{project}/{who}", asdict(Lease(last=last)))
