"""The routes of registered models and prompts."""

from __future__ import annotations

from kaizenml.core.account import Permission
from kaizenml.interfaces.http.access import own_project, seen_projects
from kaizenml.interfaces.http.mlflow import owners
from kaizenml.interfaces.http.mlflow import registry_messages as asked
from kaizenml.interfaces.http.mlflow.desk import Desk
from kaizenml.interfaces.http.mlflow.hooks import add_hooks
from kaizenml.interfaces.http.mlflow.runs import pairs
from kaizenml.interfaces.http.mlflow.table import Table
from kaizenml.interfaces.http.mlflow.versions import add_versions, check_most, page
from kaizenml.loop import mlflow_registry as models

_ROOT = "/api/2.0/mlflow/registered-models"


def add_registry(table: Table, desk: Desk) -> None:
    """Add the routes."""
    of, see, do = Registry(desk), Permission.VIEW, Permission.RUN
    table.call("POST", f"{_ROOT}/create", of.create, asked.Create, permission=do, of=owners.anybody)
    table.call("GET", f"{_ROOT}/get", of.get, asked.OfModel, permission=see, of=owners.registered)
    table.call("GET", f"{_ROOT}/search", of.search, asked.Search, permission=see, of=owners.anybody)
    table.call("PATCH", f"{_ROOT}/update", of.describe, asked.Describe, permission=do, of=owners.registered)
    table.call("POST", f"{_ROOT}/rename", of.rename, asked.Rename, permission=do, of=owners.registered)
    table.call("DELETE", f"{_ROOT}/delete", of.delete, asked.OfModel, permission=do, of=owners.registered)
    for method in ("POST", "GET"):
        table.call(
            method, f"{_ROOT}/get-latest-versions", of.latest, asked.Latest, permission=see, of=owners.registered
        )
    table.call("POST", f"{_ROOT}/set-tag", of.set_tag, asked.KeyOf, permission=do, of=owners.registered)
    table.call("DELETE", f"{_ROOT}/delete-tag", of.delete_tag, asked.KeyOf, permission=do, of=owners.registered)
    table.call("POST", f"{_ROOT}/alias", of.set_alias, asked.SetAlias, permission=do, of=owners.registered)
    table.call("GET", f"{_ROOT}/alias", of.by_alias, asked.AliasOf, permission=see, of=owners.registered)
    table.call("DELETE", f"{_ROOT}/alias", of.delete_alias, asked.AliasOf, permission=do, of=owners.registered)
    add_versions(table, desk)
    add_hooks(table, desk)


class Registry:
    """One method for each route."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, told: asked.Create) -> object:
        """Register a name for models, or for a prompt."""
        of = (told.by, told.name, pairs(told.tags), told.description or "", own_project())
        made = self._desk.write(lambda books: models.create(books, self._desk.now(), *of))
        return {"registered_model": made}

    def get(self, told: asked.OfModel) -> object:
        """Return a registered model."""
        return {"registered_model": self._desk.read(lambda books: models.get(books, told.name))}

    def search(self, told: asked.Search) -> object:
        """Return registered models."""
        most = models.MOST_MODELS_UNLESS_TOLD if told.max_results is None else told.max_results
        check_most(most, models.MOST_MODELS)
        asked_for = (told.filter or "", most, told.order_by or [], told.page_token or "", seen_projects())
        found, token = self._desk.read(lambda books: models.search(books, *asked_for))
        return page("registered_models", found, token)

    def describe(self, told: asked.Describe) -> object:
        """Say what a registered model is for."""
        text = told.description or ""
        done = self._desk.write(lambda books: models.describe(books, self._desk.now(), told.name, text))
        return {"registered_model": done}

    def rename(self, told: asked.Rename) -> object:
        """Give a registered model another name."""
        house = self._desk.house
        done = self._desk.write(lambda books: models.rename(books, house, told.by, told.name, told.new_name))
        return {"registered_model": done}

    def delete(self, told: asked.OfModel) -> None:
        """Delete a registered model and its versions."""
        self._desk.write(lambda books: models.delete(books, self._desk.house, told.by, told.name))

    def latest(self, told: asked.Latest) -> object:
        """Return the newest versions of some stages."""
        found = self._desk.read(lambda books: models.latest_versions(books, told.name, told.stages or []))
        return page("model_versions", found, "")

    def set_tag(self, told: asked.KeyOf) -> None:
        """Set a tag of a registered model."""
        of = (self._desk.now(), told.by, told.name, told.key, told.value or "")
        self._desk.write(lambda books: models.set_tag(books, *of))

    def delete_tag(self, told: asked.KeyOf) -> None:
        """Take a tag of a registered model away."""
        of = (self._desk.now(), told.by, told.name, told.key)
        self._desk.write(lambda books: models.delete_tag(books, *of))

    def set_alias(self, told: asked.SetAlias) -> None:
        """Let an alias name a version; a protected one moves only with an approval."""
        house = self._desk.house
        self._desk.write(lambda books: models.set_alias(books, house, told.by, told.name, told.alias, told.version))

    def by_alias(self, told: asked.AliasOf) -> object:
        """Return the version that an alias names."""
        return {"model_version": self._desk.read(lambda books: models.by_alias(books, told.name, told.alias))}

    def delete_alias(self, told: asked.AliasOf) -> None:
        """Take an alias away."""
        house = self._desk.house
        self._desk.write(lambda books: models.delete_alias(books, house, told.by, told.name, told.alias))
