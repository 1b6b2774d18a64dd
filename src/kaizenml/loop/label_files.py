"""Tasks and labels as files of Label Studio, in and out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import msgspec

from kaizenml.core.digest import digest_of_bytes
from kaizenml.core.event import Draft, Kind
from kaizenml.core.labelling import CONTROL_SHARE, HumanLabel, Why
from kaizenml.data.label_queue import QUEUE, Queue, block_of, find_queue
from kaizenml.data.label_studio import from_json, to_json
from kaizenml.loop.labelling import fill
from kaizenml.loop.labels import append, given
from kaizenml.loop.wiring import House


def import_file(
    house: House, project: str, content: bytes, *, id_column: str | None, wanted: int = 1,
    choices: Sequence[str] = (), share: float = CONTROL_SHARE, by: str = "system:loop",
) -> tuple[int, int, int]:  # fmt: skip
    """Take Label Studio's JSON; return how many tasks are queued, labels appended, annotations cancelled.

    The same file again appends nothing. Tasks that the file has labels for are not queued.
    """
    found = from_json(content, id=id_column, now=house.clock.now())
    digest = digest_of_bytes(content)
    if found.labels:
        append(house, project, found.labels, key=f"label-studio-{digest}")
        _tell(house, project, len(found.labels), digest, by=by)
    tasks = [replace(task, wanted=wanted) for task in found.tasks]
    said = [*choices, *found.choices]
    queued = fill(house, project, tasks, choices=said, share=share, deck=f"import-{digest[:12]}", by=by)
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


def _tell(house: House, project: str, labels: int, digest: str, *, by: str) -> None:
    """Write into the log that a file brought labels; once for each file."""
    subject = f"file:{digest}"
    with house.records.writing() as books:
        if books.events.find(Kind.LABELS_IMPORTED, subject, project=project):
            return
        draft = Draft(project, by, Kind.LABELS_IMPORTED, subject, None, house.data_at(books), {"labels": labels})
        event = books.events.append(draft, house.clock.now())
        queue = find_queue(books, project) or Queue([], [])
        queue.labelled = event.id
        books.notes.put(QUEUE, project, asdict(queue))
