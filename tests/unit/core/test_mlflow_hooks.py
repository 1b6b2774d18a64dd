"""What MLflow's receivers are told of an event of ours."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kaizenml.core.event import Draft, Event, Kind, chained
from kaizenml.core.mlflow.hooks import ACTIONS, KINDS, Hook, example, notice_of, signed_headers, told_of

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
PROMPT = {"is_prompt": True}
TEXT = {"mlflow.prompt.is_prompt": "true", "_mlflow_prompt_type": "text", "mlflow.prompt.text": "Hi {{name}}", "k": "v"}
NAMES = [f"{entity}.{action}" for entity, actions in ACTIONS.items() for action in actions]


def event(kind: Kind, subject: str, **facts: object) -> Event:
    return chained(Draft("shop", "person:ada", kind, subject, facts=facts), after=None, at=AT)


def hook(*events: str) -> Hook:
    return Hook("1", "ci", "", events, AT)


@pytest.mark.parametrize(
    ("happened", "name", "data"),
    [
        (event(Kind.MODEL_CREATED, "model:churn", description="d", tags={"k": "v"}), "registered_model.created",
         {"name": "churn", "tags": {"k": "v"}, "description": "d"}),
        (event(Kind.MODEL_CREATED, "model:hi", description="", tags=TEXT, **PROMPT), "prompt.created",
         {"name": "hi", "tags": {"mlflow.prompt.text": "Hi {{name}}", "k": "v"}, "description": ""}),
        (event(Kind.VERSION_REGISTERED, "model:churn:3", source="s3://b/m", run="", description="", tags={}),
         "model_version.created",
         {"name": "churn", "version": "3", "source": "s3://b/m", "run_id": None, "tags": {}, "description": None}),
        (event(Kind.VERSION_REGISTERED, "model:shop:1", run="r", bundle="b", rows=7), "model_version.created",
         {"name": "shop", "version": "1", "source": "", "run_id": "r", "tags": {}, "description": None}),
        (event(Kind.VERSION_REGISTERED, "model:hi:1", source="x", run="", description="d", tags=TEXT, **PROMPT),
         "prompt_version.created",
         {"name": "hi", "version": "1", "template": "Hi {{name}}", "tags": {"k": "v"}, "description": "d"}),
        (event(Kind.TAG_CHANGED, "model:churn:3", key="k", value=""), "model_version_tag.set",
         {"name": "churn", "version": "3", "key": "k", "value": ""}),
        (event(Kind.TAG_CHANGED, "model:churn:3", key="k", value=None), "model_version_tag.deleted",
         {"name": "churn", "version": "3", "key": "k"}),
        (event(Kind.TAG_CHANGED, "model:hi", key="k", value="v", **PROMPT), "prompt_tag.set",
         {"name": "hi", "key": "k", "value": "v"}),
        (event(Kind.TAG_CHANGED, "model:hi", key="k", value=None, **PROMPT), "prompt_tag.deleted",
         {"name": "hi", "key": "k"}),
        (event(Kind.TAG_CHANGED, "model:hi:2", key="k", value="v", **PROMPT), "prompt_version_tag.set",
         {"name": "hi", "version": "2", "key": "k", "value": "v"}),
        (event(Kind.TAG_CHANGED, "model:hi:2", key="k", value=None, **PROMPT), "prompt_version_tag.deleted",
         {"name": "hi", "version": "2", "key": "k"}),
        (event(Kind.ALIAS_MOVED, "model:churn", alias="best", version=3, before=None), "model_version_alias.created",
         {"name": "churn", "alias": "best", "version": "3"}),
        (event(Kind.ALIAS_MOVED, "model:churn", alias="best", version=None, before=3), "model_version_alias.deleted",
         {"name": "churn", "alias": "best"}),
        (event(Kind.ALIAS_MOVED, "model:hi", alias="live", version=1, before=None, **PROMPT), "prompt_alias.created",
         {"name": "hi", "alias": "live", "version": "1"}),
        (event(Kind.ALIAS_MOVED, "model:hi", alias="live", version=None, before=1, **PROMPT), "prompt_alias.deleted",
         {"name": "hi", "alias": "live"}),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)  # fmt: skip
def test_an_event_is_told_in_mlflows_words(happened: Event, name: str, data: dict[str, Any]) -> None:
    sent = notice_of(happened, "msg_1", hook("registered_model.created"))

    assert json.loads(sent.body) == {
        "entity": name.partition(".")[0], "action": name.partition(".")[2], "timestamp": "2026-03-01T12:30:00+00:00",
        "data": data,
    }  # fmt: skip
    assert hook(name).wants(happened)
    assert not hook(*(each for each in NAMES if each != name)).wants(happened)
    assert set(data) == set(example(name))


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in KINDS])
def test_what_mlflow_does_not_know_is_not_told(kind: Kind) -> None:
    assert told_of(event(kind, "model:churn", event="prompt.created")) is None


def test_tags_of_registered_models_and_what_an_import_brings_are_not_told() -> None:
    assert told_of(event(Kind.TAG_CHANGED, "model:churn", key="k", value="v")) is None
    assert told_of(event(Kind.MODEL_CREATED, "model:churn", **{"from": "mlruns"})) is None


def test_the_signature_is_that_of_id_time_and_body() -> None:
    """The expected value is what `_generate_hmac_signature` of MLflow 3.17.2 returns for the same."""
    body = b'{"entity": "prompt"}'

    signed = signed_headers("id-1", AT, body, ["s3cret ☃"])

    assert signed == {"X-MLflow-Delivery-Id": "id-1", "X-MLflow-Timestamp": "1772368200",
                      "X-MLflow-Signature": "v1,1MWDdEEi5EO/iS9nwR/Bm7fc8kAzAm4g5ecN7POnKSg="}  # fmt: skip
    assert list(signed_headers("id-1", AT, body, [])) == ["X-MLflow-Delivery-Id", "X-MLflow-Timestamp"]
