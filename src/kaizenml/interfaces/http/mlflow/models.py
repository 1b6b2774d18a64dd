"""The routes of logged models."""

from __future__ import annotations

from typing import ClassVar

from kaizenml.core.account import Permission
from kaizenml.core.mlflow.errors import invalid
from kaizenml.core.mlflow.limits import shown
from kaizenml.core.mlflow.paths import safe_path
from kaizenml.interfaces.http.mlflow import owners
from kaizenml.interfaces.http.mlflow.desk import Desk
from kaizenml.interfaces.http.mlflow.experiments import Tag
from kaizenml.interfaces.http.mlflow.reading import Message, Whole
from kaizenml.interfaces.http.mlflow.runs import pairs
from kaizenml.interfaces.http.mlflow.table import Table
from kaizenml.loop import mlflow_files as files
from kaizenml.loop import mlflow_models as models
from kaizenml.loop.mlflow_mirror import root_of

_MORE = " See the API docs for more information about request parameters."


class Create(Message):
    """A new model."""

    needed: ClassVar[tuple[str, ...]] = ("experiment_id",)

    experiment_id: str = ""
    name: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    params: list[Tag] | None = None
    tags: list[Tag] | None = None


class OfModel(Message):
    """A model; the id is from the route."""

    model_id: str = ""
    allow_deleted: bool | None = None


class Finalize(OfModel):
    """A model and what became of its files."""

    status: str | Whole | None = None


class Tags(OfModel):
    """A model and its tags."""

    tags: list[Tag] | None = None


class Params(OfModel):
    """A model and its parameters."""

    params: list[Tag] | None = None


class OneTag(OfModel):
    """A model and the key of a tag, both from the route."""

    tag_key: str = ""


class Dataset(Message):
    """A data set that metrics are of."""

    dataset_name: str | None = None
    dataset_digest: str | None = None


class OrderBy(Message):
    """By what is sorted."""

    field_name: str | None = None
    ascending: bool | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Search(Message):
    """What is asked for."""

    needed: ClassVar[tuple[str, ...]] = ("experiment_ids",)

    experiment_ids: list[str] | None = None
    filter: str | None = None
    datasets: list[Dataset] | None = None
    max_results: Whole | None = None
    order_by: list[OrderBy] | None = None
    page_token: str | None = None


class Folder(OfModel):
    """A folder of a model."""

    artifact_directory_path: str | None = None


def add_models(table: Table, desk: Desk) -> None:
    """Add the routes."""
    of, root = Models(desk), "/api/2.0/mlflow/logged-models"
    one, see, do = f"{root}/{{model_id}}", Permission.VIEW, Permission.RUN
    table.call("POST", root, of.create, Create, permission=do, of=owners.experiment)
    table.call("POST", f"{root}/search", of.search, Search, permission=see, of=owners.seen_experiments)
    table.call("GET", one, of.get, OfModel, permission=see, of=owners.model)
    table.call("PATCH", one, of.finalize, Finalize, permission=do, of=owners.model)
    table.call("DELETE", one, of.delete, OfModel, permission=do, of=owners.model)
    table.call("PATCH", f"{one}/tags", of.set_tags, Tags, permission=do, of=owners.model)
    table.call("DELETE", f"{one}/tags/{{tag_key:rest}}", of.delete_tag, OneTag, permission=do, of=owners.model)
    table.call("POST", f"{one}/params", of.log_params, Params, permission=do, of=owners.model)
    table.call("GET", f"{one}/artifacts/directories", of.files, Folder, permission=see, of=owners.model)


class Models:
    """One method for each route."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, told: Create) -> object:
        """Make a model."""
        of = (told.experiment_id, told.name or "", told.model_type or "", told.source_run_id or "")
        params, tags = pairs(told.params), pairs(told.tags)
        return {"model": self._desk.write(lambda books: models.create(books, self._desk.now(), *of, params, tags))}

    def get(self, told: OfModel) -> object:
        """Return a model."""
        deleted = bool(told.allow_deleted)
        return {"model": self._desk.read(lambda books: models.get(books, told.model_id, with_deleted=deleted))}

    def finalize(self, told: Finalize) -> object:
        """Say what became of a model's files."""
        if told.status in (None, "", 0):
            raise invalid(f"Missing value for required parameter 'status'.{_MORE}")
        status = models.STATUSES.get(told.status) if isinstance(told.status, int) else told.status
        if status not in models.STATUSES.values():
            raise invalid(
                f"Invalid value {shown(told.status)} for parameter 'status' supplied:  Hint: Value was of type "
                f"'{type(told.status).__name__}'.{_MORE}"
            )
        done = self._desk.write(lambda books: models.finalize(books, self._desk.now(), told.model_id, str(status)))
        return {"model": done}

    def delete(self, told: OfModel) -> None:
        """Delete a model."""
        self._desk.write(lambda books: models.delete(books, self._desk.now(), told.model_id))

    def set_tags(self, told: Tags) -> None:
        """Set tags."""
        self._desk.write(lambda books: models.set_tags(books, told.model_id, pairs(told.tags)))

    def delete_tag(self, told: OneTag) -> None:
        """Take a tag away."""
        self._desk.write(lambda books: models.delete_tag(books, told.model_id, told.tag_key))

    def log_params(self, told: Params) -> None:
        """Add parameters."""
        self._desk.write(lambda books: models.log_params(books, told.model_id, pairs(told.params)))

    def search(self, told: Search) -> object:
        """Return models."""
        datasets = [(each.dataset_name or "", each.dataset_digest or "") for each in told.datasets or ()]
        order = [
            models.OrderBy(each.field_name or "", each.ascending is not False, each.dataset_name or "",
                           each.dataset_digest or "")
            for each in told.order_by or ()
        ]  # fmt: skip
        most = told.max_results or models.DEFAULT_MOST
        found, token = self._desk.read(
            lambda books: models.search(
                books, told.experiment_ids or [], told.filter or "", datasets, most, order, told.page_token or ""
            )
        )
        answer: dict[str, object] = {"models": found} if found else {}
        return answer | ({"next_page_token": token} if token else {})

    def files(self, told: Folder) -> object:
        """Return what lies in a folder of a model."""
        folder = safe_path(told.artifact_directory_path or "")
        model = self._desk.read(lambda books: models.get(books, told.model_id))
        uri = model.info.artifact_uri
        found = self._desk.read(lambda books: files.beneath(books, root_of(uri), folder))
        return {"root_uri": uri} | ({"files": found} if found else {})
