"""Whatever comes: a clear error in the caller's words, and nothing half-written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizenml.core.mlflow.errors import WireError
from kaizenml.core.mlflow.filter import EXPERIMENTS, MODELS, RUNS, parsed, sortings

if TYPE_CHECKING:
    from conftest import Wire


@pytest.mark.parametrize(
    "words",
    [
        "(" * 1000 + "metrics.a = 1" + ")" * 1000,
        " AND ".join(["metrics.a = 1"] * 1000),
        "metrics.a = 1; DROP TABLE runs",
        "params.a = 'x' UNION SELECT * FROM runs",
        "x" * 200_000,
        "'" * 999,
        "metrics.`a = 1",
        "\0",
    ],
)
def test_a_filter_that_is_none_is_the_callers_error(wire: Wire, words: str) -> None:
    found = wire.post("runs/search", experiment_ids=["0"], filter=words)

    assert found.status_code == 400, found.text
    assert found.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert len(found.json()["message"]) < 2000


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="metricsparam.tg`'\"=<>!()ANDINLKEOR 0123456789,;\n", max_size=60))
def test_any_text_is_a_filter_or_a_clear_error(words: str) -> None:
    for grammar in (RUNS, EXPERIMENTS, MODELS):
        assert _code(lambda grammar=grammar: parsed(words, grammar)) in ("", "INVALID_PARAMETER_VALUE")
        assert _code(lambda grammar=grammar: sortings([words], grammar)) in ("", "INVALID_PARAMETER_VALUE")


def _code(work: Callable[[], object]) -> str:
    """Return the code of the error that the work raises; nothing when it raises none."""
    try:
        work()
    except WireError as error:
        return error.error_code
    return ""


@pytest.mark.parametrize("key", ["../x", "a//b", "/a", "a/../b", "a\nb", "a$b", "", ".", "é" * 251])
@pytest.mark.parametrize("route", ["log-metric", "log-parameter", "set-tag", "log-batch"])
def test_a_name_that_could_be_another_file_is_refused(wire: Wire, route: str, key: str) -> None:
    run = wire.run()
    body: dict[str, Any] = {"run_id": run, "key": key, "value": "1", "timestamp": 1}
    if route == "log-batch":
        body = {"run_id": run, "tags": [{"key": "fine", "value": "1"}], "params": [{"key": key, "value": "1"}]}

    found = wire.post(f"runs/{route}", **body)

    assert found.status_code == 400, found.text
    data = wire.get("runs/get", run_id=run).json()["run"]["data"]
    assert [each["key"] for each in data["tags"]] == ["mlflow.runName"]
    assert "params" not in data


def test_a_tag_of_ten_megabytes_is_cut_as_mlflow_cuts_it(wire: Wire) -> None:
    run = wire.run()

    assert wire.post("runs/set-tag", run_id=run, key="big", value="x" * 10_000_000).status_code == 200
    tags = wire.get("runs/get", run_id=run).json()["run"]["data"]["tags"]
    assert [len(each["value"]) for each in tags if each["key"] == "big"] == [8000]


def test_a_batch_is_taken_whole_or_not_at_all(wire: Wire) -> None:
    run = wire.run()
    wire.post("runs/log-parameter", run_id=run, key="depth", value="3")

    found = wire.post(
        "runs/log-batch", run_id=run, metrics=[{"key": "loss", "value": 1, "timestamp": 1, "step": 0}],
        tags=[{"key": "team", "value": "blue"}], params=[{"key": "new", "value": "1"}, {"key": "depth", "value": "4"}],
    )  # fmt: skip

    assert found.status_code == 400
    assert "Changing param values is not allowed" in found.json()["message"]
    data = wire.get("runs/get", run_id=run).json()["run"]["data"]
    assert "metrics" not in data
    assert data["params"] == [{"key": "depth", "value": "3"}]
    assert wire.get("metrics/get-history", run_id=run, metric_key="loss").json() == {}


def test_times_that_do_not_fit_are_refused(wire: Wire) -> None:
    run = wire.run()

    for timestamp in (-1, 2**62, 10**30):
        assert wire.post("runs/log-metric", run_id=run, key="a", value=1, timestamp=timestamp).status_code == 400
    assert wire.post("runs/log-metric", run_id=run, key="a", value=1, timestamp=1, step=2**70).status_code == 400
    assert wire.post("runs/create", experiment_id="0", start_time=2**70).status_code == 400
    assert wire.post("runs/update", run_id=run, end_time=-(2**70)).status_code == 400


def test_many_clients_that_write_to_one_run_lose_nothing(wire: Wire) -> None:
    run = wire.run()

    def write(number: int) -> None:
        for step in range(20):
            body = {"run_id": run, "key": f"m{number % 3}", "value": step, "timestamp": number, "step": step}
            assert wire.post("runs/log-metric", **body).status_code == 200
            assert wire.post("runs/set-tag", run_id=run, key=f"t{number}.{step}", value="x").status_code == 200

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    data = wire.get("runs/get", run_id=run).json()["run"]["data"]
    points = [len(wire.get("metrics/get-history", run_id=run, metric_key=f"m{n}").json()["metrics"]) for n in range(3)]
    assert points == [40, 40, 40]
    assert len(data["tags"]) == 6 * 20 + 1
    assert {each["value"] for each in data["metrics"]} == {19.0}


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"[1,2]", b"7", b'{"run_id": {"a": 1}}', b'{"run_id": "a", "tags": [1]}', b"{" * 10_000]
)
def test_bodies_that_are_no_request_are_the_callers_error(wire: Wire, body: bytes) -> None:
    headers = {"content-type": "application/json"}

    for path in ("runs/create", "runs/log-batch", "runs/search", "experiments/create", "logged-models/search"):
        found = wire.client.post(f"/api/2.0/mlflow/{path}", content=body, headers=headers)
        assert found.status_code < 500, (path, found.text)


def test_what_a_run_is_told_shows_in_our_own_lists_at_its_end(wire: Wire) -> None:
    run = wire.run()
    wire.post("runs/log-metric", run_id=run, key="loss", value=0.5, timestamp=1, step=1)
    wire.post("runs/update", run_id=run, status="KILLED", end_time=1_700_000_001_000)

    found = wire.client.get("/api/v1/runs", params={"q": "metrics.loss < 1"}).json()["runs"]
    kinds = [event.kind for event in _events(wire)]

    assert [(each["id"], each["state"], each["metrics"]) for each in found] == [(run, "cancelled", {"loss": 0.5})]
    assert kinds == ["run.started", "run.cancelled"]


def test_our_own_lists_show_the_metrics_of_a_run_that_goes_on(wire: Wire) -> None:
    run = wire.run()
    wire.post("runs/log-metric", run_id=run, key="loss", value=0.5, timestamp=1, step=1)

    found = wire.client.get("/api/v1/runs", params={"q": "metrics.loss < 1"}).json()["runs"]

    assert [(each["state"], each["metrics"]) for each in found] == [("running", {"loss": 0.5})]


def _events(wire: Wire) -> list[Any]:
    with wire.house.records.reading() as books:
        return list(books.events.after())


@pytest.mark.parametrize("days", [-1, 1])
def test_a_client_whose_clock_is_a_day_off_is_taken_at_its_word(wire: Wire, days: int) -> None:
    at = int((datetime.now(UTC) + timedelta(days=days)).timestamp() * 1000)
    made = wire.post("runs/create", experiment_id="0", start_time=at).json()["run"]["info"]
    run = made["run_id"]
    wire.post("runs/log-metric", run_id=run, key="loss", value=1, timestamp=at, step=1)
    wire.post("runs/log-metric", run_id=run, key="loss", value=2, timestamp=at - 2 * 86_400_000, step=2)
    ended = wire.post("runs/update", run_id=run, status="FINISHED", end_time=at - 86_400_000)

    assert ended.status_code == 200
    found = wire.get("runs/get", run_id=run).json()["run"]
    assert (found["info"]["start_time"], found["info"]["end_time"]) == (at, at - 86_400_000)
    assert [(each["step"], each["value"]) for each in found["data"]["metrics"]] == [(2, 2.0)]
    (ours,) = [each for each in wire.client.get("/api/v1/runs").json()["runs"] if each["id"] == run]
    assert (ours["state"], ours["duration"]) == ("finished", 0.0)
    assert all(abs(event.at - datetime.now(UTC)) < timedelta(hours=1) for event in _events(wire))


def test_metrics_that_are_no_numbers_come_back_as_they_were(wire: Wire) -> None:
    run = wire.run()
    for step, value in enumerate(["NaN", "Infinity", "-Infinity"]):
        wire.post("runs/log-metric", run_id=run, key="loss", value=value, timestamp=1, step=step).raise_for_status()

    told = wire.get("metrics/get-history", run_id=run, metric_key="loss").json()["metrics"]
    assert [each["value"] for each in told] == ["NaN", "Infinity", "-Infinity"]
    for wrong in ("nan?", [1], {"a": 1}, None, "", "0x10"):
        body = {"run_id": run, "key": "loss", "value": wrong, "timestamp": 1}
        assert wire.post("runs/log-metric", **body).status_code == 400, wrong
    assert len(wire.get("metrics/get-history", run_id=run, metric_key="loss").json()["metrics"]) == 3
