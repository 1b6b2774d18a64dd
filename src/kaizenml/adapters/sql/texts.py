"""Every text in the tables, for whoever looks for what is named anywhere."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Text, TypeDecorator, select

from kaizenml.adapters.sql.tables import EVENTS, METADATA

_AT_ONCE = 1_000


def texts(connection: Connection) -> Iterator[str]:
    """Return every text of every record; not those of events, which say what was and need nothing."""
    for table in METADATA.sorted_tables:
        columns = [each for each in table.columns if isinstance(each.type, Text | TypeDecorator)]
        if table is EVENTS or not columns:
            continue
        for row in connection.execution_options(yield_per=_AT_ONCE).execute(select(*columns)):
            yield from (cell for cell in row if cell)
