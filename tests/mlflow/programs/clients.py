"""A program of what every version of the client does; it prints as JSON what worked, and what did not and why."""

import json
import sys
import traceback
import uuid
import warnings

import pandas as pd
from mlflow.entities import Metric, Param, RunTag, ViewType
from sklearn.linear_model import LogisticRegression

import mlflow

warnings.filterwarnings("ignore")
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
major = int(mlflow.__version__.split(".")[0])
unique = uuid.uuid4().hex[:8]
data = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": [0, 1, 0, 1]})
checks = {}


def check(function):
    checks[function.__name__.replace("_", " ")] = function
    return function


@check
def experiments():
    made = client.create_experiment(f"first {unique}", tags={"team": "blue"})
    assert client.get_experiment(made).tags["team"] == "blue"
    client.rename_experiment(made, f"second {unique}")
    client.set_experiment_tag(made, "k", "v")
    assert client.get_experiment_by_name(f"second {unique}").experiment_id == made
    found = client.search_experiments(filter_string=f"name LIKE 'second {unique}'")
    assert [each.experiment_id for each in found] == [made]
    client.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    client.restore_experiment(made)
    assert mlflow.set_experiment(f"clients {unique}").lifecycle_stage == "active"


@check
def runs_and_metrics():
    with mlflow.start_run(run_name="parent", tags={"a": "b"}) as run:
        mlflow.log_params({"depth": 3, "kind": "é"})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        with mlflow.start_run(run_name="child", nested=True) as child:
            mlflow.log_param("p", 1)
    client.log_batch(run.info.run_id, [Metric("m", 2.0, 1, 0)], [Param("q", "2")], [RunTag("t", "u")])
    found = client.get_run(run.info.run_id)
    assert found.data.params == {"depth": "3", "kind": "é", "q": "2"}
    assert found.data.metrics == {"loss": 0.2, "m": 2.0}
    assert found.info.status == "FINISHED"
    assert [each.step for each in client.get_metric_history(run.info.run_id, "loss")] == [0, 1, 2, 3, 4]
    assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id
    client.delete_tag(run.info.run_id, "t")
    client.update_run(run.info.run_id, name="renamed")
    assert client.get_run(run.info.run_id).info.run_name == "renamed"
    said = ""
    try:
        client.log_param(run.info.run_id, "depth", 4)
    except mlflow.MlflowException as error:
        said = str(error)
    assert "Changing param values is not allowed" in said


@check
def search_runs():
    made = [client.create_run(mlflow.get_experiment_by_name(f"clients {unique}").experiment_id) for _ in range(3)]
    for number, each in enumerate(made):
        client.log_metric(each.info.run_id, "searched", number)
        client.log_param(each.info.run_id, "n", number)
        client.set_terminated(each.info.run_id)
    where = [made[0].info.experiment_id]
    found = client.search_runs(where, "metrics.searched > 0 and params.n != '9'", order_by=["metrics.searched DESC"])
    assert [each.data.metrics["searched"] for each in found] == [2.0, 1.0]
    page = client.search_runs(where, "metrics.searched >= 0", max_results=2)
    assert len(page) == 2
    assert len(client.search_runs(where, "metrics.searched >= 0", max_results=2, page_token=page.token)) == 1
    client.delete_run(made[0].info.run_id)
    assert len(client.search_runs(where, "metrics.searched >= 0")) == 2
    assert len(client.search_runs(where, "metrics.searched >= 0", run_view_type=ViewType.ALL)) == 3
    client.restore_run(made[0].info.run_id)
    assert len(mlflow.search_runs(where, "metrics.searched >= 0")) == 3


@check
def artifacts():
    with mlflow.start_run() as run:
        mlflow.log_text("hello", "notes/a.txt")
        mlflow.log_dict({"a": 1}, "b.json")
    assert sorted(each.path for each in client.list_artifacts(run.info.run_id)) == ["b.json", "notes"]
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt") == "hello"
    assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/b.json") == {"a": 1}


@check
def asynchronous():
    with mlflow.start_run() as run:
        mlflow.log_metric("m", 1.0, synchronous=False)
        mlflow.log_params({f"p{number}": number for number in range(120)}, synchronous=False).wait()
        if hasattr(mlflow, "flush_async_logging"):  # since 2.10
            mlflow.flush_async_logging()
    assert len(client.get_run(run.info.run_id).data.params) == 120


@check
def data_sets():
    with mlflow.start_run() as run:
        mlflow.log_input(mlflow.data.from_pandas(data, name="train"), context="training")
    read = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert [(each.dataset.name, each.tags[0].value) for each in read] == [("train", "training")]


@check
def autolog():
    mlflow.sklearn.autolog(log_models=False)
    with mlflow.start_run() as run:
        LogisticRegression().fit(data[["x"]], data["y"])
    mlflow.sklearn.autolog(disable=True)
    found = client.get_run(run.info.run_id)
    assert found.data.params["C"] == "1.0"
    assert "training_score" in found.data.metrics


@check
def models():
    model = LogisticRegression().fit(data[["x"]], data["y"])
    with mlflow.start_run() as run:
        named = {"name": "model"} if major >= 3 else {"artifact_path": "model"}
        logged = mlflow.sklearn.log_model(model, **named, pip_requirements=[])
    expected = model.predict(data[["x"]]).tolist()
    for uri in (logged.model_uri, f"runs:/{run.info.run_id}/model"):
        assert mlflow.sklearn.load_model(uri).predict(data[["x"]]).tolist() == expected


@check
def registry():
    model, name = LogisticRegression().fit(data[["x"]], data["y"]), f"model {unique}"
    with mlflow.start_run():
        named = {"name": "model"} if major >= 3 else {"artifact_path": "model"}
        logged = mlflow.sklearn.log_model(model, **named, pip_requirements=[])
    version = mlflow.register_model(logged.model_uri, name)
    client.set_registered_model_alias(name, "best", version.version)
    client.set_model_version_tag(name, version.version, "k", "v")
    client.update_model_version(name, version.version, "the first")
    found = client.get_model_version_by_alias(name, "best")
    assert (found.version, found.description, found.tags) == (version.version, "the first", {"k": "v"})
    assert [each.name for each in client.search_registered_models(f"name = '{name}'")] == [name]
    assert [each.version for each in client.search_model_versions(f"name = '{name}'")] == [version.version]
    expected = model.predict(data[["x"]]).tolist()
    for uri in (f"models:/{name}/{version.version}", f"models:/{name}@best"):
        assert mlflow.sklearn.load_model(uri).predict(data[["x"]]).tolist() == expected
    client.delete_registered_model_alias(name, "best")


seen = {"version": mlflow.__version__}
for name, each in checks.items():
    try:
        each()
    except Exception as error:
        traceback.print_exc()
        seen[name] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        mlflow.end_run()
    else:
        seen[name] = "works"
print(json.dumps(seen))
