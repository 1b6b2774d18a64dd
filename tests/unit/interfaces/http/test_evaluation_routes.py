"""An evaluation over HTTP: as values, and as a page that may load and run nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import httpx
import pytest
from control_house import CLIENT, House, filled_house, serving

from kaizenml.adapters.memory import MemoryBlobs
from kaizenml.core.assessment import ASSESSMENT, Assessment, Bin, Calibration, Slice, Slices
from kaizenml.core.chart import Chart, Series, svg
from kaizenml.core.metric import Estimate, Task
from kaizenml.core.ports import Records
from kaizenml.loop.evaluation_report import decoded, encoded

EVIL = "<img src=x onerror=alert(1)>"


def found() -> Assessment:
    unknown = Estimate(math.nan, math.nan, math.inf)
    worst = Slice((("city", EVIL),), 40, math.nan, Estimate(0.1, 0.05, 0.15), 1e-5, 0.01, 0.3, 0.5)
    return Assessment(
        task=Task.BINARY,
        target="late",
        classes=("no", "yes"),
        rows=100,
        blocks=None,
        metrics={"roc_auc": unknown, "accuracy": Estimate(0.8, 0.7, 0.9)},
        baselines={"dummy": {"accuracy": Estimate(0.5, 0.4, 0.6)}},
        calibration=Calibration("yes", (Bin(10, 0.1, Estimate(0.2, 0.1, 0.3)),), 0.1, 0.05, "Spiegelhalter", 1.2, 0.2),
        slices=Slices("roc_auc", 0.8, (), (worst,), 120),
        charts={"roc": Chart("ROC", "x", "y", (Series(EVIL, (0.0, 1.0), (0.0, 1.0)),))},
    )


@dataclass
class Files:
    blobs: MemoryBlobs
    records: Records


@pytest.fixture
def served():
    house = filled_house()
    blobs = MemoryBlobs()
    with house.records.writing() as books:
        run = books.runs.newest(limit=1)[0]
        books.runs.save(replace(run, id="examined", artefacts={ASSESSMENT: blobs.put(encoded(found()))}))
        books.runs.save(replace(run, id="bare"))
    house.house = Files(blobs, house.records)  # type: ignore[attr-defined]
    with serving(house) as address:
        yield f"{address}/api/v1/runs", "examined"


def test_what_was_found_survives_being_written_though_json_has_no_nan():
    back = decoded(encoded(found()))

    assert math.isnan(back.metrics["roc_auc"].value)
    assert back.metrics["roc_auc"].high == math.inf
    assert replace(back, metrics={}, slices=None) == replace(found(), metrics={}, slices=None)
    assert back.slices.found[0].where == (("city", EVIL),)
    assert svg(back.charts["roc"]) == svg(found().charts["roc"])


def test_the_report_is_a_page_that_may_run_nothing(served):
    runs, id_ = served

    page = CLIENT.get(f"{runs}/{id_}/report")

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "script" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert EVIL not in page.text
    assert "&lt;img src=x" in page.text
    assert "roc_auc" in page.text


def test_the_evaluation_is_values_for_programs(served):
    runs, id_ = served

    answer = CLIENT.get(f"{runs}/{id_}/evaluation")

    assert answer.json()["slices"]["searched"] == 120
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")


def test_a_run_without_one_and_one_that_nobody_knows_are_told(served):
    runs, _ = served

    bare, none = (CLIENT.get(f"{runs}/{id_}/report") for id_ in ("bare", "nobody"))

    assert (bare.status_code, none.status_code) == (409, 404)
    assert "has no evaluation" in bare.text


def test_a_server_that_keeps_no_files_says_so():
    house: House = filled_house()
    with house.records.reading() as books:
        id_ = books.runs.newest(limit=1)[0].id
    with serving(house) as address:
        answer: httpx.Response = CLIENT.get(f"{address}/api/v1/runs/{id_}/report")

    assert answer.status_code == 409
