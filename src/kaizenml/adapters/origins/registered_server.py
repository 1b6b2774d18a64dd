"""Registered models on a live server of MLflow's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kaizenml.adapters.origins.asking import Server
from kaizenml.adapters.origins.registered_version import version_in
from kaizenml.adapters.origins.words import Troubles, moment, pairs, plain, text, whole
from kaizenml.core.mlflow.origin import ForeignRegistered, ForeignVersion

#: Prompts are registered models that lists leave out unless they are asked for.
_PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'"
_MODELS, _VERSIONS = 1000, 10_000


def registered_in(server: Server, troubles: Troubles) -> Iterator[ForeignRegistered]:
    """Return the registered models, by name."""
    versions: dict[str, dict[int, ForeignVersion]] = {}
    for said in _all(server, "/model-versions/search", "model_versions", _VERSIONS):
        number = whole(said.get("version"))
        if number is None or number < 1:
            troubles.add("model version", f"{said.get('name')}/{said.get('version')}", "its version is no number")
        else:
            model = text(said.get("name"))
            tags = _pairs(f"{model}/{number}", said, troubles)
            versions.setdefault(model, {})[number] = version_in(said, number, tags)
    models = {
        text(said.get("name")): said for said in _all(server, "/registered-models/search", "registered_models", _MODELS)
    }
    for name, said in sorted(models.items()):
        aliases = [plain(each) for each in said.get("aliases") or ()]
        yield ForeignRegistered(
            name=name,
            created_at=moment(said.get("creation_timestamp")),
            updated_at=moment(said.get("last_updated_timestamp")),
            description=text(said.get("description")),
            tags=_pairs(name, said, troubles),
            aliases={text(each.get("alias")): number for each in aliases
                     if (number := whole(each.get("version"))) is not None},
            versions=[version for _, version in sorted(versions.get(name, {}).items())],
        )  # fmt: skip


def _all(server: Server, path: str, part: str, most: int) -> Iterator[Mapping[str, Any]]:
    for words in ({}, {"filter": _PROMPTS}):
        for page in server.pages(server.get, path, part, max_results=most, **words):
            yield from (plain(each) for each in page)


def _pairs(owner: str, said: Mapping[str, Any], troubles: Troubles) -> dict[str, str]:
    found = [plain(each) for each in said.get("tags") or ()]
    return pairs("tag", owner, ((each.get("key"), each.get("value")) for each in found), troubles)
