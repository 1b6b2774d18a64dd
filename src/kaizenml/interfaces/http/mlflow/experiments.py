"""The routes of experiments."""

from __future__ import annotations

from kaizenml.core.account import Permission
from kaizenml.core.mlflow.errors import invalid
from kaizenml.core.mlflow.rows import ACTIVE, DELETED
from kaizenml.core.ports import Books
from kaizenml.interfaces.http.access import seen_projects
from kaizenml.interfaces.http.mlflow import owners
from kaizenml.interfaces.http.mlflow.desk import Desk
from kaizenml.interfaces.http.mlflow.reading import Message, Whole
from kaizenml.interfaces.http.mlflow.table import Table
from kaizenml.loop import mlflow_experiments as experiments
from kaizenml.loop import mlflow_runs as runs

#: Which stages a view shows, by its name and its number.
_VIEWS = {"ACTIVE_ONLY": (ACTIVE,), "DELETED_ONLY": (DELETED,), "ALL": (ACTIVE, DELETED)}
_NUMBERS = {"1": "ACTIVE_ONLY", "2": "DELETED_ONLY", "3": "ALL"}


class Tag(Message, gc=False):
    """A tag."""

    key: str | None = None
    value: str | None = None


class Create(Message):
    """A new experiment."""

    needed = ("name",)

    name: str | None = None
    artifact_location: str | None = None
    tags: list[Tag] | None = None


class Which(Message):
    """An experiment."""

    needed = ("experiment_id",)

    experiment_id: str = ""


class Named(Message):
    """An experiment by its name."""

    needed = ("experiment_name",)

    experiment_name: str = ""


class Rename(Message):
    """An experiment and its new name."""

    needed = ("experiment_id", "new_name")

    experiment_id: str = ""
    new_name: str = ""


class SetTag(Message):
    """An experiment and a tag."""

    needed = ("experiment_id", "key")

    experiment_id: str = ""
    key: str = ""
    value: str | None = None


class Search(Message):
    """What is asked for."""

    max_results: Whole | None = None
    page_token: str | None = None
    filter: str | None = None
    order_by: list[str] | None = None
    view_type: str | Whole | None = None


def add_experiments(table: Table, desk: Desk) -> None:
    """Add the routes."""
    of = Experiments(desk)
    root = "/api/2.0/mlflow/experiments"
    see, do = Permission.VIEW, Permission.RUN
    table.call("POST", f"{root}/create", of.create, Create, permission=do, of=owners.new_experiment)
    table.call("GET", f"{root}/get", of.get, Which, permission=see, of=owners.experiment)
    table.call("GET", f"{root}/get-by-name", of.named, Named, permission=see, of=owners.named_experiment)
    table.call("POST", f"{root}/search", of.search, Search, permission=see, of=owners.anybody)
    table.call("GET", f"{root}/search", of.search, Search, permission=see, of=owners.anybody)
    table.call("POST", f"{root}/update", of.rename, Rename, permission=do, of=owners.experiment)
    table.call("POST", f"{root}/delete", of.delete, Which, permission=do, of=owners.experiment)
    table.call("POST", f"{root}/restore", of.restore, Which, permission=do, of=owners.experiment)
    table.call("POST", f"{root}/set-experiment-tag", of.set_tag, SetTag, permission=do, of=owners.experiment)
    table.call("POST", f"{root}/delete-experiment-tag", of.delete_tag, SetTag, permission=do, of=owners.experiment)


class Experiments:
    """One method for each route."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, told: Create) -> object:
        """Make an experiment."""
        tags = [(each.key or "", each.value or "") for each in told.tags or ()]
        name, location = told.name or "", told.artifact_location or ""
        made = self._desk.write(lambda books: experiments.create(books, self._desk.now(), name, location, tags))
        return {"experiment_id": made}

    def get(self, told: Which) -> object:
        """Return an experiment."""
        return {"experiment": self._desk.read(lambda books: experiments.get(books, told.experiment_id))}

    def named(self, told: Named) -> object:
        """Return the experiment of a name."""
        return {"experiment": self._desk.read(lambda books: experiments.named(books, told.experiment_name))}

    def search(self, told: Search) -> object:
        """Return experiments."""
        found, token = self._desk.read(
            lambda books: experiments.search(
                books, stages(told.view_type), told.max_results or 0, told.filter or "", told.order_by or [],
                told.page_token or "", seen_projects(),
            )
        )  # fmt: skip
        answer: dict[str, object] = {"experiments": found} if found else {}
        return answer | ({"next_page_token": token} if token else {})

    def rename(self, told: Rename) -> None:
        """Give an experiment another name."""
        self._desk.write(lambda books: experiments.rename(books, self._desk.now(), told.experiment_id, told.new_name))

    def delete(self, told: Which) -> None:
        """Delete an experiment and its runs; they can be restored."""
        self._desk.write(lambda books: self._move(books, told.experiment_id, DELETED))

    def restore(self, told: Which) -> None:
        """Restore an experiment and its runs."""
        self._desk.write(lambda books: self._move(books, told.experiment_id, ACTIVE))

    def set_tag(self, told: SetTag) -> None:
        """Set a tag."""
        self._desk.write(lambda books: experiments.set_tag(books, told.experiment_id, told.key, told.value or ""))

    def delete_tag(self, told: SetTag) -> None:
        """Take a tag away."""
        self._desk.write(lambda books: experiments.delete_tag(books, told.experiment_id, told.key))

    def _move(self, books: Books, id_: str, stage: str) -> None:
        experiments.move(books, self._desk.now(), id_, stage)
        runs.move_all(books, self._desk.now(), id_, stage)


def stages(view: str | int | None) -> tuple[str, ...]:
    """Return the stages that a view shows."""
    word = _NUMBERS.get(str(view), str(view)) if view not in (None, "", 0) else "ACTIVE_ONLY"
    if word not in _VIEWS:
        raise invalid(f"Invalid value \"{word}\" for parameter 'view_type' supplied.")
    return _VIEWS[word]
