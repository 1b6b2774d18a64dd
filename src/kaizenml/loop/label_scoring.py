"""What the champion says of rows that people are to label. It loads a model: only workers and commands come here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kaizenml.core.digest import Digest
from kaizenml.core.scorer import Scorer
from kaizenml.core.signature import Answer as ModelAnswer
from kaizenml.core.signature import Cell
from kaizenml.data.label_queue import Answer
from kaizenml.errors import RowError
from kaizenml.loop.scoring import load_release
from kaizenml.loop.wiring import House

#: So many rows are scored at once.
BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Champion:
    """The release that serves a project, where its model is, and when the data it learned from were taken."""

    name: str
    bundle: Digest
    data_at: datetime


def find_champion(house: House, project: str) -> Champion | None:
    """Return the release that serves a project, if there is one."""
    with house.records.reading() as books:
        endpoint = books.endpoints.find(project)
        if endpoint is None or not endpoint.champion:
            return None
        version = books.models.get(books.releases.get(endpoint.champion).model_version)
        return Champion(endpoint.champion, version.bundle, books.snapshots.get(version.snapshot).created_at)


def scored(house: House, champion: Champion | None, rows: Sequence[Answer]) -> list[Answer]:
    """Return the rows with what the champion says of them; those that it has answered itself stay as they are.

    A row that the champion cannot take, because a cell breaks its contract, keeps what was known of it.
    """
    old = [at for at, one in enumerate(rows) if champion is not None and one.model != champion.name]
    if champion is None or not old:
        return list(rows)
    scorer = load_release(house.blobs, champion.name, champion.bundle)
    done = list(rows)
    for start in range(0, len(old), BATCH):
        part = old[start : start + BATCH]
        found = _answers(scorer, [_asked(scorer, rows[at].row) for at in part])
        for at, answer in zip(part, found, strict=True):
            if answer is not None:
                done[at] = replace(
                    rows[at],
                    suggestion=cell_text(answer.value),
                    probabilities=tuple(answer.probabilities),
                    model=champion.name,
                )
    return done


def cell_text(value: Cell) -> str:
    """Return what a model answers as labels are written."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _asked(scorer: Scorer, row: Mapping[str, object]) -> dict[str, Cell]:
    return {column.name: row.get(column.name) for column in scorer.signature.inputs}  # type: ignore[misc]


def _answers(scorer: Scorer, rows: Sequence[Mapping[str, Cell]]) -> list[ModelAnswer | None]:
    """Return an answer for each row; None for those that break the contract, found by halves."""
    try:
        return list(scorer.answer(rows))
    except RowError:
        if len(rows) == 1:
            return [None]
        half = len(rows) // 2
        return _answers(scorer, rows[:half]) + _answers(scorer, rows[half:])
