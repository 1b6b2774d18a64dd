"""The routes by which a person acts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool

from kaizenml.core.account import Permission
from kaizenml.core.assessment import Study
from kaizenml.core.pipeline import TRAINING
from kaizenml.interfaces.http import views
from kaizenml.interfaces.http.access import acting
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import ANYWHERE, ENDPOINT, Belongs, Routes, check_thing
from kaizenml.interfaces.http.service import Service
from kaizenml.loop import belonging

By = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$", description="the person who acts, as the log names them")
]
Reason = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(max_length=200)]
Step = Annotated[int, Field(ge=1, le=100, strict=True)]
_ALERT = Belongs("unresolved alert", "id", belonging.of_alert)
_CALLED = Belongs("run", "id", belonging.of_named_run)
_JOB = Belongs("job", "job", belonging.of_job)
_UNDER_WAY = Belongs("run that is under way", "id", belonging.of_job)


class Body(BaseModel):
    """Who acts: the part that every act shares."""

    model_config = ConfigDict(extra="forbid")

    by: By = "local"

    @property
    def actor(self) -> str:
        """Who acts as the log names actors: the token's owner, or the person named; never a policy or the system."""
        return acting(self.by, is_said="by" in self.model_fields_set)


class Approval(Body):
    """Who approves; with `override` against the gate's word, for a reason."""

    override: StrictBool = False
    because: Reason = ""
    digest: Annotated[str, Field(pattern="^([0-9a-f]{64})?$", description="as the approver looked at it")] = ""


class Refusal(Body):
    """Who declines, and why."""

    because: Reason = ""


class Shipment(Body):
    """In which steps; without any, in those that the project declares."""

    canary: Annotated[list[Step], Field(min_length=1, max_length=20)] | None = None
    shadow: StrictBool = False


class Comparing(Body):
    """Which runs are held against the first of them: by id, name, release or model version."""

    runs: Annotated[list[Name], Field(min_length=2, max_length=20)]


class Repeating(Body):
    """Whether a run is executed again although libraries are others than then."""

    anyway: StrictBool = False


class Wish(Body):
    """Who wants a run, why, and how its steps are executed, as for `kaizen run`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    reason: Reason = ""
    parameters: Annotated[dict[Name, str | int | float | bool | None], Field(max_length=200)] = {}
    pipeline: Name = TRAINING
    start: Annotated[Name, Field(alias="from")] = ""
    only: Name = ""
    cache: StrictBool = True
    also: Annotated[list[Study], Field(max_length=10)] = []
    resume: Annotated[Name, Field(description="a run that was interrupted, to go on with")] = ""
    release: Annotated[StrictBool, Field(description="whether a trained model is proposed as a release")] = True

    @property
    def facts(self) -> dict[str, object]:
        """What the job carries: parameters, and the way of the run."""
        way = {"pipeline": self.pipeline, "start": self.start, "only": self.only, "uses_cache": self.cache,
               "also": list(self.also), "resumes": self.resume, "proposes": self.release}  # fmt: skip
        return {"parameters": dict(self.parameters), "way": way}


class Harmless(Body):
    """Who says that changed code gives what it gave, and why it does."""

    because: Annotated[str, Field(min_length=1, max_length=2000)]


class Search(Body):
    """Who wants better parameters, after how many trials in all, and for how long at the most."""

    trials: Annotated[int, Field(ge=1, le=100_000, strict=True)] = 30
    seconds: Annotated[float, Field(gt=0)] | None = None


class Act(Body):
    """Who acts."""


class Moment(Body):
    """The time that the data's clock shall reach, with its zone."""

    to: AwareDatetime


