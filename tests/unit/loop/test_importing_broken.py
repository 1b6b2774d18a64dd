"""What is wrong in a store is told by name, and the rest comes."""

from __future__ import annotations

import math
import os
import sqlite3
from pathlib import Path

import pytest
from mlflow_stores import OTHER, RUN, T0, add_run, database, folder_store

from kaizenml.core.mlflow.tally import Tally
from kaizenml.loop.importing import Import, Wish
from kaizenml.loop.wiring import House, open_house, open_origin, read_settings


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(read_settings(tmp_path / "project"))


def brought(house: House, place: Path) -> Tally:
    with open_origin(str(place), None) as (origin, troubles):
        return Import(house, origin, troubles, "person:ada", lambda _: None, Wish()).bring()


def reasons(tally: Tally) -> dict[str, str]:
    return {name: f"{each.what}: {each.why}" for each in tally.left_out for name in each.names}


def test_runs_that_cannot_be_read_are_named_and_the_others_come(house, tmp_path):
    root = folder_store(tmp_path)
    for number, meta in enumerate(["", "{ not: [yaml", "- a list", "run_id: another", "!!python/object:os.system {}"]):
        run = root / "7" / (f"{number}" * 32)
        run.mkdir()
        (run / "meta.yaml").write_text(meta)
    (root / "7" / ("e" * 32)).mkdir()
    (root / "7" / "no id!").mkdir()
    (root / "9").mkdir()

    tally = brought(house, root)

    found = reasons(tally)
    assert tally.brought["runs"] == 2
    assert not tally.missing
    assert found["0" * 32] == "run: meta.yaml: it is empty"
    assert "it is no YAML" in found["1" * 32]
    assert "no mapping" in found["2" * 32]
    assert "it is 'another'" in found["3" * 32]
    assert "it is no YAML" in found["4" * 32]
    assert "No such file" in found["e" * 32]
    assert found["no id!"] == "run: the name of its folder is no id"
    assert "No such file" in found["9"]


def test_a_text_that_would_be_endless_is_none(house, tmp_path):
    root = folder_store(tmp_path)
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 12))
    run = add_run(root / "7", "d" * 32, "x")
    meta = (run / "meta.yaml").read_text().replace("user_id: ada", f"user_id: *l11\nend: {'9' * 4000}")
    (run / "meta.yaml").write_text(f"l0: &l0 lol\n{levels}{meta}")

    brought(house, root)

    with house.records.reading() as books:
        assert books.runs.get("d" * 32).author == "person:unknown"


def test_nothing_outside_of_the_folder_is_read(house, tmp_path):
    root = folder_store(tmp_path)
    run, secret = root / "7" / RUN, tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("secret")
    (run / "params" / "stolen").symlink_to(secret / "key")
    (run / "artifacts" / "key").symlink_to(secret / "key")
    (run / "artifacts" / "all").symlink_to(secret)
    (run / "artifacts" / "again").symlink_to(run / "artifacts" / "notes" / "a.txt")
    os.mkfifo(run / "artifacts" / "pipe")
    other = root / "7" / OTHER
    meta = (other / "meta.yaml").read_text().replace(f"file://{other}/artifacts", f"file://{root}/../secret")
    (other / "meta.yaml").write_text(meta)

    tally = brought(house, root)

    found = reasons(tally)
    with house.records.reading() as books:
        first, second = books.runs.get(RUN), books.runs.get(OTHER)
    assert set(first.artefacts) == {"notes/a.txt", "again"}
    assert first.parameters == {"depth": "3"}
    assert second.artefacts == {}
    for name in ("stolen", "key", "all"):
        assert found[f"{RUN}/{name}"].endswith("it is a link that leads out of the folder")
    assert found[f"{RUN}/pipe"] == "artefact: it is no regular file"
    assert "outside" in found[OTHER]


