"""Requests about registered models, versions, aliases, stages and prompts, right and wrong."""
# ruff: noqa: E501  a request stays on its line, so that they can be read as a list

from __future__ import annotations

from typing import Any

from wire_replay import Case

RM, MV = "registered-models", "model-versions"
PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]


def case(name: str, method: str, path: str, body: Any = None, query: Any = None, **keep: str) -> Case:
    return Case(name, method, path, body, query, keep)


def post(name: str, path: str, /, **body: Any) -> Case:
    return case(name, "POST", path, body)


def get(name: str, path: str, /, **query: Any) -> Case:
    return case(name, "GET", path, None, query or None)


def patch(name: str, path: str, /, **body: Any) -> Case:
    return case(name, "PATCH", path, body)


def delete(name: str, path: str, /, **body: Any) -> Case:
    return case(name, "DELETE", path, body)


def models() -> list[Case]:
    return [
        post("a registered model", f"{RM}/create", name="churn", description="who leaves", tags=[{"key": "team", "value": "blue"}, {"key": "team", "value": "red"}]),
        post("another registered model", f"{RM}/create", name="Übung 7 ☃"),
        post("a registered model of a taken name", f"{RM}/create", name="churn"),
        post("a prompt of a model's name", f"{RM}/create", name="churn", tags=PROMPT),
        post("a registered model without name", f"{RM}/create"),
        post("a registered model with an empty name", f"{RM}/create", name=""),
        post("a registered model with a blank name", f"{RM}/create", name="  "),
        post("a registered model with a slash", f"{RM}/create", name="a/b"),
        post("a registered model with a colon", f"{RM}/create", name="a:b"),
        post("a registered model called ..", f"{RM}/create", name=".."),
        post("a registered model called ../x", f"{RM}/create", name="../x"),
        post("a registered model whose name is a number", f"{RM}/create", name=7),
        post("a registered model whose name is a list", f"{RM}/create", name=["a"]),
        post("a registered model whose description is a list", f"{RM}/create", name="t", description=[1]),
        post("a registered model whose tags are a text", f"{RM}/create", name="t", tags="x"),
        post("a registered model with a bad tag", f"{RM}/create", name="t", tags=[{"key": "../x", "value": "1"}]),
        post("a registered model with a tag without key", f"{RM}/create", name="t", tags=[{"value": "1"}]),
        post("a registered model with a huge tag", f"{RM}/create", name="t", tags=[{"key": "k", "value": "v" * 100_001}]),
        post("a registered model with a long key", f"{RM}/create", name="t", tags=[{"key": "k" * 251, "value": "v"}]),
        post("a registered model with unknown fields", f"{RM}/create", name="unknown", colour={"a": [1]}, newName="x"),
        get("a registered model", f"{RM}/get", name="churn"),
        get("a registered model that is not there", f"{RM}/get", name="nobody"),
        get("a registered model without its name", f"{RM}/get"),
        get("a registered model with a slash asked for", f"{RM}/get", name="a/b"),
        patch("a description", f"{RM}/update", name="churn", description="who may leave"),
        patch("no description", f"{RM}/update", name="churn"),
        patch("a description of nobody", f"{RM}/update", name="nobody", description="x"),
        patch("a description that is a number", f"{RM}/update", name="churn", description=3),
        post("a tag of a registered model", f"{RM}/set-tag", name="churn", key="stage", value="x"),
        post("a tag of a registered model again", f"{RM}/set-tag", name="churn", key="stage", value="y"),
        post("a tag of a registered model without value", f"{RM}/set-tag", name="churn", key="empty"),
        post("a tag of a registered model without key", f"{RM}/set-tag", name="churn", value="y"),
        post("a tag of a registered model of a long value", f"{RM}/set-tag", name="churn", key="k", value="v" * 100_001),
        post("a tag of a registered model of a bad key", f"{RM}/set-tag", name="churn", key="a&b", value="y"),
        post("a tag of nobody", f"{RM}/set-tag", name="nobody", key="k", value="y"),
        delete("a tag of a registered model taken away", f"{RM}/delete-tag", name="churn", key="empty"),
        delete("a tag of a registered model taken away twice", f"{RM}/delete-tag", name="churn", key="empty"),
        delete("a tag of nobody taken away", f"{RM}/delete-tag", name="nobody", key="empty"),
        delete("a tag without key taken away", f"{RM}/delete-tag", name="churn"),
        post("a rename of a registered model", f"{RM}/rename", name="unknown", new_name="known"),
        post("a rename of a registered model to a taken name", f"{RM}/rename", name="known", new_name="churn"),
        post("a rename of nobody's model", f"{RM}/rename", name="nobody", new_name="x"),
        post("a rename of a registered model to nothing", f"{RM}/rename", name="known"),
        post("a rename of a registered model to blanks", f"{RM}/rename", name="known", new_name="  "),
        post("a rename of a registered model to a path", f"{RM}/rename", name="known", new_name="a/b"),
        get("a renamed registered model", f"{RM}/get", name="known"),
        get("a registered model by the name before", f"{RM}/get", name="unknown"),
    ]  # fmt: skip


