"""What came of what, in every database."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from databases import DATABASES, url_of
from record_samples import endpoint, model, release, rollout, run, snapshot

from kaizenml.adapters.sql import open_records
from kaizenml.adapters.sql.lineage import relink
from kaizenml.adapters.sql.records import SqlRecords
from kaizenml.adapters.sql.tables import LINEAGE
from kaizenml.core.lineage import LONGEST_NAME, Graph, Link, Node, Noun, Way, node, walk
from kaizenml.errors import NotFoundError, UsageError
from kaizenml.loop.tracing import traced


@pytest.fixture(params=DATABASES)
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlRecords]:
    opened = open_records(url_of(request, tmp_path))
    yield opened
    opened.close()


def filled(records: SqlRecords, *, others: int = 5) -> None:
    """A snapshot, a run of it that made a model, its release, where it serves; and runs that came to nothing."""
    with records.writing() as books:
        books.snapshots.add(snapshot())
        for number in range(1, others + 2):
            books.runs.save(replace(run(number), snapshot="flights@1"))
        books.models.add(model(1))
        books.releases.add(release(1))
        books.releases.add(replace(release(2), model_version="", run="run-2"))
        books.endpoints.save(endpoint(1), seen=0)
        books.endpoints.save_rollout(rollout(1))


def asked(records: SqlRecords, text: str, way: Way = Way.BOTH, **more: int) -> Graph:
    with records.reading() as books:
        return traced(books, text, way, **more)


def test_a_bad_snapshot_leads_to_every_run_model_release_and_endpoint(records: SqlRecords) -> None:
    filled(records)
    graph = asked(records, "snapshot:flights@1", Way.DOWN)
    assert sorted(graph.of(Noun.RUN)) == [f"run-{number}" for number in range(1, 7)]
    assert graph.of(Noun.MODEL) == ["flights:1"]
    assert sorted(graph.of(Noun.RELEASE)) == ["flights/1", "flights/2"]
    assert graph.of(Noun.ENDPOINT) == ["flights"]
    assert graph.left_off == 0


def test_a_release_leads_back_to_the_sources_of_its_data(records: SqlRecords) -> None:
    filled(records)
    graph = asked(records, "release:flights/1", Way.UP)
    assert graph.of(Noun.MODEL) + graph.of(Noun.RUN) + graph.of(Noun.SNAPSHOT) == ["flights:1", "run-1", "flights@1"]
    loaded = [*(file.path for file in snapshot().files), *snapshot().pins]
    assert sorted(graph.of(Noun.SOURCE)) == sorted(f"flights/{each}" for each in loaded)


def test_of_too_many_runs_those_that_made_something_are_shown_first(records: SqlRecords) -> None:
    filled(records, others=60)
    graph = asked(records, "snapshot:flights@1", Way.DOWN, limit=12)
    assert graph.of(Noun.ENDPOINT) == ["flights"]
    assert {"run-1", "run-2"} <= set(graph.of(Noun.RUN))
    assert len(graph.links) == 12
    assert graph.left_off == 61 + 1 + 2 + 2 - 12


def test_what_is_written_twice_is_one_link(records: SqlRecords) -> None:
    filled(records)
    before = asked(records, "snapshot:flights@1")
    with records.writing() as books:
        books.runs.save(replace(run(1), snapshot="flights@1", name="again"))
    assert asked(records, "snapshot:flights@1") == before


def test_links_of_what_an_older_version_wrote_are_found_again(records: SqlRecords) -> None:
    filled(records)
    before = asked(records, "snapshot:flights@1").facts
    with records.exclusively() as connection:
        connection.execute(LINEAGE.delete())
        relink(connection)
    after = asked(records, "snapshot:flights@1").facts
    assert after["nodes"] == before["nodes"]
    assert sorted(map(str, after["links"])) == sorted(map(str, before["links"]))  # type: ignore[call-overload]


def test_a_thing_is_called_by_its_name_where_only_one_has_it(records: SqlRecords) -> None:
    filled(records)
    assert asked(records, "flights/1").start == Node(Noun.RELEASE, "flights/1")
    assert asked(records, "flights@1").start == Node(Noun.SNAPSHOT, "flights@1")
    assert asked(records, "run:run-3").start == asked(records, "run-3").start == Node(Noun.RUN, "run-3")
    assert asked(records, "flights").start == Node(Noun.ENDPOINT, "flights")


@pytest.mark.parametrize("text", ["release:flights/9", "flights/99", "run:", ":", "x" * 600, "'; DROP TABLE lineage"])
def test_what_has_no_lineage_is_not_found(records: SqlRecords, text: str) -> None:
    filled(records)
    with pytest.raises(NotFoundError):
        asked(records, text)


def test_a_name_of_two_things_must_be_told_apart(records: SqlRecords) -> None:
    filled(records)
    with records.writing() as books:
        books.lineage.note([Link(Node(Noun.RELEASE, "flights/1"), "served at", Node(Noun.ENDPOINT, "run-3"))])
    with pytest.raises(UsageError, match="2 things") as told:
        asked(records, "run-3")
    assert "run:run-3 or endpoint:run-3" in told.value.hint


@pytest.mark.parametrize("seed", range(5))
def test_a_walk_reaches_just_what_a_plain_search_reaches(records: SqlRecords, seed: int) -> None:
    rng = random.Random(seed)
    names = [node(Noun.RUN, f"n{number}") for number in range(30)]
    pairs = {tuple(sorted(rng.sample(range(30), 2))) for _ in range(45)}
    with records.writing() as books:
        for above, below in rng.sample(sorted(pairs), len(pairs)):
            books.lineage.note([Link(names[above], "made", names[below])])
    for start in range(30):
        reached, frontier = {start}, [start]
        while frontier:
            at = frontier.pop()
            fresh = {below for above, below in pairs if above == at} - reached
            reached |= fresh
            frontier += fresh
        with records.reading() as books:
            found = walk(books.lineage, names[start], Way.DOWN)
        assert {place.node for place in found.places} == {names[each] for each in reached}


def test_a_name_that_no_index_holds_is_cut_and_stays_one_of_its_own() -> None:
    first, second = node(Noun.SOURCE, "é" * 5000 + "1"), node(Noun.SOURCE, "é" * 5000 + "2")
    assert first != second
    assert len(first.name.encode()) <= LONGEST_NAME
