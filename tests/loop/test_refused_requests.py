"""The data plane refuses what it cannot answer, says why, and answers the next good request."""

from __future__ import annotations

import random

import pytest
from loop_processes import Up
from loop_tables import messy_row

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
