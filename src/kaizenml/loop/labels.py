"""The labels that people gave: a table that only grows, what each annotator said last, and what they say together.

Nothing is ever overwritten in the table ``human-labels-<project>``: what an annotator said last of a task counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from importlib.util import find_spec

import msgspec
import polars as pl

from kaizenml.core.labelling import HumanLabel
from kaizenml.data.agreement import Agreement, agreement
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


def human_labels_of(project: str) -> str:
    """Return the name of the table of the labels that people gave."""
    return f"human-labels-{project}"


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
        house.tables.compact_aside(table)


def given(house: House, project: str, *, version: int | None = None) -> pl.DataFrame:
    """Return what every annotator said last of every task, oldest first."""
    table = human_labels_of(project)
    if house.tables.version(table) is None:
        return pl.DataFrame(schema=HUMAN_LABELS)
    found = house.tables.read(table, version=version).sort("at", maintain_order=True)
    return found.unique(["task", "by"], keep="last", maintain_order=True)


def human_labels(house: House, project: str, *, version: int | None = None) -> pl.DataFrame:
    """Return one label for each task that anybody labelled, to be joined to a snapshot's rows by key.

    Columns: ``id``, ``value`` (the consensus, as text; where all say the same, that), ``confidence`` (its probability,
    by the annotators' quality), ``annotators``, ``is_unanimous``, ``at`` (the newest label's time).
    Pin ``human-labels-<project>`` at the version that was read.
    """
    from kaizenml.data.consensus import dawid_skene

    said = given(house, project, version=version)
    found = dawid_skene(list(said.select("task", "by", "value").iter_rows()))
    votes = (
        said.group_by("task")
        .agg(
            pl.len().alias("annotators"),
            (pl.col("value").n_unique() == 1).alias("is_unanimous"),
            pl.col("value").first().alias("said"),
            pl.col("at").max(),
        )
        .sort("task")
    )
    # One alone who says something rare may seem wrong by the base rates; who is not contradicted is believed.
    values = [
        said if is_unanimous else found.winners[task][0]
        for task, said, is_unanimous in votes.select("task", "said", "is_unanimous").iter_rows()
    ]
    return votes.select(
        pl.col("task").alias("id"),
        pl.Series("value", values, dtype=pl.String),
        pl.Series("confidence", found.chances(values), dtype=pl.Float64),
        "annotators",
        "is_unanimous",
        "at",
    )


def agreed(house: House, project: str) -> tuple[Agreement, dict[str, float]]:
    """Return how far the annotators agree, and how good each of them is by the consensus.

    The latter needs NumPy: a control plane of its own, which has none, says nothing of it.
    """
    said = list(given(house, project).select("task", "by", "value").iter_rows())
    if find_spec("numpy") is None:
        return agreement(said), {}
    from kaizenml.data.consensus import dawid_skene

    return agreement(said), dict(dawid_skene(said).quality)
