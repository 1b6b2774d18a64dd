"""From a file to an endpoint: `kaizen new`, `kaizen run`, `kaizen up`, and predictions over HTTP.

One home with five projects in it, all served by one `kaizen up`. The data plane refuses what it cannot answer, says
why, and answers the next good request.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from loop_processes import Up, call, called, soon, up
from loop_tables import TABLES, messy_row, write_messy
from sklearn.metrics import accuracy_score, r2_score

TASKS = {"breast_cancer": "binary", "wine": "multiclass", "diabetes": "regression", "digits": "multiclass"}
PRIMARY = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "r2"}


def rows_of(path: Path, target: str) -> tuple[list[dict[str, str | None]], list[str]]:
    """Return the rows of a CSV as a caller would send them, text as it stands, and the truth beside them."""
    with path.open(newline="", encoding="utf-8") as file:
        found = [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(file)]
    return found, [str(row.pop(target)) for row in found]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def made(home: Path) -> dict[str, dict[str, object]]:
    """What `kaizen new` and `kaizen run` said of each table."""
    said = {}
    for name, (write, target) in TABLES.items():
        folder = home / "projects" / name
        write(home / f"{name}.csv")
        new = called("new", folder, "--from", home / f"{name}.csv", "--target", target)
        run = called("run", "--project", folder, home=home / "kaizen")
        said[name] = {"new": new, "run": run, "folder": folder, "file": home / f"{name}.csv", "target": target}
    return said


@pytest.fixture(scope="module")
def served(home: Path, made: dict[str, dict[str, object]]) -> Iterator[Up]:
    with up(home / "projects" / "messy", home / "kaizen") as running:
        for name in made:
            soon(lambda name=name: running.is_serving(name), within=60)
        yield running


@pytest.mark.parametrize("name", TABLES)
def test_new_and_run_make_a_release_that_beats_the_dummy(made, name):
    new, run = made[name]["new"], made[name]["run"]
    primary = PRIMARY[new["task"]]

    assert new["task"] == TASKS.get(name, "binary")
    assert set(run) == {
        "run", "status", "release", "model_version", "metrics", "baselines", "gate", "snapshot", "steps",
    }  # fmt: skip
    assert (run["status"], run["release"], run["snapshot"]) == ("finished", f"{name}/1", f"{name}@1")
    assert run["gate"]["passed"] is True
    assert all(set(check) >= {"name", "passed"} for check in run["gate"]["checks"])
    assert all(set(each) == {"value", "low", "high"} for each in run["metrics"].values())
    assert all(each["low"] <= each["value"] <= each["high"] for each in run["metrics"].values())
    assert run["metrics"][primary]["low"] > run["baselines"]["dummy"][primary]["value"]


@pytest.mark.parametrize("name", TABLES)
def test_predictions_over_http_are_those_of_batch_scoring(made, served: Up, home, name):
    rows, truth = rows_of(made[name]["file"], str(made[name]["target"]))
    asked = {each["name"] for each in served.http.get(f"{served.data}/endpoints/{name}/schema").json()["inputs"]}
    rows = [{column: cell for column, cell in row.items() if column in asked} for row in rows]
    out = home / f"{name}-scored.csv"

    called(
        "predict", f"{name}/1", made[name]["file"], "--out", out, "--project", made[name]["folder"], home=served.home
    )
    answer = served.predict(name, rows[:200])

    assert answer.status_code == 200, answer.text
    assert answer.json()["release"] == f"{name}/1"
    scored = pl.read_csv(out, infer_schema_length=None)
    assert len(scored) == len(rows)
    given = answer.json()["predictions"]
    if TASKS.get(name) == "regression":
        live = np.array([each["value"] for each in given])
        batch = scored["prediction"].head(200).to_numpy()
        assert r2_score([float(value) for value in truth[:200]], live) > 0.3
    else:
        classes = list(given[0]["probabilities"])
        live = np.array([[each["probabilities"][label] for label in classes] for each in given])
        batch = scored.select(f"probability_{label}" for label in classes).head(200).to_numpy()
        said = [str(each["value"]).replace("True", "yes").replace("False", "no") for each in given]
        assert accuracy_score(truth[:200], said) > 0.85
    np.testing.assert_allclose(live, batch, rtol=0, atol=1e-9)


def test_one_row_gets_what_it_gets_in_a_batch(made, served: Up):
    rows, _ = rows_of(made["messy"]["file"], "churned")

    together = served.predict("messy", rows[:40]).json()["predictions"]
    alone = [served.predict("messy", [row]).json()["predictions"][0] for row in rows[:40]]

    assert [each["probabilities"] for each in together] == [each["probabilities"] for each in alone]


def test_what_no_one_has_seen_in_training_is_answered_all_the_same(served: Up):
    usual = messy_row(1, random.Random(3))
    usual.pop("churned")
    strange = [
        {**usual, "city": "Ulaanbaatar"},
        {**usual, "city": None},
        {**usual, "spent": "NA", "since": "-", "visits": ""},
        {**usual, "spent": " $1,234.50 "},
        {**usual, "spent": 1234.5, "visits": 3},
        {**usual, "since": "2031-01-01"},
    ]

    answer = served.predict("messy", strange)

    assert answer.status_code == 200, answer.text
    said = answer.json()["predictions"]
    assert len(said) == len(strange)
    assert all(abs(sum(each["probabilities"].values()) - 1) < 1e-9 for each in said)


def test_money_written_for_people_means_what_the_number_means(served: Up):
    row = {"customer_id": "x", "since": "2023-04-01", "visits": 4, "city": "Graz"}

    written, plain = served.predict("messy", [{**row, "spent": "$8,500.00"}, {**row, "spent": 8500}]).json()[
        "predictions"
    ]

    assert written["probabilities"] == plain["probabilities"]
    assert served.predict("messy", [{**row, "spent": "$250.00"}]).json()["predictions"][0]["value"] != plain["value"]


def test_both_planes_say_what_they_are(made, served: Up):
    get = served.http.get

    page, openapi = get(f"{served.control}/"), get(f"{served.control}/openapi.json")
    schema = get(f"{served.data}/endpoints/messy/schema")

    assert page.headers["content-type"].startswith("text/html")
    assert "/api/v1/endpoints/{name}" in openapi.json()["paths"]
    assert {each["name"] for each in schema.json()["inputs"]} >= {"spent", "since", "visits", "city"}
    assert get(f"{served.data}/health/ready").status_code == 200
    assert "messy" in get(f"{served.data}/metrics").text
    assert get(f"{served.control}/metrics").status_code == 200
    assert {each["name"] for each in served.get("/api/v1/endpoints")["endpoints"]} == set(TABLES)


def test_feedback_is_taken_and_counted(served: Up):
    said = served.predict("messy", [{k: v for k, v in messy_row(7, random.Random(7)).items() if k != "churned"}])
    id_ = said.json()["predictions"][0]["id"]

    answer = served.feedback("messy", [{"id": id_, "value": True}])

    assert answer.status_code == 200, answer.text
    assert answer.json() == {"accepted": 1}


@pytest.mark.parametrize("ending", ["parquet", "ndjson", "xlsx"])
def test_a_project_can_be_made_from_files_of_every_kind(tmp_path, ending):
    write_messy(tmp_path / "table.csv", rows=60)
    frame = pl.read_csv(tmp_path / "table.csv")
    file = tmp_path / f"table.{ending}"
    {"parquet": frame.write_parquet, "ndjson": frame.write_ndjson, "xlsx": frame.write_excel}[ending](file)

    made = called("new", tmp_path / "shop", "--from", file, "--target", "churned")

    assert (made["task"], made["rows"], made["columns"]) == ("binary", 60, 6)
    assert (tmp_path / "shop" / "data" / file.name).read_bytes() == file.read_bytes()
    assert f'kz.files("data/*.{ending}")' in (tmp_path / "shop" / "project.py").read_text()


def test_leaks_ids_and_times_are_found_and_told(tmp_path):
    rng = random.Random(5)
    with (tmp_path / "t.csv").open("w") as file:
        file.write("order_id,placed,amount,refund_amount,returned\n")
        for number in range(300):
            amount, returned = rng.uniform(5, 90), rng.random() < 0.4
            refund = amount if returned else 0
            placed = f"2024-{1 + number % 12:02d}-{1 + number % 28:02d}T10:00:00"
            file.write(f"{number},{placed},{amount:.2f},{refund:.2f},{'yes' if returned else 'no'}\n")

    made = called("new", tmp_path / "shop", "--from", tmp_path / "t.csv", "--target", "returned")

    assert (made["id"], made["time"]) == ("order_id", "placed")
    assert [each["column"] for each in made["suspects"]] == ["refund_amount"]


def test_the_files_of_a_project_are_the_users_own_and_pass_their_own_tests(made):
    import subprocess
    import sys

    folder = made["messy"]["folder"]

    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder / "tests")],
                          capture_output=True, text=True, check=False, cwd=folder)  # fmt: skip

    assert done.returncode == 0, done.stdout


def test_run_prints_one_document_and_nothing_else_on_standard_output(made, home):
    done = call("run", "--project", made["wine"]["folder"], "--json", home=home / "another")

    assert json.loads(done.stdout)["metrics"] == made["wine"]["run"]["metrics"]  # the same data, code and seed
    assert done.stdout.startswith("{")
    assert done.stdout.endswith("}\n")
    assert "train" in done.stderr


GOOD = {name: cell for name, cell in messy_row(1, random.Random(1)).items() if name != "churned"}


def without(column: str) -> dict[str, object]:
    return {name: cell for name, cell in GOOD.items() if name != column}


#: What is wrong: path, JSON body or bytes, the status, the code, and the row and column that the answer must name.
WRONG = {
    "malformed JSON": ("messy/predict", b'{"rows": [{', 400, "malformed", None),
    "no JSON at all": ("messy/predict", b"\xff\xfe", 400, "malformed", None),
    "a list in place of an object": ("messy/predict", [GOOD], 400, "malformed", None),
    "an unknown field": ("messy/predict", {"row": [GOOD]}, 400, "malformed", None),
    "an empty batch": ("messy/predict", {"rows": []}, 400, "bad_request", None),
    "a missing column": ("messy/predict", {"rows": [GOOD, without("city")]}, 422, "rows", (1, "city")),
    "an extra column": ("messy/predict", {"rows": [{**GOOD, "cty": "Oslo"}]}, 422, "rows", (0, "cty")),
    "a wrong type": ("messy/predict", {"rows": [GOOD, GOOD, {**GOOD, "visits": True}]}, 422, "rows", (2, "visits")),
    "text for a number": ("messy/predict", {"rows": [{**GOOD, "spent": "a lot"}]}, 422, "rows", (0, "spent")),
    "text for a time": ("messy/predict", {"rows": [{**GOOD, "since": "soon"}]}, 422, "rows", (0, "since")),
    "a nested cell": ("messy/predict", {"rows": [{**GOOD, "city": ["Oslo"]}]}, 422, "rows", (0, "city")),
    "not a number": ("messy/predict", b'{"rows": [{"city": "Oslo", "spent": NaN}]}', 422, "rows", (0, "spent")),
    "an unknown endpoint": ("messi/predict", {"rows": [GOOD]}, 404, "not_found", None),
    "an unknown action": ("messy/forecast", {"rows": [GOOD]}, 404, "not_found", None),
    "too many rows": ("messy/predict", {"rows": [GOOD] * 100_000}, 413, "too_many_rows", None),
    "no labels": ("messy/feedback", {"labels": []}, 400, "bad_request", None),
    "a label without a value": ("messy/feedback", {"labels": [{"id": "x", "value": None}]}, 422, "rows", (0, "value")),
    "a time of its own": ("messy/predict", {"rows": [GOOD], "at": "2020-01-01T00:00:00Z"}, 400, "bad_request", None),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_request_that_cannot_be_answered_is_told_why_and_stops_nobody(served: Up, case):
    path, body, status, code, place = WRONG[case]
    url = f"{served.data}/endpoints/{path}"

    refused = served.http.post(url, content=body) if isinstance(body, bytes) else served.http.post(url, json=body)
    good = served.predict("messy", [GOOD])

    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (status, code), refused.text
    assert error["message"].endswith(".")
    assert error["hint"].endswith((".", "?"))
    if place is not None:
        assert (error["details"]["rows"][0]["row"], error["details"]["rows"][0]["column"]) == place
        assert place[1] in error["message"]
    assert good.status_code == 200, good.text


def test_a_misspelt_endpoint_and_column_are_told_the_right_one(served: Up):
    endpoint = served.predict("messi", [GOOD]).json()["error"]
    column = served.predict("messy", [{**without("city"), "citty": "Oslo"}]).json()["error"]

    assert "messy" in endpoint["hint"]
    assert "city" in column["message"]


def test_nothing_of_a_batch_with_one_bad_row_is_answered(served: Up):
    ids = [f"half-{number}" for number in range(3)]
    rows = [{**GOOD, "customer_id": id_} for id_ in ids]
    rows[2]["visits"] = "many"

    refused = served.predict("messy", rows)

    assert refused.status_code == 422
    kept = "".join(path.read_text() for path in (served.home / "serving" / "log").glob("*"))
    assert not any(id_ in kept for id_ in ids)