def versions() -> list[Case]:
    run = {"name": "churn", "run_id": "$R"}
    return [
        post("a version", f"{MV}/create", **run, source="runs:/$R/model", description="first", tags=[{"key": "score", "value": "9"}], run_link="http://x"),
        post("a version of a file of the run", f"{MV}/create", **run, source="mlflow-artifacts:/$E/$R/artifacts/model"),
        post("a version of a logged model", f"{MV}/create", name="churn", source="models:/$M", model_id="$M"),
        post("a version elsewhere", f"{MV}/create", name="known", source="s3://bucket/model", run_id="$R"),
        post("a version without run", f"{MV}/create", name="known", source="s3://bucket/model/2"),
        get("a logged model that is registered", "logged-models/$M"),
        post("a version of another run", f"{MV}/create", name="churn", source="runs:/$R2/model", run_id="$R"),
        post("a version of no run", f"{MV}/create", name="churn", source="runs:/$R/model"),
        post("a version of a run that is not there", f"{MV}/create", name="churn", source="mlflow-artifacts:/1/x/artifacts/model", run_id="x"),
        post("a version of a file of another run", f"{MV}/create", **run, source="mlflow-artifacts:/$E/$R2/artifacts/model"),
        post("a version of another logged model", f"{MV}/create", name="churn", source="models:/$M", model_id="m-0"),
        post("a version of a logged model that is not named", f"{MV}/create", name="churn", source="models:/$M"),
        post("a version of a path", f"{MV}/create", name="churn", source="/etc/passwd"),
        post("a version of a path of a run", f"{MV}/create", **run, source="file:///etc/passwd"),
        post("a version of a place upwards", f"{MV}/create", **run, source="mlflow-artifacts:/$E/$R/artifacts/../../x"),
        post("a version of an encoded place upwards", f"{MV}/create", **run, source="mlflow-artifacts:/$E/$R/%2e%2e/x"),
        post("a version of a host", f"{MV}/create", **run, source="http://example.org/model"),
        post("a version of an artifact host", f"{MV}/create", **run, source="mlflow-artifacts://example.org/model"),
        post("a version without source", f"{MV}/create", name="churn"),
        post("a version without name", f"{MV}/create", source="s3://b/x"),
        post("a version of nobody", f"{MV}/create", name="nobody", source="s3://b/x"),
        post("a version of a bad name", f"{MV}/create", name="a/b", source="s3://b/x"),
        post("a version with a bad tag", f"{MV}/create", name="churn", source="s3://b/x", tags=[{"key": "a&b", "value": ""}]),
        post("a version with a huge tag", f"{MV}/create", name="churn", source="s3://b/x", tags=[{"key": "k", "value": "v" * 100_001}]),
        post("a version whose source is a number", f"{MV}/create", name="churn", source=7),
        post("a copy of a version", f"{MV}/create", name="known", source="models:/churn/1"),
        post("a copy of a version that is not there", f"{MV}/create", name="known", source="models:/churn/99"),
        post("a copy of nobody's version", f"{MV}/create", name="known", source="models:/nobody/1"),
        post("a copy that names another run", f"{MV}/create", name="known", source="models:/churn/1", run_id="other"),
        post("a copy of no proper version", f"{MV}/create", name="known", source="models:/a/b/c"),
        get("a version", f"{MV}/get", name="churn", version="1"),
        get("a version that is not there", f"{MV}/get", name="churn", version="99"),
        get("a version of a model that is not there", f"{MV}/get", name="nobody", version="1"),
        get("a version whose number is a word", f"{MV}/get", name="churn", version="one"),
        get("a version without number", f"{MV}/get", name="churn"),
        get("a version of a negative number", f"{MV}/get", name="churn", version="-1"),
        *(get(f"where version {n} is", f"{MV}/get-download-uri", name="churn", version=n) for n in ("1", "2", "3", "99", "x")),
        get("where a copy is", f"{MV}/get-download-uri", name="known", version="3"),
        get("where no version is", f"{MV}/get-download-uri"),
        patch("a version described", f"{MV}/update", name="churn", version="1", description="the first"),
        patch("a version not described any more", f"{MV}/update", name="churn", version="2"),
        patch("a version described that is not there", f"{MV}/update", name="churn", version="99", description="x"),
        patch("a version whose number is no text", f"{MV}/update", name="churn", version=1, description="x"),
        post("a tag of a version", f"{MV}/set-tag", name="churn", version="1", key="score", value="8"),
        post("a tag of a version that is not there", f"{MV}/set-tag", name="churn", version="99", key="score", value="8"),
        post("a tag of a version without key", f"{MV}/set-tag", name="churn", version="1", value="8"),
        post("a tag of a version of a long value", f"{MV}/set-tag", name="churn", version="1", key="k", value="v" * 100_001),
        delete("a tag of a version taken away", f"{MV}/delete-tag", name="churn", version="1", key="nothing"),
        delete("a tag of a version that is not there taken away", f"{MV}/delete-tag", name="churn", version="99", key="score"),
        get("a registered model with versions", f"{RM}/get", name="churn"),
    ]  # fmt: skip


