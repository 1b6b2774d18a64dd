"""Requests of every kind, right and wrong."""
# ruff: noqa: E501  a request stays on its line, so that they can be read as a list

from __future__ import annotations

from typing import Any

from hook_cases import GROUPS as HOOKS
from registry_cases import GROUPS as REGISTRY
from wire_replay import Case

T = 1_700_000_000_000


def case(name: str, method: str, path: str, body: Any = None, query: Any = None, **keep: str) -> Case:
    return Case(name, method, path, body, query, keep)


def post(name: str, path: str, body: Any, **keep: str) -> Case:
    return case(name, "POST", path, body, None, **keep)


def get(name: str, path: str, /, **query: Any) -> Case:
    return case(name, "GET", path, None, query or None)


def experiments() -> list[Case]:
    found = [
        get("the default experiment", "experiments/get", experiment_id="0"),
        get("an experiment without id", "experiments/get"),
        get("an experiment whose id is no number", "experiments/get", experiment_id="x"),
        get("an experiment that is not there", "experiments/get", experiment_id="987654"),
        get("a name that is not there", "experiments/get-by-name", experiment_name="nobody"),
        get("no name at all", "experiments/get-by-name"),
        post("a new experiment", "experiments/create",
             {"name": "shop/é ☃", "tags": [{"key": "team", "value": "blue"}]}, E="experiment_id"),
        post("another", "experiments/create", {"name": "other"}, E2="experiment_id"),
        post("an experiment by a name that is taken", "experiments/create", {"name": "other"}),
        post("an experiment without name", "experiments/create", {}),
        post("an experiment with an empty name", "experiments/create", {"name": ""}),
        post("an experiment whose name is a number", "experiments/create", {"name": 7}),
        post("an experiment whose name is a list", "experiments/create", {"name": ["a"]}),
        post("an experiment with a long name", "experiments/create", {"name": "n" * 501}),
        post("an experiment with tags that are no list", "experiments/create", {"name": "t", "tags": "x"}),
        post("an experiment with a bad tag", "experiments/create", {"name": "t", "tags": [{"key": "../x", "value": ""}]}),
        post("an experiment with unknown fields", "experiments/create", {"name": "unknown", "colour": {"a": [1]}}),
        get("an experiment by its name", "experiments/get-by-name", experiment_name="shop/é ☃"),
        post("a tag", "experiments/set-experiment-tag", {"experiment_id": "$E", "key": "a", "value": "b"}),
        post("a tag without value", "experiments/set-experiment-tag", {"experiment_id": "$E", "key": "empty"}),
        post("a tag without key", "experiments/set-experiment-tag", {"experiment_id": "$E", "value": "b"}),
        post("a tag with a long value", "experiments/set-experiment-tag",
             {"experiment_id": "$E", "key": "a", "value": "v" * 20_001}),
        post("a tag with a long key", "experiments/set-experiment-tag", {"experiment_id": "$E", "key": "k" * 251}),
        post("a tag taken away", "experiments/delete-experiment-tag", {"experiment_id": "$E", "key": "a"}),
        post("a tag that is not there taken away", "experiments/delete-experiment-tag", {"experiment_id": "$E", "key": "zz"}),
        post("a rename", "experiments/update", {"experiment_id": "$E2", "new_name": "renamed"}),
        post("a rename to nothing", "experiments/update", {"experiment_id": "$E2", "new_name": ""}),
        post("a rename of what is not there", "experiments/update", {"experiment_id": "987654", "new_name": "z"}),
        post("a delete", "experiments/delete", {"experiment_id": "$E2"}),
        post("a second delete", "experiments/delete", {"experiment_id": "$E2"}),
        get("a deleted experiment", "experiments/get", experiment_id="$E2"),
        post("a rename of a deleted experiment", "experiments/update", {"experiment_id": "$E2", "new_name": "z"}),
        post("a tag on a deleted experiment", "experiments/set-experiment-tag", {"experiment_id": "$E2", "key": "a", "value": "b"}),
        post("a run in a deleted experiment", "runs/create", {"experiment_id": "$E2"}),
        post("a search of deleted experiments", "experiments/search", {"max_results": 10, "view_type": "DELETED_ONLY"}),
        post("a search of all experiments", "experiments/search", {"max_results": 10, "view_type": "ALL"}),
        post("a restore", "experiments/restore", {"experiment_id": "$E2"}),
        post("a restore of what is not deleted", "experiments/restore", {"experiment_id": "$E2"}),
        post("a search without max_results", "experiments/search", {}),
        post("a search with too many results", "experiments/search", {"max_results": 50_001}),
        post("a page of one experiment", "experiments/search", {"max_results": 1}),
        get("a search by GET", "experiments/search", max_results="5"),
    ]  # fmt: skip
    filters = ["name = 'renamed'", "name LIKE 'shop%'", "name ILIKE 'SHOP%'", "name != 'Default'", "tags.team = 'blue'",
               "tags.team IS NULL", "tag.team IS NOT NULL", "creation_time > 0", "last_update_time < 1", "attribute.name = 'other'",
               "experiment_id IN ('0')", "name IN ('a')", "nothing = 'x'", "metrics.a > 1", "name = 3", "name > 'a'", "name"]  # fmt: skip
    found += [post(f"experiments where {f}", "experiments/search", {"max_results": 9, "filter": f}) for f in filters]
    orders = [["name"], ["name DESC"], ["creation_time", "name"], ["experiment_id DESC"], ["nothing"], ["name FOO"]]
    return found + [
        post(f"experiments by {o}", "experiments/search", {"max_results": 9, "order_by": o}) for o in orders
    ]


