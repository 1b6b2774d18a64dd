"""The registry of models."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarResult,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    not_,
    select,
    update,
)

from kaizenml.adapters.sql.codec import decoded, encoded, microseconds
from kaizenml.adapters.sql.filter import bytewise, number_compared, text_compared
from kaizenml.adapters.sql.lineage import SqlLinks
from kaizenml.adapters.sql.raw import Raw
from kaizenml.adapters.sql.statements import put
from kaizenml.adapters.sql.tables import (
    ENDPOINTS,
    MODELS,
    REGISTERED_MODELS,
    REGISTERED_TAGS,
    REGISTERED_VERSIONS,
    RELEASES,
)
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.lineage import Link, Noun, links_of, node
from kaizenml.core.mlflow.filter import Comparison, Question, Sorting
from kaizenml.core.model import ModelVersion
from kaizenml.core.registered import CHAMPION, RegisteredModel, RegisteredVersion, changed, entry, pointed
from kaizenml.core.release import Release
from kaizenml.errors import ConflictError

#: Clients tell prompts from models by this tag: prompts are found only by who asks for them.
PROMPT = "mlflow.prompt.is_prompt"
_MODEL, _VERSION, _TAG = REGISTERED_MODELS.c, REGISTERED_VERSIONS.c, REGISTERED_TAGS.c
_FIND = Raw("SELECT body FROM registered_models WHERE name = :name")
_LARGEST = 2**53
_FIND_VERSION = Raw("SELECT body FROM registered_versions WHERE model = :model AND number = :number")
_TAGS = Raw("SELECT key, value FROM registered_tags WHERE model = :model AND number = :number")
_OF_PROMPTS = (("=", "true"), ("!=", "false"))
_NUMBER = _VERSION.number
_AT_ONCE = 500
T = TypeVar("T")


class SqlRegistry:
    """Models and versions; models change by compare-and-set on their generation only."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, name: str) -> RegisteredModel | None:
        """Return the model of a name, deleted or not, or None."""
        body = _FIND.value(self._connection, {"name": name})
        return None if body is None else decoded(body, RegisteredModel)

    def save(self, model: RegisteredModel, *, seen: int) -> None:
        """Write a model (``seen`` 0: a new one); `ConflictError` unless its stored generation is the one seen."""
        values = {"generation": model.generation, "is_deleted": int(model.is_deleted), "body": encoded(model),
                  "project": model.project, "changed_at": microseconds(model.changed_at)}  # fmt: skip
        if seen == 0 and self.find(model.name) is None:
            self._connection.execute(insert(REGISTERED_MODELS).values(name=model.name, **values))
        else:
            same = (_MODEL.name == model.name, _MODEL.generation == seen)
            if not self._connection.execute(update(REGISTERED_MODELS).where(*same).values(**values)).rowcount:
                raise ConflictError(
                    f"Model {model.name} is not as it was when this was decided: somebody changed it.",
                    "Look at it again and decide anew.",
                    {"model": model.name},
                )
        self._tag(model.name, 0, {} if model.is_deleted else model.tags)

    def find_version(self, model: str, number: int) -> RegisteredVersion | None:
        """Return a version, deleted or not, or None."""
        if not 0 < number <= _LARGEST:  # which no column could hold
            return None
        body = _FIND_VERSION.value(self._connection, {"model": model, "number": number})
        return None if body is None else decoded(body, RegisteredVersion)

    def save_version(self, version: RegisteredVersion) -> None:
        """Write a version, new or changed."""
        of = version
        put(
            self._connection, REGISTERED_VERSIONS, {"model": of.model, "number": of.number}, stage=of.stage,
            project=of.project, run=of.run, source=of.source, location=of.location, is_deleted=int(of.is_deleted),
            created_at=microseconds(of.created_at), changed_at=microseconds(of.changed_at), body=encoded(of),
        )  # fmt: skip
        self._tag(of.model, of.number, of.tags)
        SqlLinks(self._connection).note(links_of(of))

    def rename(self, name: str, to: str, at: datetime) -> None:
        """Give a model and all its versions another name, in place of a deleted one that had it."""
        for table, column in ((REGISTERED_MODELS, _MODEL.name), (REGISTERED_VERSIONS, _VERSION.model),
                              (REGISTERED_TAGS, _TAG.model)):  # fmt: skip
            self._connection.execute(delete(table).where(column == to))
            self._connection.execute(update(table).where(column == name).values({column.name: to}))
        model = self.find(to)
        if model is not None:
            self.save(changed(model, at, name=to), seen=model.generation)
        wanted = select(_VERSION.body).where(_VERSION.model == to).order_by(_VERSION.number)
        for body in self._connection.execute(wanted).scalars().all():
            before = decoded(body, RegisteredVersion)
            after = replace(before, model=to, changed_at=at)
            self.save_version(after)
            ends = (node(Noun.MODEL, before.name), node(Noun.MODEL, after.name))
            SqlLinks(self._connection).note([Link(ends[0], "was renamed to", ends[1])])

    def latest(self, models: Collection[str]) -> list[RegisteredVersion]:
        """Return the newest version in each stage of each of these models."""
        found: list[RegisteredVersion] = []
        for part in _parts(list(models)):
            here = (_VERSION.model.in_(part), _VERSION.is_deleted == 0)
            newest = (
                select(
                    _VERSION.model, func.max(_VERSION.number).label("number"), func.min(_VERSION.number).label("least")
                )
                .where(*here)
                .group_by(_VERSION.model, _VERSION.stage)
                .subquery()
            )
            same = and_(_VERSION.model == newest.c.model, _VERSION.number == newest.c.number)
            rows = select(_VERSION.body).join(newest, same).order_by(_VERSION.model, newest.c.least)
            found += [decoded(body, RegisteredVersion) for body in self._connection.execute(rows).scalars()]
        return found

    def models(self, question: Question, *, limit: int, after: int = 0) -> list[RegisteredModel]:
        """Return the models that a question asks for, in its order and then by name."""
        order = {"name": self._bytewise(_MODEL.name), "last_updated_timestamp": _MODEL.changed_at}
        columns = {"name": _MODEL.name, "project": _MODEL.project}
        of = _Searched(_MODEL.name, _TAG.number == 0, _TAG.number == 0, columns, order)
        rows = select(_MODEL.body).where(_MODEL.is_deleted == 0).limit(limit).offset(after)
        return [decoded(body, RegisteredModel) for body in self._asked(rows, of, question, [])]

    def versions(self, question: Question, *, limit: int, after: int = 0) -> list[RegisteredVersion]:
        """Return the versions that a question asks for, in its order, then by name and the newest number."""
        of = _Searched(
            _VERSION.model, _TAG.number == _VERSION.number, _TAG.number > 0,
            {"name": _VERSION.model, "version_number": _VERSION.number, "run_id": _VERSION.run,
             "source_path": _VERSION.source, "stage": _VERSION.stage,
             "project": _VERSION.project},
            {"name": self._bytewise(_VERSION.model), "version_number": _VERSION.number,
             "creation_timestamp": _VERSION.created_at, "last_updated_timestamp": _VERSION.changed_at},
        )  # fmt: skip
        rows = select(_VERSION.body).where(_VERSION.is_deleted == 0).limit(limit).offset(after)
        return [decoded(body, RegisteredVersion) for body in self._asked(rows, of, question, [_VERSION.number.desc()])]

    def _asked(
        self, rows: Select[Any], of: _Searched, question: Question, then: Sequence[ColumnElement[Any]]
    ) -> ScalarResult[str]:
        wanted = rows.where(*_conditions(question.comparisons, of, self._connection.dialect.name))
        order = [_turned(of.order[each.key], each) for each in question.order]
        return self._connection.execute(wanted.order_by(*order, of.order["name"], *then)).scalars()

    def _bytewise(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return bytewise(column, self._connection.dialect.name)

    def _tag(self, model: str, number: int, tags: Mapping[str, str]) -> None:
        """Let what is found by its tags be found by these."""
        known = {row.key: row.value for row in _TAGS.rows(self._connection, {"model": model, "number": number})}
        here = (_TAG.model == model, _TAG.number == number)
        gone = [key for key, value in known.items() if tags.get(key) != value]
        for part in _parts(gone):
            self._connection.execute(delete(REGISTERED_TAGS).where(*here, _TAG.key.in_(part)))
        fresh = [
            {"model": model, "number": number, "key": key, "value": value}
            for key, value in tags.items() if known.get(key) != value
        ]  # fmt: skip
        if fresh:
            self._connection.execute(insert(REGISTERED_TAGS), fresh)


def enter(connection: Connection, version: ModelVersion) -> None:
    """Enter what a project has trained under its own number; the first one makes the model."""
    registry, made = SqlRegistry(connection), entry(version)
    before, at = registry.find(version.model), made.created_at
    model = before or RegisteredModel(made.model, made.project, made.author, at, at, generation=0)
    if model.is_deleted:
        model = replace(model, tags={}, aliases={}, description="", created_at=at, is_deleted=False)
    last = max(model.last_number, made.number)
    registry.save(changed(model, at, last_number=last, project=made.project), seen=before.generation if before else 0)
    registry.save_version(made)


def enlist(connection: Connection) -> None:
    """Enter what projects have trained before there was a registry, and which of it serves."""
    for version in sorted(_all(connection, MODELS, ModelVersion), key=lambda each: (each.model, each.number)):
        enter(connection, version)
    registry, releases = SqlRegistry(connection), {each.name: each for each in _all(connection, RELEASES, Release)}
    for endpoint in _all(connection, ENDPOINTS, Endpoint):
        release = releases.get(endpoint.champion)
        name, _, number = release.model_version.rpartition(":") if release else ("", "", "")
        model = registry.find(name)
        if model is not None:
            registry.save(pointed(model, CHAMPION, int(number)), seen=model.generation)


def _all(connection: Connection, table: Table, kind: type[T]) -> list[T]:
    return [decoded(body, kind) for body in connection.execute(select(table.c.body)).scalars()]


class _Searched(NamedTuple):
    """What a search is of: its name, which tags are its own and which of any of its kind, what is asked and sorted."""

    name: ColumnElement[Any]
    own_tags: ColumnElement[bool]
    all_tags: ColumnElement[bool]
    columns: Mapping[str, ColumnElement[Any]]
    order: Mapping[str, ColumnElement[Any]]


def _conditions(asked: Sequence[Comparison], of: _Searched, dialect: str) -> list[ColumnElement[bool]]:
    """Return the conditions of a search; without a word about prompts, none is among what is found."""
    about_prompts = [each for each in asked if (each.kind, each.key) == ("tag", PROMPT)]
    wants_prompts = bool(about_prompts) and (about_prompts[0].sign, str(about_prompts[0].value).lower()) in _OF_PROMPTS
    rest = asked if wants_prompts else [each for each in asked if each not in about_prompts]
    found = [_compared(of.columns[each.key], each, dialect) for each in rest if each.kind == "attribute"]
    tags = [each for each in rest if each.kind == "tag"]
    for key in dict.fromkeys(each.key for each in tags):
        holds = [_compared(_TAG.value, each, dialect) for each in tags if each.key == key]
        found.append(exists().where(_TAG.model == of.name, of.own_tags, _TAG.key == key, *holds))
    if not wants_prompts:
        is_prompt = (_TAG.model == of.name, of.all_tags, _TAG.key == PROMPT, _TAG.value == "true")
        found.append(not_(exists().where(*is_prompt)))
    return found


def _compared(column: ColumnElement[Any], asked: Comparison, dialect: str) -> ColumnElement[bool]:
    if isinstance(asked.value, tuple):
        found = column.in_(asked.value)
        return found if asked.sign == "IN" else not_(found)
    if isinstance(asked.value, str):
        return text_compared(column, asked.sign.lower(), asked.value, dialect)
    return number_compared(column, asked.sign, asked.value or 0)


def _turned(column: ColumnElement[Any], by: Sorting) -> ColumnElement[Any]:
    return column.asc() if by.is_ascending else column.desc()


def _parts(items: list[str]) -> Iterable[list[str]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
