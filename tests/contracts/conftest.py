"""The metadata, over every database that there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import DATABASES, url_of

from kaizenml.adapters.sql import SqlRecords, open_records
from kaizenml.core.ports import Books


@pytest.fixture(params=DATABASES)
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlRecords]:
    opened = open_records(url_of(request, tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def books(records: SqlRecords) -> Iterator[Books]:
    with records.writing() as opened:
        yield opened