def aliases() -> list[Case]:
    alias = f"{RM}/alias"
    return [
        post("an alias", alias, name="churn", alias="best", version="1"),
        post("an alias moved", alias, name="churn", alias="best", version="2"),
        post("a second alias", alias, name="churn", alias="Best-2", version="2"),
        post("an alias of a version that is not there", alias, name="churn", alias="best", version="99"),
        post("an alias of nobody", alias, name="nobody", alias="best", version="1"),
        post("an alias without version", alias, name="churn", alias="best"),
        post("an alias without name", alias, name="churn", version="1"),
        post("an alias of a number that is a word", alias, name="churn", alias="best", version="one"),
        *(post(f"an alias called {word!r}"[:60], alias, name="churn", alias=word, version="1")
          for word in ("latest", "LATEST", "v3", "V12", "a b", "a/b", "a.b", "x" * 256, "ü")),
        get("the version of an alias", alias, name="churn", alias="best"),
        get("the version of the newest", alias, name="churn", alias="latest"),
        get("the version of no alias", alias, name="churn", alias="nothing"),
        get("the version of an alias of nobody", alias, name="nobody", alias="best"),
        get("the version of an alias that is none", alias, name="churn", alias="a b"),
        get("a version with aliases", f"{MV}/get", name="churn", version="2"),
        get("a registered model with aliases", f"{RM}/get", name="churn"),
        post("a copy of an alias", f"{MV}/create", name="known", source="models:/churn@best"),
        post("a copy of no alias", f"{MV}/create", name="known", source="models:/churn@nothing"),
        delete("an alias taken away", alias, name="churn", alias="Best-2"),
        delete("an alias taken away twice", alias, name="churn", alias="Best-2"),
        delete("an alias of nobody taken away", alias, name="nobody", alias="best"),
    ]  # fmt: skip


