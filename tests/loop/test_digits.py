"""Images: the network of `examples/digits` trains, is released, and answers over HTTP what batch scoring says."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from loop_processes import Up, called, soon, up

from kaizenml.loop.scoring import load_bundle
from kaizenml.loop.wiring import open_house, read_settings
from kaizenml.packaging.bundle import unpack

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What `kaizen run` said, and the folder of the project."""
    pytest.importorskip("torch", reason="kaizenml[torch] is not installed")
    folder = tmp_path_factory.mktemp("digits") / "digits"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".*", "data"))
    runpy.run_path(str(folder / "make_data.py"))
    said = called("run", "--project", folder)
    called("approve", "digits/1", "--as", "ada", "--project", folder)
    return {"folder": folder, **said}


@pytest.fixture(scope="module")
def served(run: dict[str, object]) -> Iterator[Up]:
    with up(Path(str(run["folder"]))) as running:
        soon(lambda: running.is_serving("digits"), within=60)
        yield running


def test_the_network_is_released_with_nine_of_ten_digits_right(run):
    assert (run["status"], run["release"]) == ("finished", "digits/1")
    assert run["gate"]["passed"] is True
    assert run["metrics"]["accuracy"]["low"] >= 0.9


def test_the_release_answers_its_golden_rows_again(run):
    house = open_house(read_settings(run["folder"]))
    with house.records.reading() as books:
        content = house.blobs.get(books.models.newest("digits")[0].bundle)
    golden = unpack(content).golden

    assert len(golden.rows) > 0
    assert load_bundle(content).answer(golden.rows) == golden.answers


def test_answers_over_http_are_those_of_batch_scoring(run, served, tmp_path):
    file, out = run["folder"] / "data" / "digits.csv", tmp_path / "scored.csv"
    images = pl.read_csv(file)
    rows = images.head(200).drop("digit").to_dicts()

    called("predict", "digits/1", file, "--out", out, "--project", run["folder"])
    answer = served.predict("digits", rows)

    assert answer.status_code == 200, answer.text
    given = answer.json()["predictions"]
    scored = pl.read_csv(out)
    assert len(scored) == len(images)
    assert [each["value"] for each in given] == scored["prediction"].head(200).to_list()
    classes = list(given[0]["probabilities"])
    assert len(classes) == 10
    live = np.array([[each["probabilities"][label] for label in classes] for each in given])
    batch = scored.select(f"probability_{label}" for label in classes).head(200).to_numpy()
    np.testing.assert_allclose(live, batch, rtol=0, atol=1e-6)
    assert np.mean([each["value"] for each in given] == images["digit"].head(200).to_numpy()) >= 0.9


def test_an_image_without_pixels_is_told_so(served):
    answer = served.predict("digits", [{"image": "d0001", "pixel_0_0": 0}])

    assert answer.status_code == 422, answer.text
    assert "pixel_" in answer.text
