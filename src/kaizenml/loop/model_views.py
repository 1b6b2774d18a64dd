"""Models and versions for readers: what the registry has of them, and what the loop knows of those it trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kaizenml.core.mlflow.filter import Comparison, Question, Sorting
from kaizenml.core.ports import Books
from kaizenml.core.registered import RegisteredModel, RegisteredVersion
from kaizenml.errors import NotFoundError
from kaizenml.loop import models

View = dict[str, Any]
_NEWEST = (Sorting("attribute", "creation_timestamp", is_ascending=False),)


def newest(books: Books, model: str | None = None, *, limit: int = 100) -> list[View]:
    """Return the newest versions, newest first: of one model, or of all."""
    asked = () if model is None else (Comparison("attribute", "name", "=", model),)
    found = books.registry.versions(Question(asked, _NEWEST), limit=limit)
    known: dict[str, RegisteredModel | None] = {}
    for each in found:
        if each.model not in known:
            known[each.model] = books.registry.find(each.model)
    return [version_view(books, each, known[each.model]) for each in found]


def model_view(books: Books, name: str, *, limit: int = 100) -> View:
    """Return a model with its newest versions."""
    model = models.get(books, name)
    plain: View = msgspec.to_builtins(model)
    del plain["is_deleted"]
    return {**plain, "versions": newest(books, name, limit=limit)}


def version_view(books: Books, version: RegisteredVersion, model: RegisteredModel | None = None) -> View:
    """Return a version with its aliases; of what a project trained, with its signature and metrics."""
    of = model or models.get(books, version.model)
    plain: View = msgspec.to_builtins(version)
    del plain["is_deleted"]
    return {"name": version.name, **_trained(books, version.name), **plain, "aliases": list(of.named(version.number))}


def _trained(books: Books, name: str) -> Mapping[str, object]:
    try:
        found: Mapping[str, object] = msgspec.to_builtins(books.models.get(name))
        return found
    except NotFoundError:
        return {"snapshot": "", "metrics": {}, "rows": None, "trained_until": None, "tested_until": None}
