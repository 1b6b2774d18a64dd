"""What came of what, as links that are found from either end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, func, insert, select, update
from sqlalchemy import Table as SqlTable

from kaizenml.adapters.sql.codec import decoded
from kaizenml.adapters.sql.tables import ENDPOINTS, LINEAGE, MODELS, RELEASES, ROLLOUTS, RUNS, SNAPSHOTS
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.lineage import Link, Node, Noun, Way, links_of
from kaizenml.core.model import ModelVersion
from kaizenml.core.release import Release
from kaizenml.core.rollout import Rollout
from kaizenml.core.run import Run
from kaizenml.core.snapshot import Snapshot

T = TypeVar("T")
_OF = LINEAGE.c
#: So many names in one statement.
_AT_ONCE = 500
_SOURCES = f"{Noun.SOURCE}:"
_AFTER_SOURCES = f"{Noun.SOURCE};"  # the sign after the colon


class SqlLinks:
    """What came of what.

    ``leads_on`` says of a link whether anything came of its child: so what leads further is found without looking at
    all that does not.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, links: Iterable[Link]) -> None:
        """Write links; those that are there already change nothing."""
        for part in _parts(list(links)):
            self._note(part)

    def has(self, node: Node) -> bool:
        """Say whether any link begins or ends here."""
        name = str(node)
        return any(
            self._connection.execute(select(1).where(column == name).limit(1)).first() is not None
            for column in (_OF.parent, _OF.child)
        )

    def beyond(self, nodes: Collection[Node], way: Way, *, leads_on: bool, limit: int) -> list[Link]:
        """Return the links from these nodes one step up or down, to what leads further or to what does not."""
        found: list[Link] = []
        for part in _parts(list(nodes)):
            wanted = select(_OF.parent, _OF.relation, _OF.child, _OF.detail).where(*_where(part, way, leads_on))
            order = (_OF.child, _OF.parent) if way is Way.UP else (_OF.parent, _OF.child)
            rows = self._connection.execute(wanted.order_by(*order).limit(limit - len(found)))
            found += [Link(_node(row.parent), row.relation, _node(row.child), row.detail) for row in rows]
        return found

    def count(self, nodes: Collection[Node], way: Way, *, leads_on: bool) -> int:
        """Return how many such links there are."""
        counts = (select(func.count()).select_from(LINEAGE).where(*_where(part, way, leads_on))
                  for part in _parts(list(nodes)))  # fmt: skip
        return sum(self._connection.execute(each).scalar_one() for each in counts)

    def _note(self, links: Sequence[Link]) -> None:
        children = {str(link.child) for link in links}
        keys = select(_OF.parent, _OF.relation, _OF.child).where(_OF.child.in_(children))
        known = {tuple(row) for row in self._connection.execute(keys)}
        fresh = {key: link.detail for link in links if (key := _key(link)) not in known}
        if not fresh:
            return
        parents = {parent for parent, _, _ in fresh}
        begun = select(_OF.parent).distinct().where(_OF.parent.in_({child for _, _, child in fresh}))
        leading = parents | set(self._connection.execute(begun).scalars())
        self._connection.execute(
            insert(LINEAGE),
            [
                {
                    "parent": parent,
                    "relation": relation,
                    "child": child,
                    "detail": detail,
                    "leads_on": int(child in leading),
                }
                for (parent, relation, child), detail in fresh.items()
            ],
        )
        led = (_OF.child.in_(parents), _OF.leads_on == 0)
        self._connection.execute(update(LINEAGE).where(*led).values(leads_on=1))


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


def _where(nodes: Sequence[Node], way: Way, leads_on: bool) -> list[ColumnElement[bool]]:
    names = [str(node) for node in nodes]
    if way is not Way.UP:
        return [_OF.parent.in_(names), _OF.leads_on == int(leads_on)]
    is_source = (_OF.parent >= _SOURCES) & (_OF.parent < _AFTER_SOURCES)
    return [_OF.child.in_(names), ~is_source if leads_on else is_source]


def _key(link: Link) -> tuple[str, str, str]:
    return str(link.parent), link.relation, str(link.child)


def _node(text: str) -> Node:
    noun, _, name = text.partition(":")
    return Node(Noun(noun), name)


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
