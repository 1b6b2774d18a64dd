"""MLflow's clients with a role in one project: what they may there, and nothing of others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from kaizenml.interfaces.http.mlflow.dialect import mlflow_table
from kaizenml.interfaces.http.server import serve_control_plane
from kaizenml.loop import accounts
from kaizenml.loop.service import LoopService
from kaizenml.loop.wiring import open_house, read_settings

ROOT, FILES = "/api/2.0/mlflow", "/api/2.0/mlflow-artifacts"


@dataclass
class Wire:
    """A server with an experiment, a run, a logged model and a file in each of two projects."""

    client: httpx.Client
    service: LoopService
    ids: dict[str, dict[str, str]]

    def token(self, *roles: str) -> dict[str, str]:
        with self.service.records.writing() as books:
            now = self.service.now()
            text, _ = accounts.issue(books, "zoe", roles, by="person:root", now=now)
        return {"Authorization": f"Bearer {text}"}

    def ask(self, method: str, path: str, headers: dict[str, str], told: Any) -> httpx.Response:
        if method == "GET":
            return self.client.get(path, params=told, headers=headers)
        if method == "PUT":
            return self.client.put(path, content=b"x", headers=headers)
        return self.client.request(method, path, json=told, headers=headers)


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    folder = tmp_path_factory.mktemp("wire")
    service = LoopService(open_house(read_settings(folder)))
    with service.records.writing() as books:
        root, _ = accounts.issue(books, "root", ["admin"], by="person:root", now=service.now())
    with serve_control_plane(service, host="127.0.0.1", port=0, stop=threading.Event()) as url:
        headers = {"Authorization": f"Bearer {root}"}
        with httpx.Client(base_url=url, timeout=60, trust_env=False, headers=headers) as client:
            ids = {name: filled(client, name) for name in ("churn", "taxis")}
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            yield Wire(client, service, ids)


def filled(client: httpx.Client, name: str) -> dict[str, str]:
    def post(path: str, **body: Any) -> Any:
        return client.post(f"{ROOT}/{path}", json=body).raise_for_status().json()

    experiment = post("experiments/create", name=name)["experiment_id"]
    run = post("runs/create", experiment_id=experiment, user_id="ada")["run"]["info"]["run_id"]
    post("runs/log-metric", run_id=run, key="loss", value=1.5, timestamp=1, step=1)
    post("experiments/set-experiment-tag", experiment_id=experiment, key="k", value="v")
    post("runs/set-tag", run_id=run, key="k", value="v")
    model = post("logged-models", experiment_id=experiment, name=name)["model"]["info"]["model_id"]
    client.patch(f"{ROOT}/logged-models/{model}/tags", json={"tags": [{"key": "k", "value": "v"}]}).raise_for_status()
    file = f"{experiment}/{run}/artifacts/a.txt"
    client.put(f"{FILES}/artifacts/{file}", content=name.encode()).raise_for_status()
    begun = client.post(f"{FILES}/mpu/create/{experiment}/{run}/artifacts", json={"path": "b", "num_parts": 1}).json()
    post("registered-models/create", name=name)
    for _ in range(2):
        post("model-versions/create", name=name, source=f"runs:/{run}/m", run_id=run)
    return {"experiment": experiment, "run": run, "model": model, "file": file, "upload": begun["upload_id"],
            "name": name}  # fmt: skip


def requests_about(of: dict[str, str]) -> list[tuple[str, str, Any]]:
    """Return a request to every route that is about one thing, about the things of a project."""
    run, experiment, model = {"run_id": of["run"]}, {"experiment_id": of["experiment"]}, f"logged-models/{of['model']}"
    folder = of["file"].rpartition("/")[0]
    point = {"key": "loss", "value": 2.0, "timestamp": 2, "step": 2}
    told: list[tuple[str, str, Any]] = [
        ("GET", "experiments/get", experiment),
        ("GET", "experiments/get-by-name", {"experiment_name": of["name"]}),
        ("POST", "experiments/update", {**experiment, "new_name": of["name"]}),
        ("POST", "experiments/set-experiment-tag", {**experiment, "key": "k", "value": "v"}),
        ("POST", "experiments/delete-experiment-tag", {**experiment, "key": "k"}),
        ("POST", "runs/create", experiment),
        ("GET", "runs/get", run),
        ("POST", "runs/update", {**run, "run_name": "x"}),
        ("POST", "runs/log-metric", {**run, **point}),
        ("POST", "runs/log-batch", {**run, "metrics": [point]}),
        ("POST", "runs/log-parameter", {**run, "key": "p", "value": "1"}),
        ("POST", "runs/set-tag", {**run, "key": "t", "value": "1"}),
        ("POST", "runs/delete-tag", {**run, "key": "k"}),
        ("POST", "runs/log-inputs", {**run, "datasets": []}),
        ("POST", "runs/outputs", {**run, "models": [{"model_id": of["model"], "step": 1}]}),
        ("POST", "runs/log-model", {**run, "model_json": '{"run_id": "r", "artifact_path": "m", "flavors": {}, '
                                    '"utc_time_created": "2026-01-01 00:00:00.000000", "model_uuid": "u"}'}),
        ("GET", "metrics/get-history", {**run, "metric_key": "loss"}),
        ("GET", "artifacts/list", run),
        ("POST", "logged-models", {**experiment, "name": "again"}),
        ("GET", model, None),
        ("PATCH", model, {"model_id": of["model"], "status": "LOGGED_MODEL_READY"}),
        ("PATCH", f"{model}/tags", {"tags": [{"key": "z", "value": "1"}]}),
        ("DELETE", f"{model}/tags/k", None),
        ("POST", f"{model}/params", {"params": [{"key": "z", "value": "1"}]}),
        ("GET", f"{model}/artifacts/directories", None),
        *((method, f"registered-models/{path}", {"name": of["name"], **more}) for method, path, more in (
            ("GET", "get", {}), ("PATCH", "update", {"description": "x"}), ("POST", "rename", {"new_name": of["name"]}),
            ("GET", "get-latest-versions", {}), ("POST", "get-latest-versions", {}),
            ("POST", "set-tag", {"key": "k", "value": "v"}), ("DELETE", "delete-tag", {"key": "k"}),
            ("POST", "alias", {"alias": "best", "version": "1"}), ("GET", "alias", {"alias": "best"}),
            ("DELETE", "alias", {"alias": "best"}),
        )),
        ("POST", "model-versions/create", {"name": of["name"], "source": f"runs:/{of['run']}/m", **run}),
        *((method, f"model-versions/{path}", {"name": of["name"], "version": "1", **more}) for method, path, more in (
            ("GET", "get", {}), ("GET", "get-download-uri", {}), ("PATCH", "update", {"description": "x"}),
            ("POST", "set-tag", {"key": "k", "value": "v"}), ("DELETE", "delete-tag", {"key": "k"}),
            ("POST", "transition-stage", {"stage": "Staging", "archive_existing_versions": False}),
        )),
    ]  # fmt: skip
    files: list[tuple[str, str, Any]] = [
        ("GET", f"artifacts?path={folder}", None),
        ("GET", f"artifacts/{of['file']}", None),
        ("PUT", f"artifacts/{of['file']}", None),
        ("POST", f"mpu/create/{folder}", {"path": "c", "num_parts": 1}),
        ("PUT", f"mpu/part/{of['upload']}/1", None),
        ("POST", f"mpu/complete/{folder}", {"path": "b", "upload_id": of["upload"],
                                            "parts": [{"part_number": 1, "etag": ""}]}),
        ("POST", f"mpu/abort/{folder}", {"path": "b", "upload_id": of["upload"]}),
        ("DELETE", f"artifacts/{of['file']}", None),
    ]  # fmt: skip
    last: list[tuple[str, str, Any]] = [
        ("DELETE", "model-versions/delete", {"name": of["name"], "version": "2"}),
        ("DELETE", "registered-models/delete", {"name": of["name"]}),
        ("POST", "runs/delete", run), ("POST", "runs/restore", run), ("DELETE", model, None),
        ("POST", "experiments/delete", experiment), ("POST", "experiments/restore", experiment),
    ]  # fmt: skip
    found = [(method, f"{ROOT}/{path}", body) for method, path, body in told]
    found += [(method, f"{FILES}/{path}", body) for method, path, body in files]
    return found + [(method, f"{ROOT}/{path}", body) for method, path, body in last]


#: Requests about many things at once, in which is left out what is not seen.
def requests_for(of: dict[str, str]) -> list[tuple[str, str, Any]]:
    experiments, metric = {"experiment_ids": [of["experiment"]]}, {"metric_key": "loss"}
    return [
        ("POST", f"{ROOT}/experiments/search", {"max_results": 100}),
        ("GET", f"{ROOT}/experiments/search", {"max_results": 100}),
        ("POST", f"{ROOT}/runs/search", experiments),
        ("GET", f"{ROOT}/registered-models/search", {}),
        ("GET", f"{ROOT}/model-versions/search", {}),
        ("POST", f"{ROOT}/logged-models/search", experiments),
        ("POST", f"{ROOT}/experiments/search-datasets", experiments),
        ("GET", f"{ROOT}/metrics/get-history-bulk", {"run_id": [of["run"]], **metric}),
        ("GET", f"{ROOT}/metrics/get-history-bulk-interval", {"run_ids": [of["run"]], **metric}),
    ]


def test_every_route_that_is_about_a_thing_is_asked_for_here(wire: Wire) -> None:
    known = {"/health", "/version", "/api/3.0/mlflow/server-info", f"{ROOT}/experiments/create",
             f"{FILES}/presigned/{{path:rest}}", f"{ROOT}/registered-models/create", f"{ROOT}/webhooks",
             f"{ROOT}/webhooks/{{webhook_id}}", f"{ROOT}/webhooks/{{webhook_id}}/test"}  # fmt: skip
    asked = {(method, path.partition("?")[0]) for method, path, _ in
             [*requests_about(wire.ids["churn"]), *requests_for(wire.ids["churn"])]}  # fmt: skip
    table = mlflow_table(wire.service)  # type: ignore[arg-type]
    hit = {id(table._found(method, path)[0]) for method, path in asked}
    missing = [
        (method, path)
        for method, path, _ in table.declared()
        if path not in known and id(table._found(method, path.replace(":rest}", "}"))[0]) not in hit
    ]
    assert missing == []


def test_another_projects_things_are_for_no_role_there(wire: Wire) -> None:
    wrong = []
    nothing = {"experiment": "999", "run": "0" * 32, "model": "m-nothing", "file": f"999/{'0' * 32}/artifacts/a.txt",
               "upload": "1" * 32, "name": "nothing"}  # fmt: skip
    for role in ("viewer", "labeller", "developer", "approver", "operator", "admin"):
        headers = wire.token(f"churn:{role}")
        others, nowhere = (requests_about(each) for each in (wire.ids["taxis"], nothing))
        for (method, path, told), (_, path_of_none, told_of_none) in zip(others, nowhere, strict=True):
            answer = wire.ask(method, path, headers, told)
            if answer.status_code not in (403, 404):
                wrong.append((role, method, path, answer.status_code))
            if answer.status_code != wire.ask(method, path_of_none, headers, told_of_none).status_code:
                wrong.append((role, method, path, "says that it is there"))
    assert wrong == []
    assert (
        wire.client.get(f"{FILES}/artifacts/{wire.ids['taxis']['file']}", headers=wire.token("viewer")).text == "taxis"
    )


def test_lists_leave_out_what_is_not_seen(wire: Wire) -> None:
    mine, every = wire.token("churn:developer"), wire.token("viewer")
    theirs = wire.ids["taxis"]
    for method, path, told in requests_for(theirs):
        answer = wire.ask(method, path, mine, told)
        assert not {theirs["run"], theirs["model"], "taxis"} & set(str(answer.json()).split("'")), path
    found = wire.ask("POST", f"{ROOT}/runs/search", every, {"experiment_ids": [theirs["experiment"]]}).json()
    assert found["runs"][0]["info"]["run_id"] == theirs["run"]
    both = {"experiment_ids": [theirs["experiment"], wire.ids["churn"]["experiment"]]}
    seen = wire.ask("POST", f"{ROOT}/runs/search", mine, both).json()["runs"]
    assert {each["info"]["run_id"] for each in seen} == {wire.ids["churn"]["run"]}


def test_a_developer_of_a_project_makes_its_experiment_and_no_other(wire: Wire) -> None:
    mine = wire.token("prices:developer")
    refused = wire.ask("POST", f"{ROOT}/experiments/create", mine, {"name": "wages"})
    assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")
    made = wire.ask("POST", f"{ROOT}/experiments/create", mine, {"name": "prices"})
    assert made.status_code == 200
    begun = wire.ask("POST", f"{ROOT}/runs/create", mine, {"experiment_id": made.json()["experiment_id"]})
    assert begun.status_code == 200


def test_a_model_is_of_the_one_project_of_who_registers_it(wire: Wire) -> None:
    mine, both = wire.token("prices:developer"), wire.token("prices:developer", "churn:developer")
    name = {"name": "prices of houses"}
    made = wire.ask("POST", f"{ROOT}/registered-models/create", mine, name)
    unclear = wire.ask("POST", f"{ROOT}/registered-models/create", both, {"name": "whose"})

    assert made.status_code == 200
    assert (unclear.status_code, unclear.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert wire.ask("GET", f"{ROOT}/registered-models/get", both, name).status_code == 200
    assert wire.ask("GET", f"{ROOT}/registered-models/get", wire.token("churn:admin"), name).status_code == 404


def test_a_version_is_not_made_of_another_projects_run_model_or_version(wire: Wire) -> None:
    mine, ours, theirs = wire.token("churn:developer"), wire.ids["churn"], wire.ids["taxis"]
    for told in ({"source": "s3://b/m", "run_id": theirs["run"]}, {"source": "s3://b/m", "model_id": theirs["model"]},
                 {"source": "models:/taxis/1"}):  # fmt: skip
        answer = wire.ask("POST", f"{ROOT}/model-versions/create", mine, {"name": ours["name"], **told})
        assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST"), told


def test_a_place_for_files_within_another_projects_run_opens_nothing_there(wire: Wire) -> None:
    theirs = wire.ids["taxis"]
    mine = wire.token("sly:developer")
    place = f"mlflow-artifacts:/{theirs['file'].rpartition('/')[0]}"
    made = wire.ask("POST", f"{ROOT}/experiments/create", mine, {"name": "sly", "artifact_location": place}).json()
    run = wire.ask("POST", f"{ROOT}/runs/create", mine, made).json()["run"]["info"]
    inside = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
    for path in (f"{inside}/x", theirs["file"], f"{theirs['experiment']}/{run['run_id']}/artifacts/x"):
        assert wire.client.put(f"{FILES}/artifacts/{path}", content=b"x", headers=mine).status_code == 403
        assert wire.client.get(f"{FILES}/artifacts/{path}", headers=mine).status_code == 403


def test_a_metric_of_another_projects_model_is_not_logged(wire: Wire) -> None:
    mine, ours, theirs = wire.token("churn:developer"), wire.ids["churn"], wire.ids["taxis"]
    point = {"key": "auc", "value": 0.5, "timestamp": 1, "step": 0, "model_id": theirs["model"]}
    for path, told in (("log-metric", point), ("log-batch", {"metrics": [point]}),
                       ("log-inputs", {"models": [{"model_id": theirs["model"]}]})):  # fmt: skip
        answer = wire.ask("POST", f"{ROOT}/runs/{path}", mine, {"run_id": ours["run"], **told})
        assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST"), path


def test_the_own_projects_things_are_a_viewers_to_see_and_a_developers_to_change(wire: Wire) -> None:
    wrong = []
    viewer, developer = wire.token("churn:viewer"), wire.token("churn:developer")
    for method, path, told in [*requests_about(wire.ids["churn"]), *requests_for(wire.ids["churn"])]:
        is_read = method == "GET" or "search" in path or "get-latest" in path
        seen, done = (wire.ask(method, path, each, told).status_code for each in (viewer, developer))
        is_done = done == 200 or (path.endswith(("complete", "abort")) or "/mpu/" in path)
        if (seen == 403) == is_read or done == 403 or not is_done:
            wrong.append((method, path, seen, done))
    assert wrong == []
