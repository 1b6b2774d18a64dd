"""Webhooks of MLflow's clients: what they can be told of, and how an event of our log is told in MLflow's words.

MLflow's server decides where something happens who is told; here it follows from the log, as all that is told. A
payload has the fields that MLflow 3.17 has, made of the event alone.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from kaizenml.core.event import Event, Kind
from kaizenml.core.mlflow.registry_limits import PROMPT, PROMPT_TEXT
from kaizenml.core.notice import Notice
from kaizenml.core.secrets import without_secrets

#: What can happen to what, as MLflow's clients name it. Nothing here has a budget: that never happens.
ACTIONS = MappingProxyType({
    "registered_model": ("created",), "model_version": ("created",), "model_version_tag": ("deleted", "set"),
    "model_version_alias": ("created", "deleted"), "prompt": ("created",), "prompt_version": ("created",),
    "prompt_tag": ("deleted", "set"), "prompt_version_tag": ("deleted", "set"),
    "prompt_alias": ("created", "deleted"), "budget_policy": ("exceeded",),
})  # fmt: skip
#: The events of ours that become MLflow's.
KINDS = (Kind.MODEL_CREATED, Kind.VERSION_REGISTERED, Kind.TAG_CHANGED, Kind.ALIAS_MOVED)
_PROMPT_TYPE = "_mlflow_prompt_type"
_SIGNATURE, _AT, _ID = "X-MLflow-Signature", "X-MLflow-Timestamp", "X-MLflow-Delivery-Id"
_VERSION = "v1"


@dataclass(frozen=True, slots=True)
class Hook:
    """What MLflow's clients know of a webhook that our subscriptions do not.

    Parameters
    ----------
    id
        What clients call it by.
    name
        For people; several may have the same.
    events
        Such as ``model_version_tag.set``.
    changed_at
        When a client changed it last.
    """

    id: str
    name: str
    description: str
    events: tuple[str, ...]
    changed_at: datetime

    def wants(self, event: Event) -> bool:
        """Say whether it is told of an event."""
        found = told_of(event)
        return found is not None and found.name in self.events


@dataclass(frozen=True, slots=True)
class Told:
    """An event as MLflow has it: its name, and what is told of it."""

    name: str
    data: Mapping[str, object]


def told_of(event: Event) -> Told | None:
    """Return what MLflow's receivers are told of an event; None for what they do not know, or came by an import."""
    tell = _TELL.get(event.kind)
    return tell(event) if tell is not None and "from" not in event.facts else None


def notice_of(event: Event, id_: str, hook: Hook) -> Notice:
    """Return what is sent: of an event that is none of MLflow's (a test), MLflow's own example of the first it wants.

    What looks like a secret in a text is blotted out: it leaves the house.
    """
    wanted = str(event.facts.get("event") or hook.events[0])
    found = told_of(event) or Told(wanted, example(wanted))
    entity, _, action = found.name.partition(".")
    body = {"entity": entity, "action": action, "timestamp": event.at.isoformat(), "data": _harmless(found.data)}
    return Notice(id_, found.name, "", "", json.dumps(body).encode())


