"""What came of what, in every database."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from record_samples import declaration, endpoint, model, release, rollout, run, snapshot

from kaizenml.adapters.sql import open_records
from kaizenml.adapters.sql.lineage import relink
from kaizenml.adapters.sql.records import SqlRecords
from kaizenml.adapters.sql.tables import LINEAGE
from kaizenml.core.lineage import LONGEST_NAME, Link, Node, Noun, Reach, Way, node
from kaizenml.core.walk import FEWEST_LOOKED_AT, Graph, walk
from kaizenml.errors import NotFoundError, UsageError
from kaizenml.loop.node_names import found_node
from kaizenml.loop.tracing import facts_of, graph


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
        return graph(books.lineage, found_node(books, text), way, **more)


def test_a_bad_snapshot_leads_to_every_run_model_release_and_endpoint(records: SqlRecords) -> None:
    filled(records)
    found = asked(records, "snapshot:flights@1", Way.DOWN)
    assert sorted(found.of(Noun.RUN)) == [f"run-{number}" for number in range(1, 7)]
    assert found.of(Noun.MODEL) == ["flights:1"]
    assert sorted(found.of(Noun.RELEASE)) == ["flights/1", "flights/2"]
    assert found.of(Noun.ENDPOINT) == ["flights"]
    assert found.left_off == 0


def test_a_release_leads_back_to_the_sources_of_its_data(records: SqlRecords) -> None:
    filled(records)
    found = asked(records, "release:flights/1", Way.UP)
    assert found.of(Noun.MODEL) + found.of(Noun.RUN) + found.of(Noun.SNAPSHOT) == ["flights:1", "run-1", "flights@1"]
    loaded = [*(file.path for file in snapshot().files), *snapshot().pins]
    assert sorted(found.of(Noun.SOURCE)) == sorted(f"flights/{each}" for each in loaded)


def test_of_too_many_runs_those_that_made_something_are_shown_first(records: SqlRecords) -> None:
    filled(records, others=60)
    found = asked(records, "snapshot:flights@1", Way.DOWN, limit=12)
    assert found.of(Noun.ENDPOINT) == ["flights"]
    assert {"run-1", "run-2"} <= set(found.of(Noun.RUN))
    assert len(found.links) == 12
    assert found.left_off == 61 + 1 + 2 + 2 - 12


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


@pytest.mark.parametrize("many", [334, 1200])
def test_however_many_releases_a_snapshot_led_to_each_endpoint_is_named(records: SqlRecords, many: int) -> None:
    snap = node(Noun.SNAPSHOT, "wide@1")
    with records.writing() as books:
        served = [node(Noun.ENDPOINT, "last" if number == many - 1 else "shop") for number in range(many)]
        books.lineage.note([link for number, at in enumerate(served) for link in chain(snap, number, at)])
    found = asked(records, "snapshot:wide@1", Way.DOWN)
    assert set(found.of(Noun.ENDPOINT)) == {"shop", "last"}
    assert len(found.links) == 1000
    assert found.left_off == 4 * many - 1000
    assert not found.leads_further


def test_however_many_releases_an_endpoint_served_the_data_behind_them_is_named(records: SqlRecords) -> None:
    with records.writing() as books:
        snaps = [node(Noun.SNAPSHOT, f"wide@{number // 200 + 1}") for number in range(400)]
        shop = node(Noun.ENDPOINT, "shop")
        books.lineage.note([link for number, snap in enumerate(snaps) for link in chain(snap, number, shop)])
        books.lineage.note([Link(node(Noun.SOURCE, "wide/a.csv"), "was loaded into", node(Noun.SNAPSHOT, "wide@2"))])
    found = asked(records, "endpoint:shop", Way.UP)
    assert set(found.of(Noun.SNAPSHOT)) == {"wide@1", "wide@2"}
    assert found.left_off == 4 * 400 + 1 - 1000


def test_what_was_not_looked_at_may_lead_further_and_this_is_said(records: SqlRecords) -> None:
    snap = node(Noun.SNAPSHOT, "wide@1")
    with records.writing() as books:
        numbers = range(FEWEST_LOOKED_AT + 5)
        books.lineage.note([link for number in numbers for link in chain(snap, number, None)])
    found = asked(records, "snapshot:wide@1", Way.DOWN, limit=10)
    assert found.left_off == 3 * FEWEST_LOOKED_AT + 5 - 10
    assert found.leads_further
    assert len(found.of(Noun.RELEASE)) == 3  # whole paths of three links each


def chain(snap: Node, number: int, served: Node | None) -> list[Link]:
    run, of = node(Noun.RUN, f"w{number}"), node(Noun.MODEL, f"wide:{number}")
    release = node(Noun.RELEASE, f"wide/{number}")
    found = [Link(snap, "was read by", run), Link(run, "trained", of), Link(of, "is in", release)]
    return [*found, Link(release, "served at", served)] if served else found


def test_links_written_in_any_order_reach_as_far(records: SqlRecords) -> None:
    links = chain(node(Noun.SNAPSHOT, "wide@1"), 1, node(Noun.ENDPOINT, "shop"))
    for seed in range(6):
        rng, names = random.Random(seed), f"{seed}"
        mine = [Link(named(one.parent, names), one.relation, named(one.child, names)) for one in links]
        rng.shuffle(mine)
        with records.writing() as books:
            for part in (mine[:2], mine[2:]):
                books.lineage.note(part)
        with records.reading() as books:
            reached = books.lineage.beyond([named(links[0].parent, names)], Way.DOWN, Reach.ENDPOINT, limit=10)
        assert len(reached) == 1


def named(of: Node, more: str) -> Node:
    return node(of.noun, f"{of.name}-{more}")


def test_an_older_database_learns_how_far_its_links_reach(tmp_path: Path) -> None:
    records = open_records(f"sqlite:///{tmp_path}/kaizen.db")
    filled(records)
    before = asked(records, "snapshot:flights@1").facts
    records.close()
    with closing(sqlite3.connect(tmp_path / "kaizen.db")) as raw:
        told = "SELECT child, parent, leads_on FROM lineage ORDER BY child, parent"
        reaches = raw.execute(told).fetchall()
        raw.execute(
            "UPDATE lineage SET leads_on = EXISTS(SELECT 1 FROM lineage AS next WHERE next.parent = lineage.child)"
        )
        bogus = ("run:run-1", "source:flights/flights@1", "was read by", "", 0)
        raw.execute("INSERT INTO lineage (child, parent, relation, detail, leads_on) VALUES (?, ?, ?, ?, ?)", bogus)
        for later in ("letters", "registered_models", "registered_versions", "registered_tags"):
            raw.execute(f"DROP TABLE {later}")
        raw.execute("UPDATE alembic_version SET version_num = '0005'")
        raw.commit()

    records = open_records(f"sqlite:///{tmp_path}/kaizen.db")

    assert asked(records, "snapshot:flights@1").facts == before
    records.close()
    with closing(sqlite3.connect(tmp_path / "kaizen.db")) as raw:
        assert raw.execute(told).fetchall() == reaches


MISSPELT = {
    "release:flihts/1": "flights/1",
    "snapshot:flights@11": "flights@1",
    "model:flights:11": "flights:1",
    "endpoint:flight": "flights",
    "run:rnu-3": "run-3",
    "source:flights/data/mai.csv": "flights/data/",
    "flihts@1": "flights@1",
}


def test_a_misspelt_name_is_met_with_the_close_one(records: SqlRecords) -> None:
    filled(records)
    with records.writing() as books:
        books.declarations.save(declaration())
    for text, close in MISSPELT.items():
        with pytest.raises(NotFoundError) as told:
            asked(records, text)
        assert close in told.value.hint


def test_the_beginning_of_several_ids_must_be_told_apart(records: SqlRecords) -> None:
    filled(records)
    for text in ("run:run-", "run-"):
        with pytest.raises(UsageError, match="6 runs begin with 'run-'"):
            asked(records, text)


def test_what_nothing_came_of_is_found_all_the_same(records: SqlRecords) -> None:
    with records.writing() as books:
        books.runs.save(replace(run(9), snapshot=""))
    found = asked(records, "run:run-9")
    assert [place.node for place in found.places] == [Node(Noun.RUN, "run-9")]
    assert found.links == ()


def test_a_source_is_called_by_how_its_path_ends(records: SqlRecords) -> None:
    filled(records)
    with records.writing() as books:
        books.declarations.save(declaration())
    path = snapshot().files[0].path
    assert asked(records, path.rpartition("/")[2]).start == Node(Noun.SOURCE, f"flights/{path}")


def test_the_nearest_nodes_are_told_of(records: SqlRecords) -> None:
    filled(records)
    with records.reading() as books:
        facts = facts_of(books, graph(books.lineage, node(Noun.RELEASE, "flights/1"), Way.UP))
    assert facts[Node(Noun.RUN, "run-1")]["commit"] == "abc123"
    assert facts[Node(Noun.RELEASE, "flights/1")]["digest"] == release(1).digest


def test_a_limit_that_cannot_be_is_refused(records: SqlRecords) -> None:
    filled(records)
    for limit in (0, 100_001):
        with pytest.raises(UsageError, match="limit"):
            asked(records, "flights", limit=limit)
