"""What MLflow's clients told of: documents and files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, and_, bindparam, delete, exists, not_, or_, select

from kaizenml.adapters.sql.filter import bytewise, number_compared, text_compared
from kaizenml.adapters.sql.raw import Raw
from kaizenml.adapters.sql.tables import CLIENT_DOCUMENTS, CLIENT_FILES, RUN_FACTS
from kaizenml.core.digest import Digest
from kaizenml.core.mlflow.filter import Comparison, Question, Sorting
from kaizenml.core.mlflow.rows import Document, File, What

_DOCUMENTS = CLIENT_DOCUMENTS.c
_KEYS = ("scope", "name", "state", "stage", "body", "began_at", "ended_at")
_FIND = Raw(f"SELECT what, id, {', '.join(_KEYS)} FROM client_documents WHERE what = :what AND id = :id")
_PUT = Raw(
    f"INSERT INTO client_documents (what, id, {', '.join(_KEYS)}) "
    f"VALUES (:what, :id, {', '.join(f':{key}' for key in _KEYS)}) "
    f"ON CONFLICT (what, id) DO UPDATE SET {', '.join(f'{key} = excluded.{key}' for key in _KEYS)}"
)
_FIND_FILE = Raw("SELECT path, digest, size_bytes FROM client_files WHERE path = :path")
_PUT_FILE = Raw(
    "INSERT INTO client_files (path, digest, size_bytes) VALUES (:path, :digest, :size_bytes) "
    "ON CONFLICT (path) DO UPDATE SET digest = excluded.digest, size_bytes = excluded.size_bytes"
)
#: So many ids in one statement.
_AT_ONCE = 500
_NEWEST = (_DOCUMENTS.began_at.desc(), _DOCUMENTS.id)
#: The runs of an experiment, newest first, which is what is asked for most.
_PLAIN = (
    select(_DOCUMENTS.body)
    .where(
        _DOCUMENTS.what == What.RUN,
        _DOCUMENTS.scope.in_(bindparam("scopes", expanding=True)),
        _DOCUMENTS.stage.in_(bindparam("stages", expanding=True)),
    )
    .order_by(*_NEWEST)
    .limit(bindparam("most"))
    .offset(bindparam("after"))
)
_BODIES = select(_DOCUMENTS.id, _DOCUMENTS.body).where(
    _DOCUMENTS.what == What.RUN, _DOCUMENTS.id.in_(bindparam("ids", expanding=True))
)
_KINDS = {"metric": "metrics", "parameter": "params", "tag": "tags"}
#: The attributes that are a column of a run's document; a run's name is a tag.
_COLUMNS = {
    "run_id": _DOCUMENTS.id, "user_id": _DOCUMENTS.name, "status": _DOCUMENTS.state,
    "start_time": _DOCUMENTS.began_at, "end_time": _DOCUMENTS.ended_at,
}  # fmt: skip
_NAME = ("tag", "mlflow.runName")


class SqlClients:
    """What MLflow's clients told of."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, what: What, id_: str) -> Document | None:
        """Return a document, or None."""
        rows = _FIND.rows(self._connection, {"what": str(what), "id": id_})
        return _document(rows[0]) if rows else None

    def find_all(self, what: What, ids: Collection[str]) -> dict[str, Document]:
        """Return the documents of these ids that are there, by id."""
        found: dict[str, Document] = {}
        listed = list(ids)
        for start in range(0, len(listed), _AT_ONCE):
            where = (_DOCUMENTS.what == what, _DOCUMENTS.id.in_(listed[start : start + _AT_ONCE]))
            rows = self._connection.execute(select(CLIENT_DOCUMENTS).where(*where))
            found |= {row.id: _document(row) for row in rows}
        return found

    def put(self, document: Document) -> None:
        """Write a document, new or changed."""
        _PUT(self._connection, _row(document))

    def put_all(self, documents: Sequence[Document]) -> None:
        """Write documents, new or changed."""
        if documents:
            _PUT(self._connection, [_row(each) for each in documents])

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
        rows = self._connection.execute(select(CLIENT_DOCUMENTS).where(*where).order_by(_DOCUMENTS.id))
        return [_document(row) for row in rows]

    def search(
        self, question: Question, *, scopes: Sequence[str], stages: Sequence[str], limit: int, after: int
    ) -> list[str]:
        """Return the bodies of the runs that a question asks for, in its order, without the first ``after``."""
        page = {"scopes": list(scopes), "stages": list(stages), "most": limit, "after": after}
        if question == Question():
            return list(self._connection.execute(_PLAIN, page).scalars())
        dialect = self._connection.dialect.name
        table, order = _sorting(question.order, dialect)
        where = [_condition(each, dialect) for each in question.comparisons]
        # Ids first: what is sorted should be small.
        ids = _PLAIN.with_only_columns(_DOCUMENTS.id).select_from(table).where(*where).order_by(None)
        found = list(self._connection.execute(ids.order_by(*order, *_NEWEST), page).scalars())
        bodies: dict[str, str] = {}
        for start in range(0, len(found), _AT_ONCE):
            rows = self._connection.execute(_BODIES, {"ids": found[start : start + _AT_ONCE]})
            bodies |= {row.id: row.body for row in rows}
        return [bodies[id_] for id_ in found]

    def keep_file(self, file: File) -> None:
        """Note that a path has this content, in place of what it had."""
        of = file
        _PUT_FILE(self._connection, {"path": of.path, "digest": of.digest, "size_bytes": of.size_bytes})

    def find_file(self, path: str) -> File | None:
        """Return the file of a path, or None."""
        rows = _FIND_FILE.rows(self._connection, {"path": path})
        return _file(rows[0]) if rows else None

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
    if asked.kind == "attribute" and asked.key in _COLUMNS:
        return _compared(_COLUMNS[asked.key], _COLUMNS[asked.key], asked, dialect)
    kind, key = _NAME if asked.kind == "attribute" else (asked.kind, asked.key)
    named = exists().where(RUN_FACTS.c.run == _DOCUMENTS.id, RUN_FACTS.c.kind == _KINDS[kind], RUN_FACTS.c.key == key)
    if asked.sign in ("IS NULL", "IS NOT NULL"):
        return named if asked.sign == "IS NOT NULL" else not_(named)
    return named.where(_compared(RUN_FACTS.c.text, RUN_FACTS.c.number, asked, dialect))


