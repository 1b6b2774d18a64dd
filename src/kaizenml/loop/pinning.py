"""A project's data as a snapshot had them: every table at its pinned version, rows cleaned and checked anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import polars as pl

from kaizenml.core.contract import Contract
from kaizenml.core.plan import CleaningPlan
from kaizenml.core.ports import Tables
from kaizenml.core.snapshot import Snapshot
from kaizenml.data.clean import replay
from kaizenml.data.enforce import enforce
from kaizenml.data.version import frame_digest
from kaizenml.errors import IntegrityError, StateError
from kaizenml.loop import contracting, label_joining, quarantining
from kaizenml.loop.loading_data import FILE, settled_rows
from kaizenml.loop.snapshotting import Prepared, live_rows
from kaizenml.loop.wiring import House
from kaizenml.project import Project


@dataclass(frozen=True, slots=True)
class PinnedTables:
    """Tables at the versions that a snapshot names, to be read only; other tables are not there."""

    tables: Tables
    versions: Mapping[str, int]

    def append(self, table: str, rows: pl.DataFrame, *, key: str) -> int:  # noqa: ARG002
        """Refuse: the past does not change."""
        _read_only(table)

    def append_parts(self, table: str, parts: Iterable[pl.DataFrame], *, key: str) -> int:  # noqa: ARG002
        """Refuse: the past does not change."""
        _read_only(table)

    def scan(self, table: str, *, version: int | None = None) -> pl.LazyFrame:
        """Return the rows of the pinned version, to be read by and by."""
        return self.tables.scan(table, version=self.versions.get(table) if version is None else version)

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        between: tuple[str, datetime, datetime] | None = None,
    ) -> pl.DataFrame:
        """Return the rows of the pinned version, unless another one is asked for."""
        wanted = self.versions.get(table) if version is None else version
        return self.tables.read(table, version=wanted, columns=columns, between=between)

    def version(self, table: str) -> int | None:
        """Return the pinned version."""
        return self.versions.get(table)

    def compact(self, table: str) -> int:
        """Refuse: the past does not change."""
        _read_only(table)

    def compact_aside(self, table: str) -> None:
        """Refuse: the past does not change."""
        _read_only(table)


def prepared_again(project: Project, folder: Path, house: House, snapshot: Snapshot) -> Prepared:
    """Return the rows of a snapshot as the run that made it had them; nothing is loaded or written.

    Raises
    ------
    IntegrityError
        When they are not the same rows: part of what they were made of is gone, or was erased.
    """
    versions = {snapshot.table: snapshot.version, **snapshot.pins}
    then = replace(house, open_tables=lambda: PinnedTables(house.tables, versions))
    plan = contracting.find_kept(house, snapshot.plan, CleaningPlan)
    contract = contracting.find_kept(house, snapshot.contract, Contract)
    if plan is None or contract is None:
        raise IntegrityError(
            f"The cleaning plan or the contract of {snapshot.name} is gone.", "Restore the blobs from a backup."
        )
    rows = then.tables.read(snapshot.table)
    if FILE in rows.columns:
        rows = rows.filter(pl.col(FILE).is_in([file.digest for file in snapshot.files]))
    rows = settled_rows(project, folder, then, rows)
    raw = rows.select(name for name in rows.columns if name != FILE and not name.startswith("__"))
    raw, _ = quarantining.repairs(project.name, then).onto(raw)
    cleaned, people = label_joining.settled(then, project.name).onto(replay(plan, raw), project, plan)
    enforced = enforce(contract, cleaned)
    good = people.known(enforced.good, project)
    live = live_rows(project, then, plan, good.lazy(), people)
    _check(snapshot, good, live)
    return Prepared(snapshot, good, live, plan, contract, people.labels)


def _check(snapshot: Snapshot, good: pl.DataFrame, live: pl.DataFrame) -> None:
    digest = frame_digest(pl.concat([good, live], how="diagonal") if len(live) else good)
    if digest != snapshot.digest:
        raise IntegrityError(
            f"The rows of {snapshot.name} cannot be made again: {len(good) + len(live):,} rows were found with another "
            f"digest, where {snapshot.rows:,} were.",
            "Rows were erased since, or kaizenml cleans them differently now; run the project anew instead.",
            {"snapshot": snapshot.name, "digest": digest, "wanted": snapshot.digest},
        )


def _read_only(table: str) -> NoReturn:
    raise StateError(f"The table {table} is open as it was, so it does not change.", "Write to it as it is.")
