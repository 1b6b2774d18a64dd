"""Rows that a Python function of the project returns."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from kaizenml.core.source import FrameSource
from kaizenml.data.incremental import Batch, Before, Cursor, begin, highest, newest, stored
from kaizenml.data.ingest import check_names
from kaizenml.data.redaction import without_login
from kaizenml.data.sql_source import added, whole
from kaizenml.errors import KaizenError, SourceError


@dataclass(frozen=True, slots=True)
class FrameReader:
    """What the function returns: all of it as one batch, or with an increment only what is new."""

    source: FrameSource

    @property
    def stream(self) -> str:
        """The identity of the rows, where each load adds to those before."""
        return self.source.stream if self.source.increment else ""

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.source.function.__name__}()"

    def batches(self, before: Before) -> Iterator[Batch]:
        """Call the function; return one batch, or none when nothing is new."""
        rule = self.source.increment
        if rule is None:
            yield whole(self.rows(None), self.source.stream, self.name)
            return
        high = highest(list(before.keys), self.stream)
        found = self.rows(begin(high, rule.overlap))
        yield from added(found, before, rule, self.stream, self.name)

    def settled(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the newest version of each key."""
        rule = self.source.increment
        return newest(rows, rule.key, rule.cursor) if rule else rows

    def rows(self, since: Cursor) -> pl.DataFrame:
        """Return what the function returns, as rows that a table can keep.

        Raises
        ------
        SourceError
            When it raises, or returns no frame.
        """
        function = self.source.function
        try:
            found = function(since) if "since" in inspect.signature(function).parameters else function()
        except KaizenError:
            raise
        except (Exception, SystemExit) as error:  # a user's code may raise anything
            raise SourceError(
                f"{self.name} raised {type(error).__name__}: {without_login(str(error))[:300]}.",
                "Mend the function in project.py.",
            ) from error
        frame = _polars(found, self.name)
        check_names(Path(self.name), frame.columns)
        return stored(frame, self.name)


def _polars(found: Any, name: str) -> pl.DataFrame:
    if isinstance(found, pl.LazyFrame):
        return found.collect()
    if isinstance(found, pl.DataFrame):
        return found
    if type(found).__module__.partition(".")[0] == "pandas" and type(found).__name__ == "DataFrame":
        return pl.DataFrame([_from_pandas(str(column), found[column]) for column in found.columns])
    if hasattr(found, "__arrow_c_stream__"):
        return pl.DataFrame(found)
    raise SourceError(f"{name} returned {type(found).__name__}, no frame.", "Return a Polars or pandas DataFrame.")


def _from_pandas(name: str, column: Any) -> pl.Series:
    """Return a column of pandas, its missing values as nulls."""
    if getattr(column.dtype, "kind", "O") in "biuf" and type(column.dtype).__module__.startswith("numpy"):
        return pl.Series(name, column.to_numpy(), nan_to_null=True)
    values = [None if is_missing else value for value, is_missing in zip(column, column.isna(), strict=True)]
    return pl.Series(name, values, strict=False)