def test_values_that_cannot_be_kept_are_named_and_the_others_come(house, tmp_path):
    root = folder_store(tmp_path)
    run = root / "7" / RUN
    (run / "params" / "bytes").write_bytes(b"\xff\xfe")
    (run / "params" / "long").write_text("x" * 1_000_001)
    (run / "tags" / ("k" * 251)).write_text("v")
    with (run / "params" / "huge").open("wb") as huge:
        huge.truncate(1 << 40)  # a file with a hole, which says that it has a terabyte
    lines = [f"{T0} inf 0", f"{T0} -inf 1", f"{T0} NaN 2", "words", f"{T0} 1 {2**63}", f"{2**62} 1 0", f"{T0} 1", ""]
    (run / "metrics" / "odd").write_text("\n".join(lines) + f"\n{T0} 0.12")

    tally = brought(house, root)

    found = reasons(tally)
    with house.records.reading() as books:
        points = [each.value for each in books.series.read(RUN, "odd")]
        assert books.runs.get(RUN).parameters == {"depth": "3"}
    assert points[:3] == [1.0, math.inf, -math.inf]
    assert math.isnan(points[3])
    assert len(points) == 4
    assert "UTF-8" in found[f"{RUN}/bytes"]
    assert "more than 1,000,000 characters" in found[f"{RUN}/long"]
    assert "1,099,511,627,776 bytes" in found[f"{RUN}/huge"]
    assert "250 characters" in found[f"{RUN}/{'k' * 100}"]
    assert {each.why for each in tally.left_out if f"{RUN}/odd" in each.names} == {
        "4 of its lines are no measurement", "its last line is cut off; it comes with the next import"
    }  # fmt: skip


def test_a_line_that_was_cut_off_comes_with_the_next_import(house, tmp_path):
    root = folder_store(tmp_path)
    loss = root / "7" / RUN / "metrics" / "loss"
    loss.write_text(loss.read_text() + f"{T0 + 3} 0.2")
    brought(house, root)
    loss.write_text(loss.read_text() + "5 3\n")

    tally = brought(house, root)

    with house.records.reading() as books:
        assert books.series.read(RUN, "loss")[-1].value == 0.25
    assert tally.brought["points"] == 1
    assert tally.left_out == []


def test_rows_that_cannot_be_are_named_and_the_others_come(house, tmp_path):
    path = database(tmp_path)
    with sqlite3.connect(path) as to:
        to.execute("INSERT INTO runs VALUES ('../../etc', 'x', 'ada', 'FINISHED', 1, 2, 'active', '/etc', 7)")
        to.execute(
            "INSERT INTO runs VALUES (?, NULL, NULL, 'SOMETHING', 'soon', NULL, NULL, 's3://u:p@b/x', 7)", ["f" * 32]
        )
        to.execute("INSERT INTO metrics VALUES ('words', 'abc', ?, ?, 0, 0)", (T0, RUN))
        to.execute("INSERT INTO tags VALUES (NULL, 'v', ?)", (RUN,))
        to.execute("INSERT INTO params VALUES ('bytes', CAST(x'fffe' AS TEXT), ?)", (OTHER,))
        to.execute("UPDATE runs SET artifact_uri = '/etc' WHERE run_uuid = ?", (OTHER,))
        to.execute("INSERT INTO inputs VALUES ('j', 'DATASET', 'nowhere', 'RUN', ?)", (RUN,))
    to.close()

    tally = brought(house, path)

    found = reasons(tally)
    with house.records.reading() as books:
        odd = books.runs.get("f" * 32)
        assert books.runs.find(OTHER) is None
        assert list(books.runs.get(RUN).artefacts) == ["notes/a.txt"]
    assert (odd.state, odd.started_at.timestamp()) == ("running", 0)
    assert found["../../etc"] == "run: this is no id"
    assert "cannot be read" in found[OTHER]
    assert "no measurement" in found[f"{RUN}/words"]
    assert "its name is empty" in found[f"{RUN}/"]
    assert "s3://b" in found["f" * 32]
    assert "u:p" not in found["f" * 32]
    assert "does not describe it" in found[f"{RUN}/nowhere"]
    assert not tally.missing


def test_a_name_that_is_taken_takes_the_runs_in_and_an_id_that_is_taken_is_another(house, tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    brought(house, folder_store(first))
    root = folder_store(second)
    (root / "7" / "meta.yaml").write_text("experiment_id: '7'\nname: other\n")
    (root / "7" / RUN).rename(root / "7" / ("d" * 32))
    add_run(root / "7", "d" * 32, "of the other")

    tally = brought(house, root)

    with house.records.reading() as books:
        assert books.runs.get("d" * 32).project == "other"
    assert tally.notes == ["Experiment 'other' has the id 8 here: 7 is another's."]


def test_a_parameter_that_is_another_here_stays_and_is_named(house, tmp_path):
    root = folder_store(tmp_path)
    brought(house, root)
    (root / "7" / RUN / "params" / "depth").write_text("4")

    tally = brought(house, root)

    with house.records.reading() as books:
        assert books.runs.get(RUN).parameters == {"depth": "3"}
    assert reasons(tally) == {f"{RUN}/depth": "parameter: the run has another value here, which stays"}
