"""What ran: each run whole, in a line for lists, and as facts by which it is found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from kaizenml.adapters.sql.codec import decoded, encoded, microseconds
from kaizenml.adapters.sql.filter import condition_of, sorting
from kaizenml.adapters.sql.lineage import SqlLinks
from kaizenml.adapters.sql.raw import Raw
from kaizenml.adapters.sql.statements import addition, change, found, listed, missing, put, write
from kaizenml.adapters.sql.tables import RUN_FACTS, RUN_TEXTS, RUNS
from kaizenml.core.lineage import links_of
from kaizenml.core.query import Query, fact_of
from kaizenml.core.run import Run, RunLine, line_of, may_become
from kaizenml.errors import StateError

_NEWEST = (RUNS.c.started_at.desc(), RUNS.c.seq.desc())
_FORGET = Raw("DELETE FROM run_facts WHERE run = :run")


class SqlRuns:
    """What ran."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, run: Run) -> None:
        """Write a run, new or changed. One that has ended may change its name and tags only: `StateError`."""
        known = self.find(run.id)
        if known is not None and not may_become(known, run):
            raise StateError(
                f"Run {run.id} is {known.state}, so it stays as it is.", "Start a new run instead.", {"run": run.id}
            )
        if known == run:
            return
        if known is None:
            write(self._connection, RUNS, id=run.id, **_columns(run), body=encoded(run))
        else:
            change(self._connection, RUNS, {"id": run.id}, **_columns(run), body=encoded(run))
            _FORGET(self._connection, {"run": run.id})
        index(self._connection, [run])
        SqlLinks(self._connection).note(links_of(run))

    def add_all(self, runs: Sequence[Run]) -> None:
        """Write runs that are not there yet, in as many statements as for one."""
        if runs:
            rows = [{"id": run.id, **_columns(run), "body": encoded(run)} for run in runs]
            self._connection.execute(insert(RUNS), rows)
            index(self._connection, runs)
            SqlLinks(self._connection).note(link for run in runs for link in links_of(run))

    def get(self, id_: str) -> Run:
        """Return one run, or raise `NotFoundError` with the close match."""
        run = self.find(id_)
        if run is None:
            raise missing(self._connection, "run", id_, RUNS.c.id)
        return run

    def find(self, id_: str) -> Run | None:
        """Return one run, or None."""
        return found(self._connection, RUNS, Run, id=id_)

    def newest(self, project: str | None = None, *, limit: int = 100) -> list[Run]:
        """Return the newest runs, newest first."""
        where = [RUNS.c.project == project] if project is not None else []
        return listed(self._connection, RUNS, Run, where, _NEWEST, limit)

    def search(self, query: Query, *, limit: int = 100, after: int = 0) -> list[RunLine]:
        """Return the runs that fulfil a query, in its order, without the first ``after`` of them."""
        dialect = self._connection.dialect.name
        table, order = sorting(query.order, dialect)
        where = [] if query.where is None else [condition_of(query.where, dialect)]
        wanted = select(RUNS.c.line).select_from(table).where(*where).order_by(*order, *_NEWEST)
        rows = self._connection.execute(wanted.limit(limit).offset(after)).scalars()
        return [decoded(line, RunLine) for line in rows]

    def names(self) -> Mapping[str, Collection[str]]:
        """Return which ``metrics``, ``params`` and ``tags`` there are, over all runs."""
        found: dict[str, set[str]] = {"metrics": set(), "params": set(), "tags": set()}
        for kind, key in self._connection.execute(select(RUN_FACTS.c.kind, RUN_FACTS.c.key).distinct()):
            found[kind].add(key)
        return found


def reindex(connection: Connection) -> None:
    """Give every run that has no line yet (an older version wrote it) its line, columns and facts."""
    bodies = connection.execute(select(RUNS.c.body).where(RUNS.c.line == "")).scalars().all()
    for body in bodies:
        run = decoded(body, Run)
        put(connection, RUNS, {"id": run.id}, **_columns(run))
        index(connection, [run])


def index(connection: Connection, runs: Iterable[Run]) -> None:
    """Write the facts by which runs are found; there must be none of them yet."""
    rows = [row for run in runs for row in _facts(run)]
    if rows:
        addition(RUN_FACTS, tuple(rows[0]))(connection, rows)


def _columns(run: Run) -> dict[str, Any]:
    line = line_of(run)
    return {
        "project": run.project,
        "state": run.state,
        "started_at": microseconds(run.started_at),
        "finished_at": microseconds(run.finished_at) if run.finished_at else None,
        **{column: str(getattr(line, name)) for column, name in RUN_TEXTS.items()},
        "line": encoded(line),
    }


def _facts(run: Run) -> list[dict[str, object]]:
    sides = {"metrics": run.values(), "params": run.parameters, "tags": run.tags}
    return [
        {"run": run.id, "kind": kind, "key": key, **fact_of(value)._asdict()}
        for kind, values in sides.items()
        for key, value in values.items()
    ]
