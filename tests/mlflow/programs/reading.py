"""A program that reads all that a client can see of stores, each named by its URI, and prints it as JSON."""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

from mlflow.entities import ViewType

import mlflow


def seen(uri):
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient(uri)
    experiments = {each.experiment_id: each for each in client.search_experiments(ViewType.ALL)}
    runs = client.search_runs(list(experiments), run_view_type=ViewType.ALL, max_results=1000)
    return {
        "experiments": {
            each.name: [each.lifecycle_stage, each.tags, each.creation_time, each.last_update_time]
            for each in experiments.values()
            if each.name != "Default"
        },
        "runs": {run.info.run_id: of_run(client, experiments, client.get_run(run.info.run_id)) for run in runs},
        "registered": {each.name: of_registered(client, each) for each in client.search_registered_models()},
        "models": {key: value for each in experiments for key, value in of_models(client, each).items()},
    }


def of_run(client, experiments, run):
    info, data = run.info, run.data
    history = {key: points(client.get_metric_history(info.run_id, key)) for key in data.metrics}
    outputs = getattr(run, "outputs", None)
    return {
        "experiment": experiments[info.experiment_id].name,
        "info": [info.run_name, info.user_id, info.status, info.start_time, info.end_time, info.lifecycle_stage],
        "params": data.params,
        "tags": {key: value for key, value in data.tags.items() if key != "mlflow.log-model.history"},
        "metrics": {key: repr(value) for key, value in data.metrics.items()},
        "history": history,
        "files": files(client, info.run_id),
        "data": [
            [each.dataset.to_dictionary(), {tag.key: tag.value for tag in each.tags}]
            for each in run.inputs.dataset_inputs
        ],
        "made": sorted((each.model_id, each.step) for each in outputs.model_outputs) if outputs else [],
    }


def points(history):
    return sorted((each.timestamp, each.step, repr(each.value)) for each in history)


def files(client, run):
    with tempfile.TemporaryDirectory() as folder:
        for each in client.list_artifacts(run):
            client.download_artifacts(run, each.path, folder)
        return hashes(folder)


def hashes(folder):
    found = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def of_models(client, experiment):
    if not hasattr(client, "search_logged_models"):
        return {}
    return {
        each.model_id: [
            each.name, each.source_run_id, str(each.status), each.creation_timestamp, each.last_updated_timestamp,
            each.params, each.tags, sorted((one.key, repr(one.value), one.step) for one in each.metrics or ()),
        ]
        for each in client.search_logged_models([experiment])
    }  # fmt: skip


def of_registered(client, model):
    found = client.get_registered_model(model.name)
    versions = client.search_model_versions(f"name = '{model.name}'")
    return {
        "info": [found.description or "", found.tags, numbers(found.aliases), found.creation_timestamp],
        "versions": [
            [
                str(each.version), each.description or "", each.tags, each.current_stage, each.run_id, each.source,
                each.creation_timestamp, each.last_updated_timestamp,
                downloaded(f"models:/{model.name}/{each.version}"),
            ]
            for each in versions
        ],
        "by alias": {each: downloaded(f"models:/{model.name}@{each}") for each in found.aliases},
    }  # fmt: skip


def numbers(aliases):
    """Return the aliases with numbers as texts, which only clients of a server have them as."""
    return {alias: str(number) for alias, number in aliases.items()}


def downloaded(uri):
    with tempfile.TemporaryDirectory() as folder:
        mlflow.artifacts.download_artifacts(uri, dst_path=folder)
        found = hashes(folder)
        found.pop("registered_model_meta", None)  # the client writes it, with the number as its store's kind has it
        return found


print(json.dumps({uri: seen(uri) for uri in sys.argv[1:]}))
