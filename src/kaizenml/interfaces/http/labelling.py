"""The routes by which people and programs label rows."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Response
from pydantic import Field

from kaizenml.core.account import Permission
from kaizenml.core.labelling import CONTROL_SHARE, LONGEST_CHOICE, MOST_CHOICES
from kaizenml.errors import StateError
from kaizenml.interfaces.http import views
from kaizenml.interfaces.http.acting import Body
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import Routes
from kaizenml.interfaces.http.service import Service
from kaizenml.loop import label_files, labelling, labels
from kaizenml.loop.label_ordering import FillWish, queue_filling
from kaizenml.loop.wiring import House

Choice = Annotated[str, Field(min_length=1, max_length=LONGEST_CHOICE)]
TaskId = Annotated[str, Field(min_length=1, max_length=1000)]


class Asking(Body):
    """Who labels."""


class Filling(Asking):
    """Who wants rows queued; what can be said of them, by how many each, and which share is chosen by chance."""

    choices: Annotated[list[Choice], Field(max_length=MOST_CHOICES)] = Field(default_factory=list)
    wanted: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    control: Annotated[float, Field(ge=0, le=1)] = CONTROL_SHARE


class Bringing(Filling):
    """Tasks as Label Studio writes them, and which column of their data is the key."""

    tasks: Annotated[list[dict[str, Any]], Field(min_length=1)]
    id: Annotated[str, Field(max_length=1000)] | None = None


class Passing(Asking):
    """Who passes on which task."""

    task: TaskId


class Giving(Passing):
    """Who says what of which task."""

    value: Annotated[str, Field(min_length=1, max_length=LONGEST_CHOICE)]


def add_labelling(routes: Routes, service: Service) -> None:
    """Add the routes."""
    told = Labelling(service)
    base = "/api/v1/projects/{name}/labels"
    routes.get(base, told.status, permission=Permission.VIEW)
    routes.get(f"{base}/agreement", told.agreement, permission=Permission.VIEW)
    routes.post(f"{base}/fill", told.fill, permission=Permission.RUN)
    routes.post(f"{base}/review", told.review, permission=Permission.RUN)
    routes.get(f"{base}/export", told.export, permission=Permission.VIEW)
    routes.post(f"{base}/import", told.import_, permission=Permission.RUN)
    routes.post(f"{base}/next", told.next, permission=Permission.LABEL)
    routes.post(f"{base}/give", told.give, permission=Permission.LABEL)
    routes.post(f"{base}/skip", told.skip, permission=Permission.LABEL)


def house_of(service: Service) -> House:
    """Return the house of a service that has one.

    Raises
    ------
    StateError
        When it has none.
    """
    found: House | None = getattr(service, "house", None)
    if found is None:
        raise StateError("Nothing is labelled at this server.", "Label at the one that `kaizen up` starts.")
    return found


class Labelling:
    """One method for each route; the loop decides."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def status(self, name: str) -> Response:
        """How far labelling is, and who gave how many labels."""
        return answer(labelling.status(house_of(self._service), name))

    def agreement(self, name: str) -> Response:
        """How far annotators agree beyond chance, and how good each is by the consensus."""
        found, quality = labels.agreed(house_of(self._service), name)
        return answer({"agreement": found, "quality": quality})

    def fill(self, name: str, body: Filling | None = None) -> Response:
        """Queue a job that chooses the rows whose truth is not known; a worker asks the champion about them."""
        told = body or Filling()
        wish = FillWish("main", tuple(told.choices), told.wanted, told.control)
        return self._ordered(name, wish, told.actor)

    def review(self, name: str, body: Asking | None = None) -> Response:
        """Queue a job that queues disputed tasks and labels that look wrong, for somebody else."""
        return self._ordered(name, FillWish("review"), (body or Asking()).actor)

    def _ordered(self, name: str, wish: FillWish, by: str) -> Response:
        job = queue_filling(house_of(self._service), name, wish, by=by)
        return answer({"done": views.without_folder(views.plain(job))}, 202)

    def export(self, name: str) -> Response:
        """All tasks and labels as Label Studio's JSON."""
        return Response(label_files.export_file(house_of(self._service), name), media_type="application/json")

    def import_(self, name: str, body: Bringing) -> Response:
        """Take tasks and labels of Label Studio; the same again changes nothing."""
        queued, labels, cancelled = label_files.import_file(
            house_of(self._service), name, msgspec.json.encode(body.tasks), id_column=body.id, wanted=body.wanted,
            choices=body.choices, share=body.control, by=body.actor,
        )  # fmt: skip
        return answer({"done": {"queued": queued, "labels": labels, "cancelled": cancelled}}, 201)

    def next(self, name: str, body: Asking | None = None) -> Response:
        """Hand out a task, or the one that is held; for ten minutes it is nobody else's."""
        found = labelling.next_task(house_of(self._service), name, (body or Asking()).actor)
        done = None if found is None else {"task": found.task, "until": found.until, "choices": found.choices}
        return answer({"done": done})

    def give(self, name: str, body: Giving) -> Response:
        """Label the task that was handed out."""
        is_new = labelling.give(house_of(self._service), name, body.task, body.value, body.actor)
        said = {"task": body.task, "value": body.value, "by": body.by, "repeated": not is_new}
        return answer({"done": said}, 201 if is_new else 200)

    def skip(self, name: str, body: Passing) -> Response:
        """Pass on the task that was handed out; others may label it."""
        labelling.skip(house_of(self._service), name, body.task, body.actor)
        return answer({"done": {"skipped": body.task}})
