"""A program that uses MLflow as people do; what it sees, it prints as JSON."""

import json
import sys

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import mlflow

mlflow.set_tracking_uri(sys.argv[1])
seen = {}
mlflow.set_experiment("story")
features, target = load_iris(return_X_y=True, as_frame=True)
client = mlflow.MlflowClient()


def files(run, folder=None):
    for each in client.list_artifacts(run, folder):
        yield from files(run, each.path) if each.is_dir else [each.path]


mlflow.sklearn.autolog(log_datasets=True)
with mlflow.start_run(run_name="autologged") as run:
    LogisticRegression(max_iter=200).fit(features, target)
mlflow.sklearn.autolog(disable=True)
found = mlflow.get_run(run.info.run_id)
seen["autolog metrics"] = sorted(found.data.metrics)
seen["autolog params"] = found.data.params
seen["autolog status"] = found.info.status
seen["autolog files"] = sorted(files(run.info.run_id))
seen["autolog datasets"] = [
    (each.dataset.name, each.dataset.digest, [tag.value for tag in each.tags]) for each in found.inputs.dataset_inputs
]
seen["autolog models"] = len(found.outputs.model_outputs)

with mlflow.start_run(run_name="by hand") as run:
    model = LogisticRegression(max_iter=200).fit(features, target)
    logged = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
    mlflow.log_metric("accuracy", 0.9, model_id=logged.model_id)
    mlflow.log_input(mlflow.data.from_pandas(features, name="iris"), context="training")
    with mlflow.start_run(run_name="child", nested=True) as child:
        mlflow.log_params({"depth": 3, "kind": "é"})
    mlflow.log_text("hello", "notes/a.txt")
    mlflow.log_dict({"a": [1, 2]}, "b.json")
    for step in range(100):
        mlflow.log_metric("loss", 1 / (step + 1), step=step, synchronous=False)
    mlflow.log_params({f"p{number}": number for number in range(150)}, synchronous=False)
    mlflow.flush_async_logging()
    mlflow.set_tags({"team": "blue"})
seen["predictions"] = [
    mlflow.sklearn.load_model(logged.model_uri).predict(features[:5]).tolist(),
    mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model").predict(features[:5]).tolist(),
    mlflow.pyfunc.load_model(logged.model_uri).predict(features[:5]).tolist(),
]
seen["history"] = [(each.step, each.value) for each in client.get_metric_history(run.info.run_id, "loss")]
seen["params"] = len(mlflow.get_run(run.info.run_id).data.params)
seen["text"] = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/a.txt")
seen["dict"] = mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/b.json")
seen["parent"] = client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id
table = mlflow.search_runs(experiment_names=["story"], order_by=["metrics.loss ASC", "attributes.run_name"])
seen["search"] = table["tags.mlflow.runName"].tolist()
children = mlflow.search_runs(
    experiment_names=["story"], filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'"
)
seen["children"] = children["tags.mlflow.runName"].tolist()
seen["models"] = [
    each.name
    for each in mlflow.search_logged_models(
        experiment_ids=[run.info.experiment_id], filter_string="metrics.accuracy > 0.5", output_format="list"
    )
]
try:
    client.log_param(child.info.run_id, "depth", 4)
except mlflow.MlflowException as error:
    seen["changed param"] = (error.error_code, str(error).replace(child.info.run_id, "<run>"))
try:
    client.get_run("0" * 32)
except mlflow.MlflowException as error:
    seen["no run"] = (error.error_code, str(error))
with mlflow.start_run(run_id=child.info.run_id):
    mlflow.log_metric("again", 1.0)
seen["resumed"] = client.get_run(child.info.run_id).info.status
try:
    with mlflow.start_run(run_name="failing") as failing:
        raise ValueError
except ValueError:
    seen["failed"] = client.get_run(failing.info.run_id).info.status
client.delete_run(failing.info.run_id)
seen["left"] = len(mlflow.search_runs(experiment_names=["story"]))
client.restore_run(failing.info.run_id)
seen["restored"] = len(mlflow.search_runs(experiment_names=["story"]))
print(json.dumps(seen))
