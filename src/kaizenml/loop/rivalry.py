"""The champion on the challenger's test rows: both must be asked the same."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.data.clean import replay
from kaizenml.loop.gating import Champion, NoRival
from kaizenml.loop.scoring import LoadedScorer, load_release
from kaizenml.loop.wiring import House
from kaizenml.training.problem import Problem


def rival(name: str, house: House, rows: pl.DataFrame, problem: Problem) -> Champion | NoRival:
    """Return the release that serves and what it says of the challenger's test rows, prepared by its own plan.

    Where the two cannot be compared, the reason is returned in place of a champion.
    """
    with house.records.reading() as books:
        endpoint = books.endpoints.find(name)
        if endpoint is None:
            return NoRival("There is no champion yet.", is_first=True)
        version = books.models.get(books.releases.get(endpoint.champion).model_version)
    scorer = load_release(house.blobs, endpoint.champion, version.bundle)
    assert isinstance(scorer, LoadedScorer)
    if scorer.signature.classes != problem.classes or scorer.signature.task is not problem.task:
        return NoRival(f"{endpoint.champion} tells other classes apart.")
    known = [column.name for column in scorer.signature.inputs]
    missing = [column for column in known if column not in rows.columns]
    if missing:
        return NoRival(f"{endpoint.champion} needs the column {missing[0]!r}, which the rows no longer have.")

    def predict(asked: pl.DataFrame) -> NDArray[np.float64]:
        return scorer.predict(replay(scorer.plan, asked.select(known)).frame)

    return Champion(endpoint.champion, predict(rows), predict, scorer.answer)
