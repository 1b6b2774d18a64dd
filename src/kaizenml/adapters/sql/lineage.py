"""What came of what, as links that are found from either end."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Text, any_, func, insert, literal, select, update
from sqlalchemy import Table as SqlTable

from kaizenml.adapters.sql.codec import decoded
from kaizenml.adapters.sql.tables import ENDPOINTS, LINEAGE, MODELS, RELEASES, ROLLOUTS, RUNS, SNAPSHOTS
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.lineage import Link, Node, Noun, Reach, Way, links_of, reach_of
from kaizenml.core.model import ModelVersion
from kaizenml.core.release import Release
from kaizenml.core.rollout import Rollout
from kaizenml.core.run import Run
from kaizenml.core.snapshot import Snapshot

T = TypeVar("T")
_OF = LINEAGE.c
#: So many names in one statement.
_AT_ONCE = 500
_NOUNS = {str(noun): noun for noun in Noun}
_SOURCES = f"{Noun.SOURCE}:"
_AFTER_SOURCES = f"{Noun.SOURCE};"  # the sign after the colon


class SqlLinks:
    """What came of what.

    ``leads_on`` says of a link how far it reaches: so what leads to an endpoint is found without looking at all that
    does not.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, links: Iterable[Link]) -> None:
        """Write links; those that are there already change nothing."""
        for part in _parts(list(links)):
            self._note(part)

    def missing(self, links: Iterable[Link]) -> list[Link]:
        """Return those of these links that are not there."""
        return [link for part in _parts(list(links)) for link in self._fresh(part).values()]

    def has(self, node: Node) -> bool:
        """Say whether any link begins or ends here."""
        name = str(node)
        return any(
            self._connection.execute(select(1).where(column == name).limit(1)).first() is not None
            for column in (_OF.parent, _OF.child)
        )

    def beyond(self, nodes: Collection[Node], way: Way, reach: Reach, *, limit: int) -> list[Link]:
        """Return the links of a reach from these nodes one step up or down."""
        named = {str(node): node for node in nodes}
        wanted = select(_OF.parent, _OF.relation, _OF.child, _OF.detail).where(*self._where(list(named), way, reach))
        order = (_OF.child, _OF.parent) if way is Way.UP else (_OF.parent, _OF.child)
        rows = self._connection.execute(wanted.order_by(*order).limit(limit)).all()
        ends = {row[0] for row in rows} if way is Way.UP else {row[2] for row in rows}
        named |= {text: _node(text) for text in ends if text not in named}
        return [Link(named[parent], relation, named[child], detail) for parent, relation, child, detail in rows]

    def leads(self, nodes: Collection[Node], reaches: Collection[Reach]) -> bool:
        """Say whether any link down from these nodes has one of these reaches."""
        is_from = self._is_in(_OF.parent, [str(node) for node in nodes])
        found = select(1).where(is_from, _OF.leads_on.in_([int(reach) for reach in reaches])).limit(1)
        return self._connection.execute(found).first() is not None

    def count(self, nodes: Collection[Node], way: Way, reach: Reach) -> int:
        """Return how many such links there are."""
        where = self._where([str(node) for node in nodes], way, reach)
        return self._connection.execute(select(func.count()).select_from(LINEAGE).where(*where)).scalar_one()

    def _where(self, names: list[str], way: Way, reach: Reach) -> list[ColumnElement[bool]]:
        if way is not Way.UP:
            return [self._is_in(_OF.parent, names), _OF.leads_on == int(reach)]
        is_source = (_OF.parent >= _SOURCES) & (_OF.parent < _AFTER_SOURCES)
        return [self._is_in(_OF.child, names), is_source if reach is Reach.NOTHING else ~is_source]

    def _is_in(self, column: Column[str], names: list[str]) -> ColumnElement[bool]:
        """Say that a column holds one of these names, as one parameter however many they are."""
        if self._connection.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import ARRAY  # takes as long to import as all else of SQLAlchemy

            return column == any_(literal(names, ARRAY(Text)))
        return column.in_(select(func.json_each(json.dumps(names)).table_valued("value").c.value))

    def _fresh(self, links: Sequence[Link]) -> dict[tuple[str, str, str], Link]:
        """Return those of these links that are not there, by their keys."""
        children = {str(link.child) for link in links}
        keys = select(_OF.parent, _OF.relation, _OF.child).where(_OF.child.in_(children))
        known = {tuple(row) for row in self._connection.execute(keys)}
        return {key: link for link in links if (key := _key(link)) not in known}

    def _note(self, links: Sequence[Link]) -> None:
        fresh = self._fresh(links)
        if not fresh:
            return
        beyond = self._reached_from({child for _, _, child in fresh})
        reaches = {key: max(reach_of(link.child), beyond.get(key[2], 0)) for key, link in fresh.items()}
        self._connection.execute(
            insert(LINEAGE),
            [
                {"parent": key[0], "relation": key[1], "child": key[2], "detail": link.detail, "leads_on": reaches[key]}
                for key, link in fresh.items()
            ],
        )
        farthest: dict[str, int] = {}
        for (parent, _, _), reach in reaches.items():
            farthest[parent] = max(farthest.get(parent, 0), reach, Reach.ON)
        self._tell_above(farthest)

    def _reached_from(self, names: Collection[str]) -> dict[str, int]:
        """Return how far those of these nodes reach of which something came."""
        found = select(_OF.parent, func.max(_OF.leads_on)).where(_OF.parent.in_(names)).group_by(_OF.parent)
        return {name: max(reach, Reach.ON) for name, reach in self._connection.execute(found)}

    def _tell_above(self, farthest: dict[str, int]) -> None:
        """Let the links that lead to these nodes reach as far as the nodes do, and all links above them."""
        while farthest := {name: reach for name, reach in farthest.items() if not name.startswith(_SOURCES)}:
            above: dict[str, int] = {}
            for reach in sorted(set(farthest.values())):
                for names in _parts([name for name, far in farthest.items() if far == reach]):
                    nearer = update(LINEAGE).where(_OF.child.in_(names), _OF.leads_on < reach).values(leads_on=reach)
                    told = self._connection.execute(nearer.returning(_OF.parent)).scalars()
                    above.update(dict.fromkeys(told, reach))
            farthest = above


def relink(connection: Connection) -> None:
    """Write the links of all that an older version wrote."""
    links = SqlLinks(connection)
    links.note(_all(connection, SNAPSHOTS, Snapshot))
    links.note(_all(connection, RUNS, Run))
    links.note(_all(connection, MODELS, ModelVersion))
    links.note(_all(connection, RELEASES, Release))
    links.note(_all(connection, ENDPOINTS, Endpoint))
    links.note(_all(connection, ROLLOUTS, Rollout))


def _all(
    connection: Connection,
    table: SqlTable,
    kind: type[Snapshot] | type[Run] | type[ModelVersion] | type[Release] | type[Endpoint] | type[Rollout],
) -> Iterator[Link]:
    for body in connection.execute(select(table.c.body)).scalars():
        yield from links_of(decoded(body, kind))


def _key(link: Link) -> tuple[str, str, str]:
    return str(link.parent), link.relation, str(link.child)


def _node(text: str) -> Node:
    noun, _, name = text.partition(":")
    return Node(_NOUNS[noun], name)


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
