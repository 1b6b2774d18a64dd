"""The routes of evaluations: what one found, as values and as a page."""

from __future__ import annotations

from fastapi import Response

from kaizenml.core.account import Permission
from kaizenml.core.assessment import Assessment
from kaizenml.core.ports import Blobs
from kaizenml.core.run import Run
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import RUN, Routes
from kaizenml.interfaces.http.service import Service, house_behind
from kaizenml.loop.evaluation_report import assessment_of, report

#: The page brings its styles within itself, and nothing else.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"


def add_evaluating(routes: Routes, service: Service) -> None:
    """Add the routes."""
    shown = Evaluations(service)
    routes.get("/api/v1/runs/{id}/evaluation", shown.evaluation, permission=Permission.VIEW, of=RUN)
    routes.get("/api/v1/runs/{id}/report", shown.report, permission=Permission.VIEW, of=RUN)


class Evaluations:
    """One method for each route."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def evaluation(self, id: str) -> Response:  # noqa: A002  it is the path's word
        """What the evaluation of a run found: calibration, slices, fairness, importance, charts as points."""
        return answer(self._found(id)[1])

    def report(self, id: str) -> Response:  # noqa: A002
        """The evaluation of a run as a page that needs nothing else."""
        run, _ = self._found(id)
        headers = {"Content-Security-Policy": _POLICY}
        return Response(report(run, self._blobs()), media_type="text/html; charset=utf-8", headers=headers)

    def _found(self, id: str) -> tuple[Run, Assessment]:  # noqa: A002
        with self._service.records.reading() as books:
            run = books.runs.get(id)
        return run, assessment_of(run, self._blobs())

    def _blobs(self) -> Blobs:
        return house_behind(self._service).blobs
