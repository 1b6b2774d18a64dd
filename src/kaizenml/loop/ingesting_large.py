"""Stage 1 of a run for data that memory should not hold: every pass takes them part by part.

What is learned (the cleaning plan, the contract) is learned from rows spread evenly over all; what is done (cleaning,
the contract, quarantine, the snapshot's digest) is done to every row, and gives what it gives in one piece.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from kaizenml.core.contract import Contract
from kaizenml.core.digest import Digest
from kaizenml.core.plan import CleaningPlan
from kaizenml.data.clean import Cleaned, replay
from kaizenml.data.enforce import enforce_part
from kaizenml.data.enforce_parts import Tally, repeated
from kaizenml.data.spread_rows import spread
from kaizenml.data.version import parts_digest
from kaizenml.loop import label_joining, quarantining
from kaizenml.loop.label_joining import Settled
from kaizenml.loop.learning_plan import plan_and_contract, tell_findings
from kaizenml.loop.load_progress import Progress
from kaizenml.loop.loading_data import FILE, Gathered, alone
from kaizenml.loop.quarantining import Repairs
from kaizenml.loop.snapshotting import Checked, Prepared, live_rows, written
from kaizenml.loop.wiring import House, Say
from kaizenml.project import Project

#: So many rows are held at a time; a part may be larger where its file is.
ROWS_AT_ONCE = 100_000
#: What is learned is learned from this many rows.
SAMPLE_ROWS = 200_000


def prepare_large(
    project: Project, folder: Path, house: House, gathered: Gathered, say: Say, *, cause: int
) -> Prepared:
    """Clean and check the data part by part, and write the snapshot; see `ingesting.prepare`.

    Of the good rows at most `train_rows`, spread evenly, come back.
    """
    with _workshop(house.settings.home, project.name, say) as place:
        done = _check_large(project, folder, house, gathered, say, place, cause=cause)
        good, plan, contract, people = _Good(place.good()), done.plan, done.contract, done.people
        if waiting := done.tally.good - good.rows:
            say(f"labels: {waiting:,} rows wait for a label")
        live = live_rows(project, house, plan, good.scan(), people)
        if len(live):
            say(f"live: {len(live):,} answered rows with their labels")
        say("snapshot: the digest of every value")
        span, keys = good.span(project, live), good.keys(project, people)
        checked = Checked(good.digest(live), good.rows, done.tally.bad, *span, keys)
        snapshot = written(project, house, gathered.files, plan, contract, checked, live, people, cause=cause)
        if snapshot.labels:
            say("labels: " + ", ".join(f"{count:,} {name}" for name, count in snapshot.labels.items()))
        some = good.spread(house.settings.train_rows)
    if len(some) < checked.rows:
        say(f"train: on {len(some):,} of {checked.rows:,} rows, spread evenly (setting train_rows)")
    return Prepared(snapshot, some, live, plan, contract, people.labels)


def check_large(
    project: Project, folder: Path, house: House, gathered: Gathered, say: Say, *, cause: int | None
) -> None:
    """Clean and check the data part by part, without a snapshot; see `ingesting.check`."""
    with _workshop(house.settings.home, project.name, say) as place:
        _check_large(project, folder, house, gathered, say, place, cause=cause)


@dataclass(frozen=True, slots=True)
class _Done:
    """What the rows were held to, and what became of them; they are in the workshop."""

    plan: CleaningPlan
    contract: Contract
    tally: Tally
    people: Settled


def _check_large(
    project: Project, folder: Path, house: House, gathered: Gathered, say: Say, place: _Workshop, *, cause: int | None
) -> _Done:
    """Clean and check the data part by part, into the workshop; write the quarantine and tell what is broken."""
    source = _Source(gathered, quarantining.repairs(project.name, house))
    rows = source.count()
    say(f"clean: {rows:,} rows, {len(source.names)} columns, part by part")
    people = label_joining.settled(house, project.name)
    sample = source.sample(rows)
    if len(sample) < rows:
        say(f"clean: the plan is learned from {len(sample):,} rows, spread evenly")
    plan, contract = plan_and_contract(project, folder, house, sample, people, say, rows=rows)
    del sample
    again = _repeated(source, plan, contract, place, rows)
    progress = Progress(say, doing="clean")
    tally, people = _enforced(source, project, plan, Tally(contract, house.clock.now()), people, again, place, progress)
    if source.repaired:
        say(f"quarantine: {source.repaired:,} repaired rows join again")
    kept = (pl.read_parquet(path) for path in place.bad())
    quarantining.keep(project.name, house, kept, gathered.files, plan, contract, at=source.repairs.at)
    tell_findings(
        house, project.name, tally.findings(), say, is_passed=tally.is_passed, good=tally.good, bad=tally.bad,
        cause=cause,
    )  # fmt: skip
    return _Done(plan, contract, tally, people)


@dataclass(slots=True)
class _Source:
    """The raw rows, in parts, with the repairs in place."""

    gathered: Gathered
    repairs: Repairs
    repaired: int = 0

    @property
    def names(self) -> list[str]:
        return [name for name in self.gathered.marked.collect_schema().names() if name != FILE]

    def count(self) -> int:
        return int(self.gathered.marked.select(pl.len()).collect(engine="streaming").item())

    def parts(self, *only: str) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
        """Return the rows, and for each the digest of its file; of some columns where no repair needs the others."""
        self.repaired = 0
        names = [*only, FILE] if only and not self.repairs.rows else [*self.names, FILE]
        rows = self.gathered.marked.select(names)
        for part in rows.collect_batches(chunk_size=ROWS_AT_ONCE, maintain_order=True):
            raw, repaired = self.repairs.onto(part.drop(FILE))
            self.repaired += repaired
            yield raw, part[FILE]

    def sample(self, rows: int) -> pl.DataFrame:
        return spread((raw for raw, _ in self.parts()), rows, SAMPLE_ROWS)


@dataclass(frozen=True, slots=True)
class _Workshop:
    """A folder for what is too large to hold: clean rows, rows that are out, values that must be unique."""

    folder: Path

    def put(self, kind: str, at: int, rows: pl.DataFrame) -> None:
        (self.folder / kind).mkdir(exist_ok=True)
        rows.write_parquet(self.folder / kind / f"{at:08d}.parquet", compression="lz4")

    def good(self) -> list[Path]:
        return sorted((self.folder / "good").glob("*.parquet"))

    def bad(self) -> list[Path]:
        return sorted((self.folder / "bad").glob("*.parquet"))

    def unique(self) -> list[Path]:
        return sorted((self.folder / "unique").glob("*.parquet"))


@contextmanager
def _workshop(home: Path, project: str, say: Say) -> Iterator[_Workshop]:
    """Give one process at a time an empty folder; what one that died left there is cleared away."""
    folder = home / f"streaming-{project}"
    with alone(home / f"streaming-{project}.lock", say):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield _Workshop(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _repeated(source: _Source, plan: CleaningPlan, contract: Contract, place: _Workshop, rows: int) -> pl.Series | None:
    """Return where the values are that must be unique and occur before; None when none must be."""
    unique = contract.unique
    if unique is None or unique not in plan.names or unique not in contract.names:
        return None
    only = plan.only([unique])
    for at, (raw, _) in enumerate(source.parts(unique)):
        place.put("unique", at, replay(only, raw).frame)
    return repeated(pl.scan_parquet(place.unique(), glob=False), rows)


def _enforced(
    source: _Source,
    project: Project,
    plan: CleaningPlan,
    tally: Tally,
    people: Settled,
    again: pl.Series | None,
    place: _Workshop,
    progress: Progress,
) -> tuple[Tally, Settled]:
    """Clean every row and hold it to the contract; put good rows and those that are out into the workshop."""
    contract, joined = tally.contract, people
    for at, (raw, origin) in enumerate(source.parts()):
        cleaned, found = people.onto(replay(plan, raw), project, plan)
        joined = _merged(joined, found)
        enforced = enforce_part(contract, cleaned, _flags(again, tally.rows, cleaned))
        lines = quarantining.lines(enforced.bad, raw, origin, source.gathered.files, plan, contract)
        if len(lines):
            place.put("bad", at, lines.with_columns(pl.col("row") + tally.rows))
        place.put("good", at, people.known(enforced.good, project))
        tally.add(cleaned, enforced)
        progress.told(tally.rows, 0)
    return tally, joined


def _flags(again: pl.Series | None, before: int, cleaned: Cleaned) -> pl.Series | None:
    if again is None:
        return None
    rows = cleaned.frame.height
    first, last = again.search_sorted(before), again.search_sorted(before + rows)
    is_again = pl.Series([False]).new_from_index(0, rows)
    return is_again.scatter((again[first:last] - before).to_list(), True) if last > first else is_again


def _merged(so_far: Settled, found: Settled) -> Settled:
    """Return what became of the labels in this part and those before."""
    if found.counts is None:
        return so_far
    counts = {name: count + (so_far.counts or {}).get(name, 0) for name, count in found.counts.items()}
    return replace(found, counts=counts, ids=so_far.ids | found.ids)


@dataclass(frozen=True, slots=True)
class _Good:
    """The good rows, in files that are small enough to be held one at a time."""

    paths: list[Path]

    @property
    def rows(self) -> int:
        return int(self.scan().select(pl.len()).collect().item())

    def scan(self) -> pl.LazyFrame:
        return pl.scan_parquet(self.paths, glob=False)

    def digest(self, live: pl.DataFrame) -> Digest:
        """Return the digest of the good rows with the live ones behind them."""
        mine = self.scan().collect_schema()
        schema = pl.Schema({**mine, **{name: kind for name, kind in live.schema.items() if name not in mine}})

        def column(name: str) -> Iterator[pl.Series]:
            for path in self.paths:
                there = pl.read_parquet(path, columns=[name if name in mine else mine.names()[0]]).to_series()
                yield there if name in mine else pl.Series(name, [None], schema[name]).new_from_index(0, len(there))
            if len(live):
                yield live[name] if name in live.columns else pl.Series(name, [None] * len(live), schema[name])

        return parts_digest(schema, self.rows + len(live), column)

    def span(self, project: Project, live: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
        """Return the least and the greatest time."""
        if project.time is None or project.time not in self.scan().collect_schema():
            return None, None
        time = pl.col(project.time)
        ends = self.scan().select(time.min().alias("low"), time.max().alias("high")).collect(engine="streaming")
        times = pl.concat([ends["low"], ends["high"]])
        if project.time in live.columns:
            times = pl.concat([times, live[project.time]])
        return times.min(), times.max()  # type: ignore[return-value]

    def keys(self, project: Project, people: Settled) -> pl.DataFrame:
        """Return the ids that a label names."""
        if project.id is None or not people.is_any or project.id not in self.scan().collect_schema():
            return pl.DataFrame()
        named = pl.col(project.id).cast(pl.String).is_in(people.labels["id"].implode())
        return self.scan().select(project.id).filter(named).collect(engine="streaming")

    def spread(self, most: int) -> pl.DataFrame:
        return spread(map(pl.read_parquet, self.paths), self.rows, most)
