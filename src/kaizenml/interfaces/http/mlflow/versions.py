"""The routes of versions of registered models."""

from __future__ import annotations

from collections.abc import Sequence

from kaizenml.core.account import Permission
from kaizenml.core.mlflow.errors import invalid
from kaizenml.core.mlflow.limits import shown
from kaizenml.interfaces.http.access import seen_projects
from kaizenml.interfaces.http.mlflow import owners
from kaizenml.interfaces.http.mlflow import registry_messages as asked
from kaizenml.interfaces.http.mlflow.desk import Desk
from kaizenml.interfaces.http.mlflow.runs import pairs
from kaizenml.interfaces.http.mlflow.table import Table
from kaizenml.loop import mlflow_versions as versions

_ROOT = "/api/2.0/mlflow/model-versions"


def add_versions(table: Table, desk: Desk) -> None:
    """Add the routes."""
    of, see, do = Versions(desk), Permission.VIEW, Permission.RUN
    table.call("POST", f"{_ROOT}/create", of.create, asked.CreateVersion, permission=do, of=owners.new_version)
    table.call("GET", f"{_ROOT}/get", of.get, asked.OfVersion, permission=see, of=owners.version)
    table.call("GET", f"{_ROOT}/get-download-uri", of.download_uri, asked.AnyVersion, permission=see, of=owners.version)
    table.call("GET", f"{_ROOT}/search", of.search, asked.Search, permission=see, of=owners.anybody)
    table.call("PATCH", f"{_ROOT}/update", of.describe, asked.DescribeVersion, permission=do, of=owners.version)
    table.call("DELETE", f"{_ROOT}/delete", of.delete, asked.OfVersion, permission=do, of=owners.version)
    table.call("POST", f"{_ROOT}/transition-stage", of.move_stage, asked.MoveStage, permission=do, of=owners.version)
    table.call("POST", f"{_ROOT}/set-tag", of.set_tag, asked.KeyOfVersion, permission=do, of=owners.version)
    table.call("DELETE", f"{_ROOT}/delete-tag", of.delete_tag, asked.KeyOfVersion, permission=do, of=owners.version)


class Versions:
    """One method for each route."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, told: asked.CreateVersion) -> object:
        """Register a version of a model, or of a prompt."""
        wanted = versions.Wanted(
            told.name, told.source, told.run_id, told.model_id, told.run_link or "", told.description or "",
            pairs(told.tags),
        )  # fmt: skip
        made = self._desk.write(lambda books: versions.create(books, self._desk.now(), told.by, wanted))
        return {"model_version": made}

    def get(self, told: asked.OfVersion) -> object:
        """Return a version."""
        return {"model_version": self._desk.read(lambda books: versions.get(books, told.name, told.version))}

    def download_uri(self, told: asked.AnyVersion) -> object:
        """Return where a version's files are."""
        return {"artifact_uri": self._desk.read(lambda books: versions.download_uri(books, told.name, told.version))}

    def search(self, told: asked.Search) -> object:
        """Return versions."""
        most = versions.MOST_VERSIONS if told.max_results is None else told.max_results
        if most < 1:
            raise invalid(f"Invalid value for max_results. It must be a positive integer, but got {most}")
        check_most(most, versions.MOST_VERSIONS)
        asked_for = (told.filter or "", most, told.order_by or [], told.page_token or "", seen_projects())
        found, token = self._desk.read(lambda books: versions.search(books, *asked_for))
        return page("model_versions", found, token)

    def describe(self, told: asked.DescribeVersion) -> object:
        """Say what a version is."""
        of = (told.name, told.version, told.description)
        return {"model_version": self._desk.write(lambda books: versions.describe(books, self._desk.now(), *of))}

    def delete(self, told: asked.OfVersion) -> None:
        """Delete a version."""
        house = self._desk.house
        self._desk.write(lambda books: versions.delete(books, house, told.by, told.name, told.version))

    def move_stage(self, told: asked.MoveStage) -> object:
        """Move a version to another stage; a protected one only with an approval."""
        of, archives = (told.by, told.name, told.version, told.stage), bool(told.archive_existing_versions)
        house = self._desk.house
        done = self._desk.write(lambda books: versions.move_stage(books, house, *of, archives=archives))
        return {"model_version": done}

    def set_tag(self, told: asked.KeyOfVersion) -> None:
        """Set a tag of a version."""
        of = (self._desk.now(), told.by, told.name, told.version, told.key, told.value or "")
        self._desk.write(lambda books: versions.set_tag(books, *of))

    def delete_tag(self, told: asked.KeyOfVersion) -> None:
        """Take a tag of a version away."""
        of = (self._desk.now(), told.by, told.name, told.version, told.key)
        self._desk.write(lambda books: versions.delete_tag(books, *of))


def check_most(most: int, limit: int) -> None:
    """Refuse a page that is too long."""
    if most > limit or most < 0:
        raise invalid(
            f"Invalid value {shown(str(most))} for parameter 'max_results' supplied:  Hint: Value was of type 'str'. "
            "See the API docs for more information about request parameters."
        )


def page(name: str, found: Sequence[object], token: str) -> object:
    """Return what was found, and the token of the next page."""
    answer: dict[str, object] = {name: found} if found else {}
    return answer | ({"next_page_token": token} if token else {})