def stages() -> list[Case]:
    move, latest = f"{MV}/transition-stage", f"{RM}/get-latest-versions"
    return [
        post("a stage", move, name="churn", version="1", stage="Staging", archive_existing_versions=False),
        post("a stage in small letters", move, name="churn", version="2", stage="staging"),
        post("a stage that archives", move, name="churn", version="3", stage="Staging", archive_existing_versions=True),
        post("a stage that is none", move, name="churn", version="1", stage="Shadow"),
        post("a stage of a version that is not there", move, name="churn", version="99", stage="Staging"),
        post("a stage that cannot archive", move, name="churn", version="1", stage="Archived", archive_existing_versions=True),
        post("no stage", move, name="churn", version="1"),
        post("a stage and a word for yes or no", move, name="churn", version="1", stage="Staging", archive_existing_versions="perhaps"),
        post("the newest versions", latest, name="churn"),
        get("the newest versions by GET", latest, name="churn"),
        post("the newest versions of a stage", latest, name="churn", stages=["staging"]),
        get("the newest versions of two stages", latest, name="churn", stages=["Staging", "Archived"]),
        post("the newest versions of no stage", latest, name="churn", stages=["Shadow"]),
        post("the newest versions of stages that are a text", latest, name="churn", stages="Staging"),
        post("the newest versions of nobody", latest, name="nobody"),
        post("a copy of a stage", f"{MV}/create", name="known", source="models:/churn/Staging"),
        post("a copy of a stage that nothing is in", f"{MV}/create", name="known", source="models:/churn/Production"),
        post("a copy of the newest", f"{MV}/create", name="known", source="models:/churn/latest"),
    ]  # fmt: skip


def prompts() -> list[Case]:
    text = {"key": "mlflow.prompt.text", "value": "Hello {{name}}"}
    return [
        post("a prompt", f"{RM}/create", name="greeting", tags=PROMPT, description="says hello"),
        post("a prompt again", f"{RM}/create", name="greeting", tags=PROMPT),
        post("a model of a prompt's name", f"{RM}/create", name="greeting"),
        post("a version of a prompt", f"{MV}/create", name="greeting", source="dummy-source", tags=[*PROMPT, text], description="one"),
        post("a version of a prompt from the store", f"{MV}/create", name="greeting", source="prompt-template", tags=[*PROMPT, text]),
        post("a version of a prompt from elsewhere", f"{MV}/create", name="greeting", source="s3://b/x", tags=[*PROMPT, text]),
        post("a version of a prompt that is too long", f"{MV}/create", name="greeting", source="dummy-source", tags=[*PROMPT, {**text, "value": "x" * 100_001}]),
        post("a copy of a prompt", f"{MV}/create", name="known", source="models:/greeting/1"),
        get("a prompt's version", f"{MV}/get", name="greeting", version="1"),
        get("a prompt by its name", f"{RM}/get", name="greeting"),
        post("an alias of a prompt", f"{RM}/alias", name="greeting", alias="live", version="1"),
        get("a prompt by its alias", f"{RM}/alias", name="greeting", alias="live"),
    ]  # fmt: skip


_TAGGED = ["tags.team = 'red'", "tags.team != 'blue'", "tag.team LIKE 'r%'", "tags.team ILIKE 'R%'", "tags.nothing = 'x'", "tags.`team` = 'red'",
           "tags.\"team\" = \"red\"", "tags.team = 'red' AND tags.stage = 'y'", "tags.team IS NULL", "tags.team > 'a'", "tags.team IN ('red')",
           "tags.team = 3", "tags.`mlflow.prompt.is_prompt` = 'true'", "tags.`mlflow.prompt.is_prompt` != 'true'", "tags.`mlflow.prompt.is_prompt` != 'false'",
           "tags.`mlflow.prompt.is_prompt` = 'false'", "tag.`mlflow.prompt.is_prompt` = 'true' AND name = 'greeting'"]  # fmt: skip


