"""The routes of the registry: models, their versions, and the aliases that name them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from pydantic import Field

from kaizenml.core.account import Permission
from kaizenml.core.registered import LONGEST_KEY, LONGEST_NAME, LONGEST_TEXT
from kaizenml.interfaces.http.access import own_project
from kaizenml.interfaces.http.acting import Act, Body, Name, Reason
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import ANYWHERE, RUN, Belongs, Routes, check_thing
from kaizenml.interfaces.http.service import Service, house_behind
from kaizenml.loop import aliases, belonging, model_cards, model_views, models
from kaizenml.loop.move_requests import remembering

ModelName = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Key = Annotated[str, Field(min_length=1, max_length=LONGEST_KEY)]
Number = Annotated[int, Field(ge=1, le=2**53, strict=True)]
_MODEL = Belongs("model", "model", belonging.of_model)


class NewModel(Body):
    """A name, what it is for, and whose it is: of the one project in which the caller may run, if none is said."""

    name: ModelName
    project: Name = ""
    description: Text = ""
    tags: Annotated[dict[Key, Text], Field(default_factory=dict, max_length=1000)]


class NewVersion(Body):
    """The run that made it, and which of its artefacts it is; without any, all of them."""

    run: Name
    path: Annotated[str, Field(max_length=1000)] = ""
    description: Text = ""
    tags: Annotated[dict[Key, Text], Field(default_factory=dict, max_length=1000)]


class Change(Body):
    """A description, and tags: those that are null are taken away, those that are not named stay."""

    description: Text | None = None
    tags: Annotated[dict[Key, Text | None], Field(default_factory=dict, max_length=1000)]


class Renaming(Body):
    """The new name."""

    to: ModelName


class Move(Body):
    """The version that the alias shall name; `seen` is the one that it named when this was decided, 0 for none."""

    version: Number
    seen: Annotated[int, Field(ge=0, le=2**53, strict=True)] | None = None


class Approving(Body):
    """The version that the alias may name; null: that it may be taken away."""

    version: Number | None = None
    because: Reason = ""


def add_registry(routes: Routes, service: Service) -> None:
    """Add the routes."""
    of, see, do = Registry(service), Permission.VIEW, Permission.RUN
    model, version = "/api/v1/models/{model}", "/api/v1/models/{model}/versions/{number}"
    alias = f"{model}/aliases/{{alias}}"
    routes.post("/api/v1/models", of.create, permission=do, of=ANYWHERE)
    routes.get(model, of.model, permission=see, of=_MODEL)
    routes.patch(model, of.change, permission=do, of=_MODEL)
    routes.delete(model, of.delete, permission=do, of=_MODEL)
    routes.post(f"{model}/rename", of.rename, permission=do, of=_MODEL)
    routes.post(f"{model}/versions", of.register, permission=do, of=_MODEL)
    routes.get(version, of.version, permission=see, of=_MODEL)
    routes.get(f"{version}/card", of.card, permission=see, of=_MODEL)
    routes.patch(version, of.change_version, permission=do, of=_MODEL)
    routes.delete(version, of.delete_version, permission=do, of=_MODEL)
    routes.put(alias, of.move, permission=do, of=_MODEL)
    routes.delete(alias, of.take_away, permission=do, of=_MODEL)
    routes.post(f"{alias}/approve", of.approve, permission=Permission.APPROVE, of=_MODEL)


class Registry:
    """One method for each route."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def create(self, body: NewModel) -> Response:
        """Register a name for models."""
        told, now, project = body, self._service.now(), own_project(body.project)
        more = {"project": project, "description": told.description}
        with self._service.records.writing() as books:
            models.create(books, now, told.name, told.actor, tags=told.tags, **more)
            return answer(model_views.model_view(books, told.name), 201)

    def model(self, model: str) -> Response:
        """One model, with its newest versions."""
        with self._service.records.reading() as books:
            return answer(model_views.model_view(books, model))

    def change(self, model: str, body: Change) -> Response:
        """Describe and tag a model."""
        now = self._service.now()
        with self._service.records.writing() as books:
            if body.description is not None:
                models.describe(books, now, model, body.description)
            models.retag(books, now, models.get(books, model), body.tags, body.actor)
            return answer(model_views.model_view(books, model))

    def delete(self, model: str, body: Act | None = None) -> Response:
        """Delete a model and its versions; their numbers are not given again."""
        with self._service.records.writing() as books:
            models.delete(books, house_behind(self._service), model, (body or Act()).actor)
        return answer({"deleted": model})

    def rename(self, model: str, body: Renaming) -> Response:
        """Give a model another name."""
        with self._service.records.writing() as books:
            models.rename(books, house_behind(self._service), model, body.to, body.actor)
            return answer(model_views.model_view(books, body.to))

    def register(self, model: str, body: NewVersion) -> Response:
        """Register what a run made as the next version of a model."""
        check_thing(Permission.RUN, RUN, self._service.records, body.run)
        now = self._service.now()
        with self._service.records.writing() as books:
            made = models.register_run(
                books, now, model, body.run, body.actor, path=body.path, description=body.description, tags=body.tags
            )
            return answer(model_views.version_view(books, made), 201)

    def version(self, model: str, number: int) -> Response:
        """One version, with the aliases that name it."""
        with self._service.records.reading() as books:
            return answer(model_views.version_view(books, models.get_version(books, model, number)))

    def card(self, model: str, number: int) -> Response:
        """The model card of a version, in Markdown, from what is recorded of it now."""
        with self._service.records.reading() as books:
            text = model_cards.card_of(books, house_behind(self._service), model, number)
        return Response(text, media_type="text/markdown; charset=utf-8")

    def change_version(self, model: str, number: int, body: Change) -> Response:
        """Describe and tag a version."""
        now = self._service.now()
        with self._service.records.writing() as books:
            version = models.get_version(books, model, number)
            if body.description is not None:
                version = models.describe_version(books, now, version, body.description)
            version = models.retag_version(books, now, version, body.tags, body.actor)
            return answer(model_views.version_view(books, version))

    def delete_version(self, model: str, number: int, body: Act | None = None) -> Response:
        """Delete a version, and the aliases that named it."""
        with self._service.records.writing() as books:
            version = models.get_version(books, model, number)
            models.delete_version(books, house_behind(self._service), version, (body or Act()).actor)
        return answer({"deleted": version.name})

    def move(self, model: str, alias: str, body: Move) -> Response:
        """Let an alias name a version; a protected one moves only with an approval."""
        seen = -1 if body.seen is None else (body.seen or None)
        house = house_behind(self._service)
        with remembering(house) as books:
            aliases.move(books, house, model, alias, body.version, body.actor, seen=seen)
            return answer(model_views.model_view(books, model))

    def take_away(self, model: str, alias: str, body: Act | None = None) -> Response:
        """Take an alias away; a protected one goes only with an approval."""
        house = house_behind(self._service)
        with remembering(house) as books:
            aliases.move(books, house, model, alias, None, (body or Act()).actor)
            return answer(model_views.model_view(books, model))

    def approve(self, model: str, alias: str, body: Approving) -> Response:
        """Approve that a protected alias names a version, or is taken away."""
        with self._service.records.writing() as books:
            house = house_behind(self._service)
            standing = aliases.approve(books, house, model, alias, body.version, body.actor, because=body.because)
        return answer(standing)
