"""Labels that people gave join the next run by key, are counted in its record, and are told of in the log."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import polars as pl
import pytest

from kaizenml.core.event import Kind, causes
from kaizenml.core.labelling import HumanLabel, LabelTask
from kaizenml.core.run import Run, RunState
from kaizenml.core.snapshot import Snapshot
from kaizenml.errors import TargetError
from kaizenml.loop import collecting, labelling, labels
from kaizenml.loop.ingesting import prepare
from kaizenml.loop.loading import load_folder
from kaizenml.loop.running import Order, run
from kaizenml.loop.wiring import House, open_house, read_settings

AT = datetime(2026, 3, 1, tzinfo=UTC)
CODE = """import kaizenml as kz
import polars as pl
from sklearn.linear_model import LogisticRegression

project = kz.Project("shop", source=kz.files("data/*.csv"), target="{target}", id="id")


@project.step
def estimator():
    return LogisticRegression()
"""
MADE = """

@project.step
def select(raw):
    return raw.with_columns(left=pl.col("churned"))
"""


def truth(number: int) -> tuple[float, int, str]:
    rng = random.Random(number)
    amount, visits = rng.uniform(0, 1), rng.randrange(20)
    return amount, visits, "yes" if amount + visits / 40 > 0.75 else "no"


def write(
    folder: Path, code: str = CODE.format(target="churned"), *, blank: range = range(0), rows: int = 200
) -> House:
    (folder / "data").mkdir(parents=True)
    lines = ["id,amount,visits,churned"]
    for number in range(rows):
        amount, visits, churned = truth(number)
        lines.append(f"{number},{amount:.4f},{visits},{'' if number in blank else churned}")
    (folder / "data" / "t.csv").write_text("\n".join(lines) + "\n")
    (folder / "project.py").write_text(code)
    return open_house(read_settings(folder))


def ran(folder: Path, house: House, id_: str = "r1") -> tuple[Run, Snapshot, list[str]]:
    said: list[str] = []
    done = run(load_folder(folder), folder, house, Order(id_, "person:ada", {}), said.append)
    with house.records.reading() as books:
        return done, books.snapshots.get(done.snapshot), said


def say(house: House, *given: tuple[str, str, str], key: str = "k") -> None:
    labels.append(house, "shop", [HumanLabel(task, value, who, AT) for task, value, who in given], key=key)


def rows(folder: Path, house: House) -> pl.DataFrame:
    return prepare(load_folder(folder).project, folder, house, lambda _: None, cause=1).good


def test_labels_fill_replace_and_confirm_targets_by_key_and_late_ones_wait(tmp_path: Path) -> None:
    house = write(tmp_path / "p", blank=range(10))
    say(house, *[(str(number), truth(number)[2], "ada") for number in range(5)], ("20", "yes", "ada"))
    say(house, ("21", "no", "ada"), ("777", "yes", "ada"), key="late")

    done, snapshot, said = ran(tmp_path / "p", house)

    kept = truth(20)[2] == "yes", truth(21)[2] == "no"
    counts = {"filled": 5, "replaced": 2 - sum(kept), "confirmed": sum(kept), "unfit": 0}
    assert snapshot.labels == {"settled": 8, "joined": 7, **counts, "waiting": 1, "undecided": 0}
    assert (snapshot.rows, done.state) == (195, RunState.FINISHED)
    assert "labels: 5 rows wait for a label" in said
    assert any(line.startswith("labels: 8 settled, 7 joined") for line in said)
    assert snapshot.pins["human-labels-shop"] == house.tables.version("human-labels-shop")
    assert len(house.tables.read("human-labels-shop", version=snapshot.pins["human-labels-shop"])) == 8


def test_a_label_that_came_too_late_for_one_snapshot_is_in_the_next(tmp_path: Path) -> None:
    house = write(tmp_path / "p", blank=range(10, 12))
    say(house, ("10", "yes", "ada"))
    first = rows(tmp_path / "p", house)
    say(house, ("11", "no", "ada"), key="later")

    second = rows(tmp_path / "p", house)

    assert (len(first), len(second)) == (199, 200)
    assert second.filter(pl.col("id").is_in([10, 11])).sort("id")["churned"].to_list() == [True, False]


def test_without_any_label_rows_that_have_no_target_are_told_of_as_before(tmp_path: Path) -> None:
    house = write(tmp_path / "p", blank=range(10))

    with pytest.raises(TargetError):
        ran(tmp_path / "p", house)


def test_labels_join_a_target_that_the_project_makes(tmp_path: Path) -> None:
    house = write(tmp_path / "p", CODE.format(target="left") + MADE)
    other = [(str(number), "no" if truth(number)[2] == "yes" else "yes", "ada") for number in range(200)]
    turned = [(task, "true" if value == "yes" else "false", who) for task, value, who in other]
    ran(tmp_path / "p", house)
    say(house, *turned)

    done, snapshot, _ = ran(tmp_path / "p", house, "r2")

    assert (snapshot.labels["settled"], snapshot.labels["joined"], snapshot.labels["waiting"]) == (200, 200, 0)
    with house.records.reading() as books:
        first, second = (books.models.get(name) for name in ("shop:1", "shop:2"))
    assert first.bundle != second.bundle
    assert done.state is RunState.FINISHED


def test_who_disagree_settle_nothing_until_a_third_speaks(tmp_path: Path) -> None:
    house = write(tmp_path / "p", blank=range(2))
    say(house, ("0", "yes", "ada"), ("0", "no", "bob"), ("1", "yes", "ada"))
    project = load_folder(tmp_path / "p").project

    first = prepare(project, tmp_path / "p", house, lambda _: None, cause=1).snapshot
    say(house, ("0", "no", "cyd"), key="third")
    second = prepare(project, tmp_path / "p", house, lambda _: None, cause=1)

    assert (first.labels["settled"], first.labels["undecided"]) == (1, 1)
    assert (second.snapshot.labels["settled"], second.snapshot.labels["undecided"]) == (2, 0)
    assert second.good.filter(pl.col("id") == 0)["churned"].item() is False


def test_a_label_that_the_target_cannot_be_changes_nothing_and_is_counted(tmp_path: Path) -> None:
    house = write(tmp_path / "p")
    say(house, ("3", "perhaps", "ada"))

    _, snapshot, _ = ran(tmp_path / "p", house)

    assert (snapshot.labels["unfit"], snapshot.labels["replaced"], snapshot.rows) == (1, 0, 200)


def test_rows_that_an_endpoint_answered_join_with_what_people_said_of_them(tmp_path: Path) -> None:
    house = write(tmp_path / "p")
    answered = [
        (f"{900 + at}", AT, AT, "shop/1", "answer", "false", [0.5, 0.5],
         msgspec.json.encode({"id": 900 + at, "amount": 0.9, "visits": 19}).decode(), "q", 0.1, "")
        for at in range(3)
    ]  # fmt: skip
    frame = pl.DataFrame(answered, schema=collecting.PREDICTIONS, orient="row")
    house.tables.append(collecting.predictions_of("shop"), frame, key="1")
    came = pl.DataFrame([("900", "false", AT, AT)], schema=collecting.LABELS, orient="row")
    house.tables.append(collecting.labels_of("shop"), came, key="1")
    say(house, ("900", "true", "ada"), ("901", "yes", "ada"))

    prepared = prepare(load_folder(tmp_path / "p").project, tmp_path / "p", house, lambda _: None, cause=1)

    assert prepared.live.select("id", "_label").rows() == [(900, "true"), (901, "true")]
    assert (prepared.snapshot.labels["joined"], prepared.snapshot.labels["waiting"]) == (2, 0)


def test_the_log_tells_from_the_queue_to_the_label_and_from_the_run_to_the_labels_in_it(tmp_path: Path) -> None:
    house = write(tmp_path / "p", blank=range(1))
    task = LabelTask("0", {"amount": 0.5}, "no", 0.6, "shop/1")
    labelling.fill(house, "shop", [task], choices=["yes", "no"], share=0, by="person:ada")
    labelling.next_task(house, "shop", "person:bob")
    labelling.give(house, "shop", "0", "yes", "person:bob")

    done, snapshot, _ = ran(tmp_path / "p", house)

    with house.records.reading() as books:
        log = {event.id: event for event in books.events.after(0)}
    filled, added, joined = (
        next(event for event in log.values() if event.kind is kind)
        for kind in (Kind.QUEUE_FILLED, Kind.LABEL_ADDED, Kind.LABELS_JOINED)
    )
    assert (filled.actor, filled.facts["tasks"], filled.facts["control"]) == ("person:ada", 1, 0)
    assert (added.actor, added.subject, added.cause) == ("person:bob", "task:0", filled.id)
    assert (added.facts["value"], added.facts["suggestion"], added.facts["model"]) == ("yes", "no", "shop/1")
    assert joined.facts["newest"] == added.id
    assert joined.facts["filled"] == snapshot.labels["filled"] == 1
    chain = [event.kind for event in causes(joined, log)]
    assert chain == [Kind.LABELS_JOINED, Kind.SNAPSHOT_CREATED, Kind.RUN_STARTED]
    assert causes(joined, log)[-1].subject == f"run:{done.id}"


def test_who_alone_says_something_rare_is_believed(tmp_path: Path) -> None:
    house = write(tmp_path / "p", rows=40)
    say(house, *[(str(number), "no", "ada") for number in range(100)], ("200", "yes", "ada"))

    found = labels.human_labels(house, "shop").filter(pl.col("id") == "200").row(0, named=True)

    assert (found["value"], found["is_unanimous"]) == ("yes", True)
