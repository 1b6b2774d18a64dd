"""All metadata from one database to another: at once, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from databases import url_of
from record_samples import draft, endpoint, job, model, release, run, snapshot

from kaizenml.adapters.sql import SqlRecords, open_records
from kaizenml.adapters.sql.copying import copy
from kaizenml.adapters.sql.tables import METADATA
from kaizenml.errors import StateError


@pytest.fixture
def source(tmp_path: Path) -> Iterator[SqlRecords]:
    records = open_records(f"sqlite:///{tmp_path}/source.db")
    with records.writing() as books:
        books.snapshots.add(snapshot())
        for number in range(4):
            books.runs.save(run(number))
            books.jobs.enqueue(job(number))
            books.events.append(draft(number), run().started_at)
        books.models.add(model(1))
        books.releases.add(release(1))
        books.endpoints.save(endpoint(1), seen=0)
    yield records
    records.close()


@pytest.fixture(params=["file", "postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of(request, tmp_path)


def quiet(name: str, rows: int) -> None:
    pass


def test_a_copy_that_is_ended_leaves_nothing_and_is_called_again(source: SqlRecords, target: str) -> None:
    names = [table.name for table in METADATA.sorted_tables]

    for ended in names[::6]:

        def told(name: str, rows: int, ended: str = ended) -> None:
            if name == ended:
                raise SystemExit(9)

        with closing(open_records(target)) as records, pytest.raises(SystemExit):
            copy(source, records, told)

    with closing(open_records(target)) as records:
        found = copy(source, records, quiet)
    assert list(found) == names
    assert found["runs"].rows == found["events"].rows == 4


def test_of_two_copies_at_once_one_is_made_and_the_other_is_told_so(source: SqlRecords, target: str) -> None:
    ends: list[str] = []

    def once() -> None:
        with closing(open_records(target)) as records:
            try:
                copy(source, records, quiet)
                ends.append("made")
            except StateError as error:
                ends.append(error.message)

    threads = [threading.Thread(target=once) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(end.partition(":")[0] for end in ends) == ["The database is not empty", "made"]
    with closing(open_records(target)) as records, records.reading() as books:
        assert len(books.runs.newest()) == 4