def searches() -> list[Case]:
    named = ["name = 'churn'", "name != 'churn'", "name LIKE 'ch%'", "name ILIKE 'CH%'", "name IN ('churn', 'known')", "name NOT IN ('churn')", "name LIKE '%☃'",
             "attribute.name = 'churn'", "attributes.name = 'churn'", "name = 3", "name > 'a'", "name", "name = 'a' OR name = 'b'", "not name = 'a'",
             "name = 'churn' AND", " ", "'; DROP TABLE registered_models; --", "name = '''; DROP TABLE x; --'", "metrics.a > 1", "nothing = 'x'",
             "name = 'churn'; name = 'known'", "(name = 'churn')", "name == 'churn'", "name <> 'churn'"]  # fmt: skip
    of_models = [*named, *_TAGGED, "creation_timestamp > 0", "last_updated_timestamp > 0"]
    of_versions = [*named, "tags.score = '8'", "tags.score != '8'", *_TAGGED, "run_id = '$R'", "run_id != '$R'", "run_id IN ('$R', 'x')", "run_id NOT IN ('$R')",
                   "source_path LIKE 's3://%'", "source_path IN ('a')", "version_number = 1", "version_number > 1 AND name = 'churn'", "version_number >= '2'",
                   "version_number = 1.5", "version_number = 'x'", "version_number LIKE '1'", "version_number IN (1, 2)", "current_stage = 'Staging'",
                   "name = 'churn' and version_number <= 2", "run_id IS NOT NULL"]  # fmt: skip
    orders = [["name"], ["name DESC"], ["timestamp DESC"], ["last_updated_timestamp"], ["last_updated_timestamp DESC", "name"], ["creation_timestamp"],
              ["nothing"], ["name FOO"], ["name", "name"], ["`name` ASC"], ["attribute.name"], ["tags.team"], ["timestamp", "last_updated_timestamp"], [""]]  # fmt: skip
    of_order = [
        *orders,
        ["version_number"],
        ["version_number DESC", "name DESC"],
        ["creation_timestamp DESC", "version_number"],
    ]
    models, versions = f"{RM}/search", f"{MV}/search"
    return [
        *(get(f"registered models where {each}", models, filter=each) for each in of_models),
        *(get(f"registered models by {each}", models, order_by=each) for each in orders),
        *(get(f"versions where {each}", versions, filter=each) for each in of_versions),
        *(get(f"versions by {each}", versions, order_by=each) for each in of_order),
        get("all registered models", models),
        get("one registered model a page", models, max_results="1"),
        get("the second page of registered models", models, max_results="1", page_token="eyJvZmZzZXQiOiAxfQ=="),
        get("a page of registered models that is none", models, page_token="x"),
        get("no registered model a page", models, max_results="0"),
        get("too many registered models a page", models, max_results="1001"),
        get("registered models as many as a word", models, max_results="many"),
        get("all versions", versions),
        get("two versions a page", versions, max_results="2"),
        get("no version a page", versions, max_results="0"),
        get("fewer versions than none", versions, max_results="-1"),
        get("too many versions a page", versions, max_results="200001"),
    ]  # fmt: skip


def ends() -> list[Case]:
    return [
        delete("a version deleted", f"{MV}/delete", name="churn", version="2"),
        delete("a version deleted twice", f"{MV}/delete", name="churn", version="2"),
        delete("a version deleted whose number is a word", f"{MV}/delete", name="churn", version="two"),
        get("a deleted version", f"{MV}/get", name="churn", version="2"),
        get("the alias of a deleted version", f"{RM}/alias", name="churn", alias="best"),
        get("versions without the deleted one", f"{MV}/search", filter="name = 'churn'"),
        post("a version after a deleted one", f"{MV}/create", name="churn", source="s3://b/x"),
        post("a rename with versions", f"{RM}/rename", name="churn", new_name="Churn 2"),
        get("a version of a renamed model", f"{MV}/get", name="Churn 2", version="1"),
        get("a version by the name before", f"{MV}/get", name="churn", version="1"),
        delete("a registered model deleted", f"{RM}/delete", name="known"),
        delete("a registered model deleted twice", f"{RM}/delete", name="known"),
        delete("a registered model deleted without name", f"{RM}/delete"),
        get("a deleted registered model", f"{RM}/get", name="known"),
        get("a version of a deleted model", f"{MV}/get", name="known", version="1"),
        post("a registered model of a deleted name", f"{RM}/create", name="known"),
        post("a version of a model that was deleted before", f"{MV}/create", name="known", source="s3://b/x"),
        post("a registered model with a line break", f"{RM}/create", name="a\nb"),
        post("a protected alias", f"{RM}/alias", name="Churn 2", alias="champion", version="1"),
        post("a protected alias in large letters", f"{RM}/alias", name="Churn 2", alias="Production", version="1"),
        post("a protected stage", f"{MV}/transition-stage", name="Churn 2", version="1", stage="Production"),
    ]  # fmt: skip


GROUPS = {
    "registered models": [*models(), *versions()],
    "aliases": [*aliases(), *stages(), *prompts()],
    "registry searches": searches(),
    "ends": ends(),
}