def runs() -> list[Case]:
    run = {"run_id": "$R"}
    metric = {"run_id": "$R", "key": "m", "value": 0.5, "timestamp": T, "step": 2}
    return [
        post("a run", "runs/create", {"experiment_id": "$E", "user_id": "ada", "run_name": "first", "start_time": T,
             "tags": [{"key": "t", "value": ""}]}, R="run.info.run_id"),
        post("a run of two names", "runs/create", {"experiment_id": "$E", "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]}),
        post("a run named by its tag", "runs/create", {"experiment_id": "$E", "start_time": T + 1, "tags": [{"key": "mlflow.runName", "value": "second"}]}, R2="run.info.run_id"),
        post("a run in no experiment of ours", "runs/create", {"experiment_id": "987654"}),
        post("a run with a start that is no number", "runs/create", {"experiment_id": "$E", "start_time": "soon"}),
        post("a metric", "runs/log-metric", metric),
        post("the same metric again", "runs/log-metric", metric),
        post("a metric that is no number", "runs/log-metric", {**metric, "value": "NaN", "step": 3}),
        post("an infinite metric", "runs/log-metric", {**metric, "key": "inf", "value": "Infinity"}),
        post("a metric that is minus infinity", "runs/log-metric", {**metric, "key": "inf", "value": "-Infinity", "step": 9}),
        post("a metric of an earlier step", "runs/log-metric", {**metric, "value": 9.5, "step": -1}),
        post("a metric with numbers as text", "runs/log-metric", {**metric, "key": "text", "value": "1.5", "timestamp": str(T), "step": "4"}),
        post("a metric without step", "runs/log-metric", {"run_id": "$R", "key": "nostep", "value": 1, "timestamp": T}),
        post("a metric by run_uuid", "runs/log-metric", {"run_uuid": "$R", "key": "old", "value": 1, "timestamp": T}),
        post("a metric without value", "runs/log-metric", {"run_id": "$R", "key": "m", "timestamp": T}),
        post("a metric whose value is null", "runs/log-metric", {"run_id": "$R", "key": "m", "timestamp": T, "value": None}),
        post("a metric without time", "runs/log-metric", {"run_id": "$R", "key": "m", "value": 1}),
        post("a metric without key", "runs/log-metric", {"run_id": "$R", "value": 1, "timestamp": T}),
        post("a metric without run", "runs/log-metric", {"key": "m", "value": 1, "timestamp": T}),
        post("a metric of no run", "runs/log-metric", {**metric, "run_id": "nobody"}),
        post("a metric whose value is text", "runs/log-metric", {**metric, "value": "abc"}),
        post("a metric whose time is text", "runs/log-metric", {**metric, "timestamp": "abc"}),
        post("a metric before 1970", "runs/log-metric", {**metric, "timestamp": -1}),
        post("a metric with a long name", "runs/log-metric", {**metric, "key": "k" * 251}),
        post("a parameter", "runs/log-parameter", {**run, "key": "p", "value": "1"}),
        post("the same parameter again", "runs/log-parameter", {**run, "key": "p", "value": "1"}),
        post("the parameter changed", "runs/log-parameter", {**run, "key": "p", "value": "2"}),
        post("a parameter without value", "runs/log-parameter", {**run, "key": "empty"}),
        post("a parameter whose value is a number", "runs/log-parameter", {**run, "key": "n", "value": 3}),
        post("a long parameter", "runs/log-parameter", {**run, "key": "long", "value": "x" * 7000}),
        post("a parameter of no run", "runs/log-parameter", {"run_id": "nobody", "key": "p", "value": "1"}),
        post("a tag", "runs/set-tag", {**run, "key": "tt", "value": "1"}),
        post("a tag changed", "runs/set-tag", {**run, "key": "tt", "value": "2"}),
        post("a long tag", "runs/set-tag", {**run, "key": "longtag", "value": "x" * 9000}),
        post("a tag without key", "runs/set-tag", {**run, "value": "2"}),
        post("a tag taken away", "runs/delete-tag", {**run, "key": "tt"}),
        post("a tag taken away twice", "runs/delete-tag", {**run, "key": "tt"}),
        post("a tag that names the run", "runs/set-tag", {**run, "key": "mlflow.runName", "value": "renamed"}),
        post("both spellings", "runs/set-tag", {**run, "runId": "$R", "key": "tt", "value": "1"}),
        post("a batch", "runs/log-batch", {**run,
             "metrics": [{"key": f"k{i}", "value": i / 2, "timestamp": T + i, "step": i} for i in range(5)],
             "params": [{"key": "q", "value": "x"}], "tags": [{"key": "u", "value": "y"}]}),
        post("the same batch again", "runs/log-batch", {**run,
             "metrics": [{"key": f"k{i}", "value": i / 2, "timestamp": T + i, "step": i} for i in range(5)],
             "params": [{"key": "q", "value": "x"}], "tags": [{"key": "u", "value": "y"}]}),
        post("a batch with one metric twice", "runs/log-batch", {**run, "metrics": 2 * [{"key": "twice", "value": 1, "timestamp": T, "step": 0}]}),
        post("an empty batch", "runs/log-batch", run),
        post("a batch that changes a parameter", "runs/log-batch", {**run, "params": [{"key": "q", "value": "z"}]}),
        post("a batch with a metric without time", "runs/log-batch", {**run, "metrics": [{"key": "a", "value": 1}]}),
        post("a batch with a metric without value", "runs/log-batch", {**run, "metrics": [{"key": "a", "timestamp": 1}]}),
        post("a batch with a metric without key", "runs/log-batch", {**run, "metrics": [{"value": 1, "timestamp": 1}]}),
        post("a batch with a parameter without key", "runs/log-batch", {**run, "params": [{"value": "1"}]}),
        post("a batch with a tag without key", "runs/log-batch", {**run, "tags": [{"value": "1"}]}),
        post("a batch with a parameter twice", "runs/log-batch", {**run, "params": 2 * [{"key": "d", "value": "z"}]}),
        post("a batch with many parameters", "runs/log-batch", {**run, "params": [{"key": f"d{i}", "value": "z"} for i in range(101)]}),
        post("a batch with many tags", "runs/log-batch", {**run, "tags": [{"key": f"d{i}", "value": "z"} for i in range(101)]}),
        post("a batch with many metrics", "runs/log-batch", {**run, "metrics": [{"key": "d", "value": 1, "timestamp": i} for i in range(1001)]}),
        post("a batch of no run", "runs/log-batch", {"run_id": "nobody"}),
        post("a batch of a run with a bad id", "runs/log-batch", {"run_id": "../x"}),
        post("a batch with a bad name", "runs/log-batch", {**run, "metrics": [{"key": "a//b", "value": 1, "timestamp": 1}]}),
        post("a batch with a bad tag", "runs/log-batch", {**run, "tags": [{"key": "a$b", "value": "1"}]}),
        post("inputs", "runs/log-inputs", {**run, "datasets": [{"tags": [{"key": "mlflow.data.context", "value": "train"}],
             "dataset": {"name": "d", "digest": "1", "source_type": "local", "source": "x"}}]}),
        post("the same inputs again", "runs/log-inputs", {**run, "datasets": [{"dataset": {"name": "d", "digest": "1", "source_type": "local", "source": "x"}}]}),
        post("inputs with a long name", "runs/log-inputs", {**run, "datasets": [{"dataset": {"name": "d" * 501, "digest": "1", "source_type": "local", "source": "x"}}]}),
        post("outputs", "runs/outputs", {**run, "models": [{"model_id": "m-1", "step": 1}]}),
        post("outputs without models", "runs/outputs", run),
        get("a run", "runs/get", run_id="$R"),
        get("a run by its old name", "runs/get", run_uuid="$R"),
        get("no run", "runs/get"),
        get("a run that is not there", "runs/get", run_id="nobody"),
        get("a history", "metrics/get-history", run_id="$R", metric_key="m"),
        get("a page of a history", "metrics/get-history", run_id="$R", metric_key="m", max_results="2"),
        get("the next page", "metrics/get-history", run_id="$R", metric_key="m", max_results="2", page_token="eyJvZmZzZXQiOiAyfQ=="),
        get("a history of nothing", "metrics/get-history", run_id="$R", metric_key="zz"),
        get("a history without key", "metrics/get-history", run_id="$R"),
        get("no page at all", "metrics/get-history", run_id="$R", metric_key="m", max_results="0"),
        get("a history in a chart", "metrics/get-history-bulk-interval", run_ids="$R", metric_key="k1"),
        get("a history in a chart from nowhere", "metrics/get-history-bulk-interval", run_ids="$R", metric_key="k1", start_step="5", end_step="1"),
        get("a chart of too many points", "metrics/get-history-bulk-interval", run_ids="$R", metric_key="k1", max_results="2501"),
        post("an end", "runs/update", {**run, "status": "FINISHED", "end_time": T + 1000, "run_name": "ended"}),
        post("an update of nothing", "runs/update", run),
        post("an update of no run", "runs/update", {"run_id": "nobody", "status": "FINISHED"}),
        post("a status by its number", "runs/update", {"run_id": "$R2", "status": 4}),
        post("a model that is no JSON", "runs/log-model", {**run, "model_json": "x"}),
        post("a model of old clients", "runs/log-model", {**run, "model_json": "{\"artifact_path\": \"m\", \"flavors\": {}, \"utc_time_created\": \"2024-01-01\", \"run_id\": \"r\"}"}),
        case("a body that is no JSON", "POST", "runs/set-tag", "not json"),
        case("a body that is a JSON text with JSON in it", "POST", "runs/set-tag", "\"{\\\"run_id\\\": \\\"$R\\\", \\\"key\\\": \\\"in\\\", \\\"value\\\": \\\"text\\\"}\""),
    ]  # fmt: skip


def searches() -> list[Case]:
    filters = [
        "metrics.k1 > 0", "metrics.k1 >= 0.5", "metrics.k1 = 0.5", "metrics.k1 != 0.5", "metrics.k1 < 0.5", "metric.k1 <= .5",
        "metrics.k1 = -1", "metrics.k1 = 5e-1", "metrics.m != 1", "metrics.m > 0", "metrics.`k1` > 0", "metrics.zz > 0", "metrics.k1 = 'x'",
        "params.p = '1'", "params.p = \"1\"", "params.p != '1'", "params.p = 1", "params.q LIKE 'X'", "params.q ILIKE 'X'", "param.q LIKE '%'",
        "parameters.p = '1'", "params.p > '1'", "params.p IS NULL", "params.zz IS NULL", "params.zz IS NOT NULL", "params.p in ('1')",
        "tags.t = ''", "tags.zz IS NULL", "tags.u != 'n'", "tags.`mlflow.runName` = 'ended'", "tags.mlflow.runName = 'ended'", "tags.u is not null",
        "attributes.status = 'FINISHED'", "status = 'RUNNING'", "status != 'FINISHED'", "status LIKE 'F%'", "attr.status ILIKE 'f%'",
        "run_name = 'ended'", "attributes.run_name LIKE '%nd%'", "`run name` = 'ended'", "user_id = 'ada'", "run_id = '$R'", "run_id != '$R'",
        "run_id IN ('$R', '$R2')", "run_id NOT IN ('$R')", "status IN ('FINISHED')", "start_time > 1", "start_time = 1", "end_time > 1", "created > 0",
        "end_time < 1", "start_time = 'x'", "artifact_uri LIKE '%artifacts'", "foo = 'x'", "x.y = 1", "dataset.name = 'd'", "dataset.name != 'd'",
        "dataset.digest IN ('1', '2')", "datasets.context = 'train'", "dataset.name LIKE 'D'", "dataset.foo = 'd'", "dataset.name = 1",
        "params.p = '1' AND metrics.k1 > 0", "params.p = '1' and tags.u = 'y' AnD metrics.k2 = 1", "params.p = '1' OR params.q = 'x'",
        "params.p", "= 1", "params.p = '1' AND", "metrics.k1 > 1; drop table runs", "not params.p = '1'", " ", "'; DROP TABLE runs; --",
    ]  # fmt: skip
    orders = [
        ["metrics.k1 DESC"], ["metrics.k1"], ["metrics.m"], ["start_time"], ["attributes.start_time DESC"], ["end_time"],
        ["params.p ASC", "tags.t DESC"], ["params.zz"], ["run_name desc"], ["status"], ["user_id"], ["foo"], ["metrics.k1 FOO"],
        ["`metrics`.`k1`"], ["Created"],
    ]  # fmt: skip
    where = {"experiment_ids": ["$E"]}
    return [
        *(post(f"runs where {each}", "runs/search", {**where, "filter": each}) for each in filters),
        *(post(f"runs by {each}", "runs/search", {**where, "order_by": each}) for each in orders),
        post("runs by one thing twice", "runs/search", {**where, "order_by": ["metrics.m", "metrics.m"]}),
        post("one run a page", "runs/search", {**where, "max_results": 1}),
        post("the second page", "runs/search", {**where, "max_results": 1, "page_token": "eyJvZmZzZXQiOiAxfQ=="}),
        post("no run a page", "runs/search", {**where, "max_results": 0}),
        post("too many runs a page", "runs/search", {**where, "max_results": 50_001}),
        post("a page that is none", "runs/search", {**where, "page_token": "eyJ4IjogMX0="}),
        post("runs of no experiment", "runs/search", {"experiment_ids": []}),
        post("runs of an experiment that is not there", "runs/search", {"experiment_ids": ["987654"]}),
        post("runs of what is no experiment", "runs/search", {"experiment_ids": ["x"]}),
        post("runs of an experiment that is no list", "runs/search", {"experiment_ids": "$E"}),
        post("all runs", "runs/search", {**where, "run_view_type": "ALL"}),
        post("a filter that is a number", "runs/search", {**where, "filter": 3}),
        post("a delete", "runs/delete", {"run_id": "$R2"}),
        post("deleted runs", "runs/search", {**where, "run_view_type": "DELETED_ONLY"}),
        post("a parameter of a deleted run", "runs/log-parameter", {"run_id": "$R2", "key": "a", "value": "1"}),
        post("a metric of a deleted run", "runs/log-metric", {"run_id": "$R2", "key": "a", "value": 1, "timestamp": 1}),
        post("an end of a deleted run", "runs/update", {"run_id": "$R2", "status": "FINISHED"}),
        post("a restore", "runs/restore", {"run_id": "$R2"}),
        post("a delete of no run", "runs/delete", {"run_id": "nobody"}),
    ]  # fmt: skip


def models() -> list[Case]:
    model = "logged-models/$M"
    filters = [
        "name = 'one'", "name != 'one'", "name LIKE 'o%'", "model_type = 'tree'", "metrics.acc > 0.5", "metrics.acc < 0.5", "params.depth = '3'",
        "tags.team = 'blue'", "tags.team LIKE 'b%'", "attributes.name = 'one'", "creation_timestamp > 1", "source_run_id = '$R'", "name IN ('one', 'two')",
        "metrics.acc > 0.5 AND params.depth = '3'", "name = 'one' OR name = 'two'", "metric.acc > 1",
    ]  # fmt: skip
    where = {"experiment_ids": ["$E"]}
    return [
        post("a logged model", "logged-models", {"experiment_id": "$E", "name": "one", "model_type": "tree", "source_run_id": "$R",
             "params": [{"key": "depth", "value": "3"}], "tags": [{"key": "team", "value": "blue"}]}, M="model.info.model_id"),
        post("another", "logged-models", {"experiment_id": "$E", "name": "two"}, M2="model.info.model_id"),
        post("a logged model without experiment", "logged-models", {"name": "one"}),
        post("a logged model with a bad name", "logged-models", {"experiment_id": "$E", "name": "a/b"}),
        post("a logged model of no experiment", "logged-models", {"experiment_id": "987654"}),
        get("a logged model", model),
        get("a logged model that is not there", "logged-models/m-0"),
        case("a logged model made ready", "PATCH", model, {"model_id": "$M", "status": 2}),
        case("a logged model ready by a word", "PATCH", model, {"model_id": "$M", "status": "LOGGED_MODEL_READY"}),
        case("a logged model without status", "PATCH", model, {"model_id": "$M"}),
        case("tags of a logged model", "PATCH", f"{model}/tags", {"tags": [{"key": "a", "value": "b"}]}),
        case("a tag of a logged model taken away", "DELETE", f"{model}/tags/a"),
        case("a tag of a logged model taken away twice", "DELETE", f"{model}/tags/a"),
        post("parameters of a logged model", f"{model}/params", {"model_id": "$M", "params": [{"key": "more", "value": "1"}]}),
        post("a metric of a logged model", "runs/log-metric", {"run_id": "$R", "key": "acc", "value": 0.75, "timestamp": T, "model_id": "$M",
             "dataset_name": "d", "dataset_digest": "1"}),
        post("a batch with metrics of a logged model", "runs/log-batch", {"run_id": "$R", "metrics": [
             {"key": "f1", "value": 0.5, "timestamp": T, "step": 1, "model_id": "$M2"}]}),
        get("a logged model with metrics", model),
        *(post(f"logged models where {each}", "logged-models/search", {**where, "filter": each}) for each in filters),
        post("logged models on a data set", "logged-models/search", {**where, "datasets": [{"dataset_name": "d"}]}),
        post("logged models on no data set", "logged-models/search", {**where, "datasets": [{"dataset_digest": "d"}]}),
        post("logged models by a metric", "logged-models/search", {**where, "order_by": [{"field_name": "metrics.acc", "ascending": False}]}),
        post("logged models by name", "logged-models/search", {**where, "order_by": [{"field_name": "name"}]}),
        post("logged models by nothing", "logged-models/search", {**where, "order_by": [{"field_name": "nothing"}]}),
        post("logged models by a parameter", "logged-models/search", {**where, "order_by": [{"field_name": "params.a"}]}),
        post("logged models without experiments", "logged-models/search", {}),
        case("a logged model deleted", "DELETE", "logged-models/$M2"),
        get("a deleted logged model", "logged-models/$M2"),
        get("a deleted logged model that is asked for", "logged-models/$M2", allow_deleted="true"),
        get("the files of a logged model", f"{model}/artifacts/directories"),
    ]  # fmt: skip


def files() -> list[Case]:
    root = "/api/2.0/mlflow-artifacts/artifacts"
    run = "$E/$R/artifacts"
    return [
        case("a file", "PUT", f"{root}/{run}/dir/a.txt", "hello"),
        case("another file", "PUT", f"{root}/{run}/b.txt", "12345"),
        case("a file replaced", "PUT", f"{root}/{run}/b.txt", "1"),
        get("a file", f"{root}/{run}/dir/a.txt"),
        get("the replaced file", f"{root}/{run}/b.txt"),
        get("a file that is not there", f"{root}/{run}/zz.txt"),
        get("a folder as a file", f"{root}/{run}/dir"),
        get("a list", root, path=run),
        get("a list of a folder", root, path=f"{run}/dir"),
        get("a list of a file", root, path=f"{run}/b.txt"),
        get("a list of nothing", root, path=f"{run}/zz"),
        get("a list upwards", root, path="../x"),
        get("an absolute list", root, path="/etc"),
        case("a file upwards", "PUT", f"{root}/%2e%2e/x", "1"),
        get("the files of a run", "artifacts/list", run_id="$R"),
        get("the files of a folder of a run", "artifacts/list", run_id="$R", path="dir"),
        get("the files of no run", "artifacts/list", run_id="nobody"),
        case("a file taken away", "DELETE", f"{root}/{run}/b.txt"),
        case("a folder taken away", "DELETE", f"{root}/{run}/dir"),
        get("a list of what is left", root, path=run),
        get("an address to download from", f"/api/2.0/mlflow-artifacts/presigned/{run}/a"),
        get("a path that is none", "/api/2.0/mlflow/nothing"),
        get("server-info", "/api/3.0/mlflow/server-info"),
    ]  # fmt: skip


#: In this order: later ones ask about what the earlier ones made.
GROUPS = {
    "experiments": experiments(), "runs": runs(), "searches": searches(), "logged models": models(), "files": files(),
    **REGISTRY, **HOOKS,
}  # fmt: skip
