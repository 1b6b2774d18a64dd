"""What MLflow's clients told of: documents and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, or_, select

from kaizenml.adapters.sql.filter import condition_of, sorting, text_compared
from kaizenml.adapters.sql.statements import put
from kaizenml.adapters.sql.tables import CLIENT_DOCUMENTS, CLIENT_FILES, RUNS
from kaizenml.core.digest import Digest
from kaizenml.core.mlflow.filter import Comparison, Question, Sorting
from kaizenml.core.mlflow.rows import Document, File, What
from kaizenml.core.query import Compare, Condition, Field, Missing, Not, OneOf, Order

_DOCUMENTS = CLIENT_DOCUMENTS.c
_FIND = select(CLIENT_DOCUMENTS).where(_DOCUMENTS.what == bindparam("what"), _DOCUMENTS.id == bindparam("id"))
_BODIES = CLIENT_DOCUMENTS.alias("bodies")
_KINDS = {"metric": "metrics", "parameter": "params", "tag": "tags"}
#: The attributes of a run as questions know them, and those that are a column of its document.
_ATTRIBUTES = {"run_id": "id", "run_name": "name", "start_time": "started", "end_time": "finished"}
_COLUMNS = {"status": "state", "user_id": "name"}


class SqlClients:
    """What MLflow's clients told of."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, what: What, id_: str) -> Document | None:
        """Return a document, or None."""
        row = self._connection.execute(_FIND, {"what": what, "id": id_}).first()
        return None if row is None else _document(row)

    def put(self, document: Document) -> None:
        """Write a document, new or changed."""
        of = document
        key = {"what": of.what, "id": of.id}
        values = {"scope": of.scope, "name": of.name, "state": of.state, "stage": of.stage, "body": of.body}
        put(self._connection, CLIENT_DOCUMENTS, key, **values)

    def forget(self, what: What, id_: str) -> None:
        """Take a document away."""
        self._connection.execute(delete(CLIENT_DOCUMENTS).where(_DOCUMENTS.what == what, _DOCUMENTS.id == id_))

    def all(
        self, what: What, *, scopes: Sequence[str] | None = None, name: str | None = None, state: str | None = None
    ) -> list[Document]:
        """Return the documents of these scopes (None: all), with this name and state where asked, by id."""
        where = [_DOCUMENTS.what == what]
        where += [] if scopes is None else [_DOCUMENTS.scope.in_(scopes)]
        where += [] if name is None else [_DOCUMENTS.name == name]
        where += [] if state is None else [_DOCUMENTS.state == state]
        return [
            _document(row)
            for row in self._connection.execute(select(CLIENT_DOCUMENTS).where(*where).order_by(_DOCUMENTS.id))
        ]

    def search(
        self, question: Question, *, scopes: Sequence[str], stages: Sequence[str], limit: int, after: int
    ) -> list[str]:
        """Return the bodies of the runs that a question asks for, in its order, without the first ``after``."""
        dialect = self._connection.dialect.name
        table, order = sorting([_order(each) for each in question.order if each.key not in _COLUMNS], dialect)
        joined = table.join(_BODIES, and_(_BODIES.c.what == What.RUN, _BODIES.c.id == RUNS.c.id))
        where: list[ColumnElement[Any]] = [_BODIES.c.scope.in_(scopes), _BODIES.c.stage.in_(stages)]
        where += [_condition(each, dialect) for each in question.comparisons]
        by = [_by_column(each) for each in question.order if each.key in _COLUMNS]
        wanted = select(_BODIES.c.body).select_from(joined).where(*where)
        wanted = wanted.order_by(*by, *order, RUNS.c.started_at.desc(), RUNS.c.id).limit(limit).offset(after)
        return list(self._connection.execute(wanted).scalars())

    def keep_file(self, file: File) -> None:
        """Note that a path has this content, in place of what it had."""
        put(self._connection, CLIENT_FILES, {"path": file.path}, digest=file.digest, size_bytes=file.size_bytes)

    def find_file(self, path: str) -> File | None:
        """Return the file of a path, or None."""
        row = self._connection.execute(select(CLIENT_FILES).where(CLIENT_FILES.c.path == path)).first()
        return None if row is None else _file(row)

    def files(self, folder: str) -> list[File]:
        """Return the files below a folder (empty: all), by path."""
        where = [_below(folder)] if folder else []
        rows = self._connection.execute(select(CLIENT_FILES).where(*where).order_by(CLIENT_FILES.c.path))
        return [_file(row) for row in rows]

    def drop_files(self, path: str) -> int:
        """Forget the file of a path, or every file below it; return how many."""
        where = or_(CLIENT_FILES.c.path == path, _below(path))
        return self._connection.execute(delete(CLIENT_FILES).where(where)).rowcount


def _below(folder: str) -> ColumnElement[bool]:
    """Return what holds for paths that begin with the folder and a slash; ``0`` follows the slash in every code."""
    return and_(CLIENT_FILES.c.path > f"{folder}/", CLIENT_FILES.c.path < f"{folder}0")


def _condition(asked: Comparison, dialect: str) -> ColumnElement[Any]:
    column = _BODIES.c[_COLUMNS[asked.key]] if asked.kind == "attribute" and asked.key in _COLUMNS else None
    if column is not None:
        return text_compared(column, asked.sign.lower(), str(asked.value), dialect)
    return condition_of(_as_condition(asked), dialect)


def _as_condition(asked: Comparison) -> Condition:
    field = _field(asked.kind, asked.key)
    match asked.sign:
        case "IS NULL":
            return Missing(field)
        case "IS NOT NULL":
            return Not(Missing(field))
        case "IN":
            return OneOf(field, tuple(asked.value))  # type: ignore[arg-type]
        case "NOT IN":
            return Not(OneOf(field, tuple(asked.value)))  # type: ignore[arg-type]
        case sign:
            value = asked.value
            if field.key in ("started", "finished") and field.kind == "run":
                value = float(value) * 1000  # type: ignore[arg-type]  # milliseconds there, microseconds here
            return Compare(field, sign.lower(), value)  # type: ignore[arg-type]


def _field(kind: str, key: str) -> Field:
    return Field("run", _ATTRIBUTES[key]) if kind == "attribute" else Field(_KINDS[kind], key)


def _order(asked: Sorting) -> Order:
    return Order(_field(asked.kind, asked.key), not asked.is_ascending, is_text=asked.kind in ("parameter", "tag"))


def _by_column(asked: Sorting) -> ColumnElement[Any]:
    column = _BODIES.c[_COLUMNS[asked.key]]
    return column.asc() if asked.is_ascending else column.desc()


def _document(row: Any) -> Document:
    return Document(What(row.what), row.id, row.body, row.scope, row.name, row.state, row.stage)


def _file(row: Any) -> File:
    return File(row.path, Digest(row.digest), row.size_bytes)
