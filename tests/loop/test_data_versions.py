"""`kaizen data`: log, diff, restore, pin, gc and erase, on a project that has run twice."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from loop_processes import called
from polars.testing import assert_frame_equal

from kaizenml.core.event import Kind, verify
from kaizenml.core.ports import Tables
from kaizenml.errors import NotFoundError
from kaizenml.loop import collecting, versioning
from kaizenml.loop.wiring import House, open_house, read_settings

PROJECT = """import kaizenml as kz
from sklearn.linear_model import LogisticRegression

project = kz.Project("shop", source=kz.files("data/*.csv"), target="churned", id="customer")


@project.step
def estimator():
    return LogisticRegression()
"""
AT = datetime(2026, 1, 1, tzinfo=UTC)
#: In the first file, in the second, and among the answered rows.
OLD, NEW, LIVE = "C0007", "C0203", "C9001"


def rows(first: int, count: int) -> str:
    rng = random.Random(first)
    lines = ["customer,amount,visits,churned"]
    for number in range(first, first + count):
        amount, visits = rng.uniform(0, 1), rng.randrange(20)
        lines.append(f"C{number:04d},{amount:.4f},{visits},{'yes' if amount + visits / 40 > 0.75 else 'no'}")
    return "\n".join(lines) + "\n"


def answer(tables: Tables) -> None:
    """Append what an endpoint answered for two customers, and the labels that came for them."""
    for number, customer in enumerate((LIVE, "C9002")):
        row = json.dumps({"customer": customer, "amount": 0.5, "visits": 3})
        answered = [(customer, AT, AT, "shop/1", "answer", '"no"', [0.5, 0.5], row, "r", 0.1, "")]
        label = [(customer, '"yes"', AT, AT)]
        for table, lines, schema in (
            (collecting.predictions_of("shop"), answered, collecting.PREDICTIONS),
            (collecting.labels_of("shop"), label, collecting.LABELS),
        ):
            tables.append(table, pl.DataFrame(lines, schema=schema, orient="row"), key=f"{number}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "data").mkdir(parents=True)
    (folder / "project.py").write_text(PROJECT)
    (folder / "data" / "a.csv").write_text(rows(0, 200))
    called("run", "--project", folder)
    answer(house(folder).tables)
    (folder / "data" / "b.csv").write_text(rows(200, 60))
    called("run", "--project", folder)
    return folder


def house(folder: Path) -> House:
    return open_house(read_settings(folder))


def data(folder: Path, *words: object, code: int = 0) -> dict:
    return called("data", *words, "--project", folder, code=code)


def raw_ids(folder: Path, snapshot: str) -> set[str]:
    return set(versioning.raw_rows(house(folder), versioning.called(house(folder), "shop", snapshot))["customer"])


def holds(folder: Path, text: str) -> set[str]:
    """Return the tables of which a file on disk has the text in a cell."""
    found = set()
    for path in (folder / ".kaizen").rglob("*.parquet"):
        if any(text in str(cell) for row in pl.read_parquet(path).iter_rows() for cell in row):
            found.add(path.parent.name)
    return found


def test_versions_are_told_compared_restored_and_pinned(folder: Path, tmp_path: Path) -> None:
    listed = data(folder, "log")["snapshots"]
    assert [each["name"] for each in listed] == ["shop@2", "shop@1"]
    assert listed[1]["entry"]["models"] == ["shop:1"]

    found = data(folder, "diff", "1", "newest")
    assert found["difference"]["rows"] | {"added_ids": []} == {
        "before": 200, "after": 260, "added": 60, "removed": 0, "changed": 0, "added_ids": [], "removed_ids": []
    }  # fmt: skip
    assert data(folder, "diff", "shop@2", "shop@2")["is_empty"]
    assert data(folder, "diff", "1", "2", "--by-value")["difference"]["rows"]["added"] == 60

    out = tmp_path / "out"
    files = data(folder, "restore", "shop@2", "--out", out)["files"]
    assert {"raw", "snapshot", "plan", "contract", "predictions-shop", "labels-shop"} <= files.keys()
    assert len(pl.read_parquet(out / "raw.parquet")) == 260
    assert data(folder, "restore", "shop@2", "--out", out, code=2)["error"]["hint"].startswith("Name another")
    assert data(folder, "restore", "shop@2", code=2)["error"]["code"] == "bad_request"

    assert data(folder, "pin", "before-spring", "--of", "1")["snapshot"] == "shop@1"
    assert data(folder, "diff", "before-spring", "1")["is_empty"]
    assert data(folder, "log")["snapshots"][1]["entry"]["pins"] == ["before-spring"]
    assert data(folder, "pin", "before-spring", "--remove")["snapshot"] is None
    assert data(folder, "pin", "before-spring", "--remove", code=2)["error"]["code"] == "not_found"
    assert "shop@2" in data(folder, "diff", "shop@9", "1", code=2)["error"]["hint"]


def test_an_old_snapshot_is_made_current_and_the_next_run_learns_of_its_rows(folder: Path) -> None:
    current = data(folder, "restore", "1", "--as-current")

    assert current["current"] == "shop@3"
    assert raw_ids(folder, "3") == raw_ids(folder, "1")
    assert called("run", "--project", folder)["snapshot"] == "shop@4"
    assert raw_ids(folder, "4") == raw_ids(folder, "1")
    data(folder, "restore", "2", "--as-current")
    assert raw_ids(folder, "newest") == raw_ids(folder, "2")


def test_gc_deletes_only_what_no_snapshot_needs(folder: Path) -> None:
    tables = house(folder).tables
    before = {name: versioning.raw_rows(house(folder), versioning.called(house(folder), "shop", name)) for name in "12"}
    for number in range(12):
        tables.append("raw-shop", pl.DataFrame({"customer": [f"X{number}"], "_file": ["x"]}), key=f"x{number}")
    tables.compact("raw-shop")

    rehearsed = data(folder, "gc", "--dry-run", "--grace-hours", 0)["tables"]
    spared = data(folder, "gc")["tables"]
    done = data(folder, "gc", "--grace-hours", 0)["tables"]

    assert done == rehearsed
    assert done["raw-shop"]["files"] >= 10
    assert spared["raw-shop"]["files"] == 0
    for name, rows_ in before.items():
        assert_frame_equal(versioning.raw_rows(house(folder), versioning.called(house(folder), "shop", name)), rows_)


def test_a_person_is_erased_everywhere_and_the_models_are_listed(folder: Path) -> None:
    data(folder, "pin", "audit", "--of", "1")

    done = data(folder, "erase", "--id", OLD, "--because", "request 2026-7")

    assert done["snapshot"] == "shop@3"
    assert done["rows"]["raw-shop"] == 1
    assert done["holding"] == ["shop@2", "shop@1"]
    assert done["models"] == ["shop:2", "shop:1"]
    assert done["pinned"] == {"audit": "shop@1"}
    assert OLD not in raw_ids(folder, "3")
    assert OLD in raw_ids(folder, "2")
    with house(folder).records.reading() as books:
        log = books.events.after(0)
    event = next(each for each in log if each.id == done["event"])
    assert event.kind is Kind.ROWS_ERASED
    assert event.facts["because"] == "request 2026-7"
    assert OLD not in str(event.facts)
    assert verify(log) == len(log)
    assert called("run", "--project", folder)["snapshot"] == "shop@4"
    assert OLD not in raw_ids(folder, "4")

    data(folder, "gc", "--grace-hours", 0)
    assert holds(folder, OLD) == {"raw-shop"}, "snapshots keep it until they are given up"
    again = data(folder, "erase", "--id", OLD, "--because", "request 2026-7", "--give-up")
    assert again["rows"]["raw-shop"] == 0
    assert again["given_up"] == ["shop@2"]
    data(folder, "gc", "--grace-hours", 0)
    assert holds(folder, OLD) == {"raw-shop"}, "a pin keeps it"
    data(folder, "pin", "audit", "--remove")
    data(folder, "erase", "--id", OLD, "--because", "request 2026-7", "--give-up")
    data(folder, "gc", "--grace-hours", 0)
    assert holds(folder, OLD) == set()
    with pytest.raises(NotFoundError, match="kaizen data gc"):
        raw_ids(folder, "1")
    assert len(raw_ids(folder, "newest")) == 259
    assert data(folder, "erase", "--id", OLD, "--because", "again", code=2)["error"]["code"] == "bad_request"


def test_answered_rows_and_labels_of_a_person_go_as_well(folder: Path) -> None:
    done = data(folder, "erase", "--id", LIVE, "--because", "request 8", "--give-up")

    assert done["rows"]["predictions-shop"] == 1
    assert done["rows"]["labels-shop"] == 1
    assert done["given_up"] == ["shop@2"]
    data(folder, "gc", "--grace-hours", 0)
    assert holds(folder, LIVE) == set()
    assert holds(folder, "C9002") == {"predictions-shop", "labels-shop"}


def test_erasing_is_refused_without_a_reason_a_column_or_a_person(folder: Path) -> None:
    for words, says in (
        (("--id", OLD, "--because", " "), "without a reason"),
        (("--id", " ", "--because", "x"), "empty"),
        (("--id", "C5555", "--because", "x"), "No row has this customer"),
        (("--id", OLD, "--because", "x", "--column", "custmer"), "no column 'custmer'"),
    ):
        assert says in data(folder, "erase", *words, code=2)["error"]["message"]