def _compared(
    letters: ColumnElement[Any], number: ColumnElement[Any], asked: Comparison, dialect: str
) -> ColumnElement[Any]:
    if isinstance(asked.value, tuple):
        found = letters.in_(asked.value)
        return found if asked.sign == "IN" else not_(found)
    if isinstance(asked.value, str):
        return text_compared(letters, asked.sign.lower(), asked.value, dialect)
    if asked.kind == "attribute":  # a run that has not ended has no end to compare
        return and_(number.is_not(None), number_compared(number, asked.sign, asked.value or 0))
    return number_compared(number, asked.sign, asked.value or 0)


def _sorting(order: Sequence[Sorting], dialect: str) -> tuple[FromClause, list[ColumnElement[Any]]]:
    """Return the documents, joined with what they are sorted by, and the order: what is not there comes last."""
    table: FromClause = CLIENT_DOCUMENTS
    columns: list[ColumnElement[Any]] = []
    for index, each in enumerate(order):
        if each.kind == "attribute" and each.key in _COLUMNS:
            column: ColumnElement[Any] = _COLUMNS[each.key]
            columns += [column.is_(None), column.asc() if each.is_ascending else column.desc()]
            continue
        kind, key = _NAME if each.kind == "attribute" else (each.kind, each.key)
        facts = RUN_FACTS.alias(f"order_{index}")
        of_it = (facts.c.run == _DOCUMENTS.id, facts.c.kind == _KINDS[kind], facts.c.key == key)
        table = table.outerjoin(facts, and_(*of_it))
        column = facts.c.number if kind == "metric" else bytewise(facts.c.text, dialect)
        is_nan = [facts.c.number.is_(None)] if kind == "metric" else []
        columns += [facts.c.run.is_(None), *is_nan, column.asc() if each.is_ascending else column.desc()]
    return table, columns


def _row(of: Document) -> dict[str, object]:
    return {"what": str(of.what), "id": of.id, **{key: getattr(of, key) for key in _KEYS}}


def _document(row: Any) -> Document:
    of = row
    return Document(What(of.what), of.id, of.body, of.scope, of.name, of.state, of.stage, of.began_at, of.ended_at)


def _file(row: Any) -> File:
    return File(row.path, Digest(row.digest), row.size_bytes)
