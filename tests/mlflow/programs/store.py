"""A program that fills stores of MLflow's, each named by its URI, with all that runs can have."""

import sys
import warnings

import pandas as pd

import mlflow

warnings.filterwarnings("ignore")


class Nothing(mlflow.pyfunc.PythonModel):
    def predict(self, _, model_input, params=None):
        return model_input if params is None else params


def fill(uri):
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient(uri)
    experiment = client.create_experiment("Churn / Q3", tags={"team": "blue"})
    data = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [0, 1, 0]})
    with mlflow.start_run(experiment_id=experiment, run_name="parent", tags={"a": "b"}):
        mlflow.log_params({"depth": 3, "kind": "é x", "empty": "", "long": "x" * 3000, "with/slash": "1"})
        for step in range(20):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metric("nan", float("nan"))
        mlflow.log_metric("infinite", float("inf"))
        mlflow.log_metric("before", -1.5, step=-3)
        mlflow.log_metric("eval/auc", 0.5)
        for value in (1.0, 2.0, 1.0):
            mlflow.log_metric("same step", value)
        mlflow.set_tags({"lines": "one\ntwo\n", "mlflow.note.content": "# hello"})
        mlflow.log_text("hello", "notes/a.txt")
        mlflow.log_text("", "empty.txt")
        mlflow.log_dict({"a": 1}, "d/e/f é.json")
        mlflow.log_input(mlflow.data.from_pandas(data, name="train", targets="y"), context="training")
        name = {"name": "model"} if int(mlflow.__version__.split(".")[0]) >= 3 else {"artifact_path": "model"}
        mlflow.pyfunc.log_model(**name, python_model=Nothing(), registered_model_name="churn", pip_requirements=[])
        with mlflow.start_run(experiment_id=experiment, run_name="child", nested=True):
            mlflow.log_param("p", 1)
    try:
        with mlflow.start_run(experiment_id=experiment, run_name="failing"):
            raise ValueError
    except ValueError:
        pass
    with mlflow.start_run(experiment_id=experiment, run_name="deleted") as deleted:
        mlflow.log_metric("m", 1)
    client.delete_run(deleted.info.run_id)
    going_on = client.create_run(experiment, run_name="going on")
    client.log_metric(going_on.info.run_id, "m", 3)
    gone = client.create_experiment("gone")
    with mlflow.start_run(experiment_id=gone, run_name="in gone"):
        mlflow.log_metric("m", 1)
    client.delete_experiment(gone)
    with mlflow.start_run(experiment_id="0", run_name="in default"):
        mlflow.log_metric("m", 1)
    client.update_registered_model("churn", "what is asked")
    client.set_registered_model_tag("churn", "k", "v")
    client.update_model_version("churn", "1", "the first")
    client.set_model_version_tag("churn", "1", "k", "v")
    client.set_registered_model_alias("churn", "champion", 1)
    client.create_registered_model("nothing yet")


for each in sys.argv[1:]:
    fill(each)
