"""A declared clip is the same in training, in a file that is scored, and in the plan that is shown."""

import random
from pathlib import Path

import polars as pl
import pytest
from loop_processes import called

CODE = """
import kaizenml as kz
from sklearn.linear_model import LogisticRegression

project = kz.Project("shop", source=kz.files("data/*.csv"), target="late", id="parcel")
project.clean("weight", outliers="clip")
project.clean("distance", outliers="clip", low=0, high=900)


@project.step
def estimator() -> LogisticRegression:
    return LogisticRegression()


project.serve(approval="policy")
"""


@pytest.fixture(scope="module", params=["in one piece", "part by part"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clipping") / "shop"
    (folder / "data").mkdir(parents=True)
    (folder / "project.py").write_text(CODE)
    if request.param == "part by part":
        (folder / "kaizen.toml").write_text('stream_mb = "0"\n')
    rng, lines = random.Random(5), ["parcel,weight,distance,late"]
    for number in range(600):
        weight, distance = rng.uniform(1, 10), rng.uniform(0, 900)
        late = weight / 10 + distance / 900 + rng.gauss(0, 0.2) > 1
        lines.append(f"{number},{weight if number % 200 else 1e7},{distance if number % 150 else -5},{int(late)}")
    (folder / "data" / "parcels.csv").write_text("\n".join(lines) + "\n")
    assert called("run", "--project", folder)["status"] == "finished"
    return folder


def test_the_plan_counts_what_is_clipped(shop: Path):
    found = {each["name"]: each for each in called("clean", "--plan", "--project", shop)["columns"]}

    assert (found["weight"]["repairs"]["clipped"], found["distance"]["repairs"]["clipped"]) == (3, 4)
    assert found["distance"]["clip"] == {"low": 0.0, "high": 900.0}
    assert 10 < found["weight"]["clip"]["high"] < 1e7


def test_what_is_beyond_the_bounds_is_answered_as_what_is_on_them(shop: Path, tmp_path: Path):
    bound = next(
        each["clip"]["high"]
        for each in called("clean", "--plan", "--project", shop)["columns"]
        if each["name"] == "weight"
    )
    rows = pl.DataFrame({"parcel": [1, 2, 3], "weight": [1e300, bound, 2.0], "distance": [1e9, 900.0, -1e9]})
    rows.write_csv(tmp_path / "ask.csv")

    called("predict", "shop/1", tmp_path / "ask.csv", "--out", tmp_path / "out.parquet", "--project", shop)

    out = pl.read_parquet(tmp_path / "out.parquet")
    numbers = [name for name in out.columns if out[name].dtype.is_float()]
    assert numbers
    assert out[numbers].row(0) == out[numbers].row(1) != out[numbers].row(2)


def test_a_column_that_is_not_there_fails_the_run_by_name(tmp_path: Path, shop: Path):
    folder = tmp_path / "wrong"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "parcels.csv").write_text((shop / "data" / "parcels.csv").read_text())
    (folder / "project.py").write_text(CODE.replace('"distance", outliers', '"distanse", outliers'))

    error = called("run", "--project", folder, code=2)["error"]

    assert "distanse" in error["message"]
    assert "distance" in error["hint"]
