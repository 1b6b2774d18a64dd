"""What an import brings over from a store of MLflow's, whatever is wrong with it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from mlflow_stores import OTHER, RUN, T0, add_run, database, folder_store

from kaizenml.core.mlflow.rows import What
from kaizenml.errors import NotFoundError, SourceError, UsageError
from kaizenml.loop.importing import Import, Wish
from kaizenml.loop.wiring import House, open_house, open_origin, read_settings

STORES = {"database": database, "folder": folder_store}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(read_settings(tmp_path / "project"))


def brought(house: House, place: Path | str, **wish: object):
    with open_origin(str(place), None) as (origin, troubles):
        return Import(house, origin, troubles, "person:ada", lambda _: None, Wish(**wish)).bring()


@pytest.fixture(params=STORES)
def store(request, tmp_path: Path) -> Path:
    return STORES[request.param](tmp_path)


def test_runs_keep_their_ids_times_and_all_that_they_logged(house, store):
    tally = brought(house, store)

    with house.records.reading() as books:
        run, deleted = books.runs.get(RUN), books.runs.get(OTHER)
        points = books.series.read(RUN, "loss")
    assert not tally.missing
    assert tally.left_out == []
    assert (run.name, run.author, run.state, run.project) == ("first", "person:ada", "finished", "churn-q3")
    assert (run.started_at.timestamp(), run.finished_at.timestamp()) == (T0 / 1000, T0 / 1000 + 1)
    assert run.parameters == {"depth": "3"}
    assert run.data == {"train": "e04b"}
    assert list(run.artefacts) == ["notes/a.txt"]
    assert house.blobs.get(run.artefacts["notes/a.txt"]) == b"hello"
    assert [(each.step, each.at, each.value) for each in points] == [
        (step, (T0 + step) * 1000, 1 / (step + 1)) for step in range(3)
    ]
    assert math.isnan(run.latest["n"])
    assert deleted.tags["mlflow.lifecycleStage"] == "deleted"
    assert run.tags["mlflow.origin"] == str(store)


def test_a_second_import_brings_nothing(house, store):
    brought(house, store)
    again = brought(house, store)

    assert not again.is_new
    assert not again.missing
    assert again.brought["artefacts"] == 0


def test_a_second_import_brings_only_what_is_new(house, tmp_path):
    root = folder_store(tmp_path)
    brought(house, root)
    add_run(root / "7", "d" * 32, "third")
    with (root / "7" / RUN / "metrics" / "loss").open("a") as loss:
        loss.write(f"{T0 + 3} 0.25 3\n{T0 + 3} 0.25 3\n")
    (root / "7" / RUN / "artifacts" / "b.txt").write_text("new")

    tally = brought(house, root)

    assert (tally.brought["runs"], tally.grown["runs"], tally.brought["points"]) == (1, 1, 2)
    assert tally.brought["artefacts"] == 1
    with house.records.reading() as books:
        assert len(books.series.read(RUN, "loss")) == 5
        assert set(books.runs.get(RUN).artefacts) == {"notes/a.txt", "b.txt"}
    assert not tally.missing


def test_a_rehearsal_writes_nothing(house, store):
    tally = brought(house, store, is_rehearsal=True)

    assert tally.seen["runs"] == 2
    with house.records.reading() as books:
        assert books.runs.newest() == []
        assert books.clients.all(What.EXPERIMENT) == []


def test_one_experiment_may_get_another_name(house, store):
    brought(house, store, experiments=["Churn / Q3"], called="old churn")

    with house.records.reading() as books:
        assert [each.name for each in books.clients.all(What.EXPERIMENT)] == ["old churn"]


def test_an_experiment_that_is_not_there_is_named_with_the_closest(house, store):
    with pytest.raises(NotFoundError, match="Churn / Q3"):
        brought(house, store, experiments=["Churn / Q4"])


def test_several_experiments_cannot_have_one_name(house, tmp_path):
    root = folder_store(tmp_path)
    other = root / "8"
    other.mkdir()
    (other / "meta.yaml").write_text("experiment_id: '8'\nname: other\n")

    with pytest.raises(UsageError, match="2 experiments"):
        brought(house, root, called="one")


def test_what_is_no_store_is_refused(house, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.db").write_text("this is no database, whatever it is called" * 100)

    for place in ("empty", "text.db", "nowhere"):
        with pytest.raises(SourceError):
            brought(house, tmp_path / place)