def add_acting(routes: Routes, service: Service) -> None:
    """Add the routes."""
    act = Acting(service)
    release = "/api/v1/releases/{project}/{number}"
    routes.post(f"{release}/approve", act.approve, permission=Permission.APPROVE)
    routes.post(f"{release}/decline", act.decline, permission=Permission.APPROVE)
    routes.post(f"{release}/ship", act.ship, permission=Permission.OPERATE)
    routes.post("/api/v1/endpoints/{name}/rollback", act.rollback, permission=Permission.OPERATE, of=ENDPOINT)
    routes.post("/api/v1/alerts/{id}/acknowledge", act.acknowledge, permission=Permission.OPERATE, of=_ALERT)
    routes.post("/api/v1/projects/{name}/run", act.run, permission=Permission.RUN)
    routes.post("/api/v1/projects/{name}/tune", act.tune, permission=Permission.RUN)
    routes.post("/api/v1/projects/{name}/steps/{step}/accept", act.accept, permission=Permission.APPROVE)
    routes.post("/api/v1/runs/{id}/cancel", act.cancel, permission=Permission.RUN, of=_UNDER_WAY)
    routes.post("/api/v1/runs/compare", act.compare, permission=Permission.RUN, of=ANYWHERE)
    routes.post("/api/v1/runs/{id}/rerun", act.rerun, permission=Permission.RUN, of=_CALLED)
    routes.get("/api/v1/jobs/{job}/found", act.found, permission=Permission.VIEW, of=_JOB)
    routes.post("/api/v1/clock", act.clock, permission=Permission.ADMIN)


class Acting:
    """One method for each route; the loop decides."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def approve(self, project: str, number: int, body: Approval | None = None) -> Response:
        """Approve a release."""
        told = body or Approval()
        done = self._service.approve(
            f"{project}/{number}", by=told.actor, override=told.override, because=told.because, digest=told.digest
        )
        return answer({"done": done})

    def decline(self, project: str, number: int, body: Refusal | None = None) -> Response:
        """Decline a release."""
        told = body or Refusal()
        return answer({"done": self._service.decline(f"{project}/{number}", by=told.actor, because=told.because)})

    def ship(self, project: str, number: int, body: Shipment | None = None) -> Response:
        """Send a release out."""
        told = body or Shipment()
        canary = tuple(told.canary) if told.canary else None
        done = self._service.ship(f"{project}/{number}", canary=canary, shadow=told.shadow, by=told.actor)
        return answer({"done": done})

    def rollback(self, name: str, body: Act | None = None) -> Response:
        """Give an endpoint back to the release before."""
        return answer({"done": self._service.rollback(name, by=(body or Act()).actor)})

    def acknowledge(self, id: str, body: Act | None = None) -> Response:  # noqa: A002  it is the path's word
        """Take on an alert."""
        return answer({"done": self._service.acknowledge(id, by=(body or Act()).actor)})

    def run(self, name: str, body: Wish | None = None) -> Response:
        """Queue a run of a project."""
        told = body or Wish()
        queued = views.plain(self._service.trigger(name, by=told.actor, reason=told.reason, facts=told.facts))
        return answer({"done": views.without_folder(queued)}, 202)

    def tune(self, name: str, body: Search | None = None) -> Response:
        """Queue a search for better parameters of a project's steps."""
        told = body or Search()
        queued = views.plain(self._service.tune(name, by=told.actor, trials=told.trials, seconds=told.seconds))
        return answer({"done": views.without_folder(queued)}, 202)

    def accept(self, name: str, step: str, body: Harmless) -> Response:
        """Queue the declaration that a step's changed code gives what it gave; `found` of the job has what changed."""
        job = views.plain(self._service.accept(name, step, by=body.actor, because=body.because))
        return answer({"done": views.without_folder(job)}, 202)

    def compare(self, body: Comparing) -> Response:
        """Queue a comparison of runs with the first of them; `found` of the job has where they differ."""
        for word in body.runs:
            check_thing(Permission.RUN, _CALLED, self._service.records, word)
        job = views.plain(self._service.compare(body.runs, by=body.actor))
        return answer({"done": job}, 202)

    def rerun(self, id: str, body: Repeating | None = None) -> Response:  # noqa: A002  it is the path's word
        """Queue an old run to be executed again from its record; `found` of the job has how far its results are."""
        told = body or Repeating()
        return answer({"done": views.plain(self._service.rerun(id, by=told.actor, anyway=told.anyway))}, 202)

    def found(self, job: str) -> Response:
        """What a job found that compared or repeated runs, or accepted code; 409 while it is not done."""
        return Response(self._service.found(job), media_type="application/json")

    def cancel(self, id: str, body: Act | None = None) -> Response:  # noqa: A002  it is the path's word
        """Cancel a run, or another job, that is queued or under way."""
        job = views.plain(self._service.cancel(id, by=(body or Act()).actor))
        return answer({"done": views.without_folder(job)}, 202)

    def clock(self, body: Moment) -> Response:
        """Let the data's clock of a replay reach a time."""
        to: datetime = body.to
        return answer({"done": self._service.advance_clock(to, by=body.actor)})