def signed_headers(id_: str, at: datetime, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """Return the headers of MLflow's webhooks; without a secret nothing is signed."""
    stamp = str(int(at.timestamp()))
    content = f"{id_}.{stamp}.".encode() + body
    made = [hmac.digest(secret.encode(), content, "sha256") for secret in secrets]
    signed = {_SIGNATURE: f"{_VERSION},{base64.b64encode(made[0]).decode()}"} if made else {}
    return {_ID: id_, _AT: stamp, **signed}


def example(name: str) -> dict[str, object]:
    """Return what MLflow tells of an event when a webhook is tested."""
    noun = "prompt" if name.startswith("prompt") else "model"
    thing = f"{noun} version" if "_version." in name else "registered model" if noun == "model" else noun
    values: dict[str, object] = {
        "name": f"example_{noun}", "version": "1", "key": "example_key", "value": "example_value",
        "alias": "example_alias", "tags": {"example_key": "example_value"}, "source": "models:/123",
        "run_id": "abcd1234abcd5678", "template": "Hello {{name}}!",
        "description": f"An example {thing}",
    }  # fmt: skip
    return {field: values[field] for field in _FIELDS[name]} if name in _FIELDS else dict(_BUDGET)


_NEW, _TAGGED, _UNTAGGED = ("name", "tags", "description"), ("key", "value"), ("key",)
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "registered_model.created": _NEW,
    "model_version.created": ("name", "version", "source", "run_id", "tags", "description"),
    "model_version_tag.set": ("name", "version", *_TAGGED),
    "model_version_tag.deleted": ("name", "version", *_UNTAGGED),
    "model_version_alias.created": ("name", "alias", "version"),
    "model_version_alias.deleted": ("name", "alias"),
    "prompt.created": _NEW,
    "prompt_version.created": ("name", "version", "template", "tags", "description"),
    "prompt_tag.set": ("name", *_TAGGED),
    "prompt_tag.deleted": ("name", *_UNTAGGED),
    "prompt_version_tag.set": ("name", "version", *_TAGGED),
    "prompt_version_tag.deleted": ("name", "version", *_UNTAGGED),
    "prompt_alias.created": ("name", "alias", "version"),
    "prompt_alias.deleted": ("name", "alias"),
}
_BUDGET: Mapping[str, object] = {
    "budget_policy_id": "bp-abc123", "budget_unit": "USD", "budget_amount": 100.0, "current_spend": 105.50,
    "duration_unit": "MONTHS", "duration_value": 1, "target_scope": "ENDPOINT", "workspace": "default",
    "target_value": "ep-abc123", "window_start": 1704067200000,
}  # fmt: skip


def _model(event: Event) -> Told:
    name, _ = _named(event)
    is_prompt, tags = _is_prompt(event), _tags(event)
    shown = _without(tags, PROMPT, _PROMPT_TYPE) if is_prompt else tags
    data = {"name": name, "tags": shown, "description": event.facts.get("description", "")}
    return Told("prompt.created" if is_prompt else "registered_model.created", data)


def _version(event: Event) -> Told:
    (name, number), facts, tags = _named(event), event.facts, _tags(event)
    of = {"name": name, "version": number}
    about = {"description": facts.get("description") or None}
    if _is_prompt(event):
        shown = _without(tags, PROMPT, _PROMPT_TYPE, PROMPT_TEXT)
        data = {**of, "template": tags.get(PROMPT_TEXT), "tags": shown, **about}
        return Told("prompt_version.created", data)
    made = {"source": facts.get("source", ""), "run_id": facts.get("run") or None}
    return Told("model_version.created", {**of, **made, "tags": tags, **about})


def _tag(event: Event) -> Told | None:
    (name, number), value = _named(event), event.facts["value"]
    if not number and not _is_prompt(event):
        return None  # MLflow tells of the tags of versions and prompts, not of those of registered models
    noun = "prompt" if _is_prompt(event) else "model"
    entity = f"{noun}_version_tag" if number else f"{noun}_tag"
    data = {"name": name, **({"version": number} if number else {}), "key": event.facts["key"]}
    return Told(f"{entity}.deleted", data) if value is None else Told(f"{entity}.set", {**data, "value": value})


def _alias(event: Event) -> Told:
    (name, _), number = _named(event), event.facts["version"]
    entity = "prompt_alias" if _is_prompt(event) else "model_version_alias"
    data = {"name": name, "alias": event.facts["alias"]}
    return Told(f"{entity}.deleted", data) if number is None else Told(
        f"{entity}.created", {**data, "version": str(number)}
    )  # fmt: skip


_TELL: Mapping[Kind, Callable[[Event], Told | None]] = {
    Kind.MODEL_CREATED: _model, Kind.VERSION_REGISTERED: _version, Kind.TAG_CHANGED: _tag, Kind.ALIAS_MOVED: _alias,
}  # fmt: skip


def _named(event: Event) -> tuple[str, str]:
    """Return model and number of ``model:churn:3``; the names of models have no colon."""
    _, name, number = (*event.subject.split(":"), "")[:3]
    return name, number


def _is_prompt(event: Event) -> bool:
    return bool(event.facts.get("is_prompt"))


def _tags(event: Event) -> dict[str, str]:
    found = event.facts.get("tags")
    return dict(found) if isinstance(found, Mapping) else {}


def _without(tags: Mapping[str, str], *keys: str) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key not in keys}


def _harmless(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _harmless(each) for key, each in value.items()}
    return without_secrets(value) if isinstance(value, str) else value
