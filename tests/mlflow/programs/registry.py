"""A program that registers models and prompts as people do; what it sees, it prints as JSON."""

import json
import sys

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import mlflow

mlflow.set_tracking_uri(sys.argv[1])
seen = {}
mlflow.set_experiment("registry")
features, target = load_iris(return_X_y=True, as_frame=True)
client = mlflow.MlflowClient()
model = LogisticRegression(max_iter=200).fit(features, target)


def shown(version):
    return [
        version.name,
        version.version,
        version.current_stage,
        version.description,
        version.tags,
        list(version.aliases),
    ]


def refused(call, *args, **more):
    try:
        return call(*args, **more)
    except mlflow.MlflowException as error:
        return [error.error_code, str(error).replace(run.info.run_id, "<run>")]


with mlflow.start_run(run_name="registered") as run:
    logged = mlflow.sklearn.log_model(
        model, name="model", registered_model_name="iris", pip_requirements=["scikit-learn"]
    )
    mlflow.sklearn.log_model(model, name="second", pip_requirements=["scikit-learn"])
seen["version"] = logged.registered_model_version
second = mlflow.register_model(f"runs:/{run.info.run_id}/second", "iris", tags={"size": "small"})
seen["second"] = shown(second)
client.create_registered_model("shelf", tags={"team": "blue"}, description="what may serve")
copied = client.copy_model_version("models:/iris/1", "shelf")
seen["copied"] = [*shown(copied), copied.source]
client.set_registered_model_alias("iris", "best", 2)
client.set_model_version_tag("iris", 1, "checked", "yes")
client.update_model_version("iris", 1, "the first")
client.update_registered_model("iris", "flowers")
client.set_registered_model_tag("iris", "task", "classes")
client.transition_model_version_stage("iris", 1, "Staging")
seen["one"] = shown(client.get_model_version("iris", 1))
seen["best"] = shown(client.get_model_version_by_alias("iris", "best"))
seen["latest"] = [shown(each) for each in client.get_latest_versions("iris")]
seen["registered"] = [
    [each.name, each.description, each.tags, each.aliases, sorted(v.version for v in each.latest_versions)]
    for each in client.search_registered_models(order_by=["name DESC"])
]
seen["tagged"] = [each.name for each in client.search_registered_models("tags.team = 'blue' AND name ILIKE 'SH%'")]
seen["versions"] = [
    [each.name, each.version]
    for each in client.search_model_versions("name = 'iris' AND version_number > 0", order_by=["version_number ASC"])
]
seen["of run"] = len(client.search_model_versions(f"run_id = '{run.info.run_id}'"))
seen["predictions"] = [
    mlflow.sklearn.load_model(uri).predict(features[:5]).tolist()
    for uri in ("models:/iris/1", "models:/iris@best", "models:/iris/Staging", "models:/iris/latest", "models:/shelf/1")
]
seen["pyfunc"] = mlflow.pyfunc.load_model("models:/iris/2").predict(features[:5]).tolist()
seen["logged tag"] = json.loads(client.get_logged_model(logged.model_id).tags["mlflow.modelVersions"])
seen["taken"] = refused(client.create_registered_model, "iris")
seen["nobody"] = refused(client.get_registered_model, "nobody")
seen["no version"] = refused(client.get_model_version, "iris", 99)
seen["no alias"] = refused(client.get_model_version_by_alias, "iris", "nothing")
seen["bad alias"] = refused(client.set_registered_model_alias, "iris", "latest", 1)
seen["bad stage"] = refused(client.transition_model_version_stage, "iris", 1, "Shadow")
client.delete_model_version_tag("iris", 1, "checked")
client.delete_registered_model_tag("iris", "task")
client.delete_registered_model_alias("iris", "best")
client.delete_model_version("iris", 2)
client.rename_registered_model("shelf", "shelves")
seen["after"] = [[each.name, each.version] for each in client.search_model_versions(order_by=["name"])]

first = mlflow.genai.register_prompt(
    "greeting", "Hello {{name}}", commit_message="one", tags={"tone": "warm"}, response_format={"type": "object"}
)
mlflow.genai.register_prompt("greeting", [{"role": "user", "content": "Hi {{name}}"}], commit_message="two")
mlflow.genai.set_prompt_alias("greeting", alias="live", version=1)
client.set_prompt_tag("greeting", "team", "blue")
client.set_prompt_version_tag("greeting", 2, "checked", "yes")
seen["prompt"] = mlflow.genai.load_prompt("prompts:/greeting@live").format(name="Ada")
seen["prompt 2"] = mlflow.genai.load_prompt("greeting", version=2).template
seen["prompt latest"] = mlflow.genai.load_prompt("prompts:/greeting@latest").version
seen["prompt none"] = refused(mlflow.genai.load_prompt, "prompts:/greeting/99")
seen["prompts"] = [[each.name, each.description] for each in mlflow.genai.search_prompts()]
seen["prompts like"] = [each.name for each in mlflow.genai.search_prompts("name LIKE 'gree%'")]
seen["prompt versions"] = [each.version for each in client.search_prompt_versions("greeting")]
seen["models left"] = [each.name for each in client.search_registered_models()]
client.delete_prompt_alias("greeting", "live")
client.delete_prompt_version("greeting", "2")
client.delete_prompt_version("greeting", "1")
client.delete_prompt("greeting")
seen["no prompts"] = len(mlflow.genai.search_prompts())
client.delete_registered_model("iris")
seen["gone"] = refused(client.get_registered_model, "iris")
print(json.dumps(seen))
