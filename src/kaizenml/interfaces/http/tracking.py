"""The routes of runs: lists by a question, series, files; and those by which other machines send what they tracked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import chain
from typing import Annotated, Any

import msgspec
from fastapi import Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from kaizenml.core.account import Permission
from kaizenml.core.digest import Digest
from kaizenml.core.ports import Blobs, Books
from kaizenml.core.query import All, Condition, OneOf
from kaizenml.core.query import Field as Named
from kaizenml.core.query import Query as Question
from kaizenml.core.query_text import LONGEST, parsed
from kaizenml.core.run import RunLine
from kaizenml.core.series import Last, Point, spelled, thinned
from kaizenml.errors import IntegrityError, NotFoundError
from kaizenml.interfaces.http.access import CALLER, seen_projects
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import ANYWHERE, RUN, Routes
from kaizenml.interfaces.http.service import Service, house_behind
from kaizenml.loop.grouping import Together
from kaizenml.loop.live import console_so_far, live
from kaizenml.loop.syncing import project_of, take_in
from kaizenml.loop.wiring import House

Text = Annotated[str, Query(alias="q", max_length=LONGEST, description="such as metrics.roc_auc > 0.7")]
Project = Annotated[str | None, Query(max_length=100, description="of this project only")]
Limit = Annotated[int, Query(ge=1, le=10_000, description="at most so many")]
After = Annotated[int, Query(ge=0, le=10_000_000, description="leave out so many first")]
Most = Annotated[int, Query(ge=4, le=100_000, description="at most so many points, which keep the curve's shape")]
Start = Annotated[int, Query(ge=0, le=2**53, description="at which byte of the journal the body begins")]
Hex = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
#: A blob may come in so many parts.
MOST_PARTS = 1_200


class Parts(BaseModel):
    """A blob that was sent in parts, and the digests of those, in order."""

    model_config = ConfigDict(extra="forbid")

    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    parts: Annotated[list[Annotated[str, Field(pattern="^[0-9a-f]{64}$")]], Field(max_length=MOST_PARTS)]


def add_tracking(routes: Routes, service: Service) -> None:
    """Add the routes."""
    shown, sent = Runs(service), Sent(service)
    run = "/api/v1/runs/{id}"
    routes.get("/api/v1/runs", shown.runs, permission=Permission.VIEW, of=ANYWHERE)
    routes.get(run, shown.run, permission=Permission.VIEW, of=RUN)
    routes.get(f"{run}/series", shown.all_series, permission=Permission.VIEW, of=RUN)
    routes.get(f"{run}/series/{{name:path}}", shown.series, permission=Permission.VIEW, of=RUN)
    routes.get(f"{run}/artefacts", shown.artefacts, permission=Permission.VIEW, of=RUN)
    routes.get(f"{run}/artefacts/{{path:path}}", shown.artefact, permission=Permission.VIEW, of=RUN)
    routes.get(f"{run}/console", shown.console, permission=Permission.VIEW, of=RUN)
    routes.get(f"{run}/diff", shown.diff, permission=Permission.VIEW, of=RUN)
    routes.post(f"{run}/journal", sent.journal, permission=Permission.RUN, of=ANYWHERE)
    routes.get("/api/v1/blobs/{digest}", sent.has_blob, permission=Permission.RUN, of=ANYWHERE)
    routes.post("/api/v1/blobs", sent.blob, permission=Permission.RUN, of=ANYWHERE)
    routes.post("/api/v1/blobs/joined", sent.joined, permission=Permission.RUN, of=ANYWHERE)


class Runs:
    """What ran; one method for each route."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def runs(self, text: Text = "", project: Project = None, limit: Limit = 100, after: After = 0) -> Response:
        """Runs that fulfil a question, in its order; the newest first without one."""
        question = _of(parsed(text), frozenset([project]) if project is not None else seen_projects())
        with self._service.records.reading() as books:
            return answer({"runs": [_line(each) for each in books.runs.search(question, limit=limit, after=after)]})

    def run(self, id: str) -> Response:  # noqa: A002  it is the path's word
        """One run, with its environment, steps, parameters, metrics, baselines and verdict; while it runs, so far."""
        with self._service.records.reading() as books:
            run = books.runs.get(id)
        house: House | None = getattr(self._service, "house", None)
        return answer(run if house is None else live(house, run))

    def all_series(self, id: str) -> Response:  # noqa: A002
        """Each series of a run in a line: how many points, the last, the smallest and the largest value."""
        with self._service.records.reading() as books:
            books.runs.get(id)
            return answer({"series": {name: _last(each) for name, each in books.series.last(id).items()}})

    def series(self, id: str, name: str, most: Most = 2_000) -> Response:  # noqa: A002
        """The points of one series: step, microseconds since 1970, value ("NaN" and "Infinity" as text)."""
        with self._service.records.reading() as books:
            books.runs.get(id)
            points = books.series.read(id, name)
            if not points:
                raise NotFoundError("series", name, books.series.last(id))
        return answer({"points": [_point(point) for point in thinned(points, most)], "of": len(points)})

    def artefacts(self, id: str) -> Response:  # noqa: A002
        """The files that a run kept: path and digest."""
        with self._service.records.reading() as books:
            kept = books.runs.get(id).artefacts
        return answer({"artefacts": [{"path": path, "digest": digest} for path, digest in sorted(kept.items())]})

    def artefact(self, id: str, path: str) -> Response:  # noqa: A002
        """One file that a run kept, to be stored: a browser does not show it."""
        with self._service.records.reading() as books:
            kept = books.runs.get(id).artefacts
        if path not in kept:
            raise NotFoundError("artefact", path, kept)
        return _file(house_behind(self._service).blobs, kept[path])

    def console(self, id: str) -> Response:  # noqa: A002
        """What a run wrote to standard output and error: its beginning and its end; while it runs, so far."""
        with self._service.records.reading() as books:
            run = books.runs.get(id)
        return _text(console_so_far(house_behind(self._service), run).content)

    def diff(self, id: str) -> Response:  # noqa: A002
        """What git had not committed when a run began."""
        with self._service.records.reading() as books:
            kept = books.runs.get(id).code.diff
        return _text(b"" if kept is None else house_behind(self._service).blobs.get(kept))


class Sent:
    """What other machines send; many at once are committed together."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._together = Together(service.records)

    async def journal(self, id: str, request: Request, start: Start = 0) -> Response:  # noqa: A002
        """Take whole frames of a run's journal; the answer says up to which byte it is known. Safe to repeat."""
        content = await request.body()
        known = await run_in_threadpool(self._take_in, id, start, content)
        return answer({"known": known})

    def has_blob(self, digest: Hex) -> Response:
        """Whether a blob is here; it stays for now, so that whoever asks need not send it."""
        return answer({"is_here": house_behind(self._service).blobs.hold(Digest(digest))})

    async def blob(self, request: Request) -> Response:
        """Keep the body as a blob; the answer is its digest."""
        content = await request.body()
        digest = await run_in_threadpool(house_behind(self._service).blobs.put, content)
        return answer({"digest": digest}, 201)

    def joined(self, body: Parts) -> Response:
        """Put a blob together from parts that were sent before."""
        blobs, found = house_behind(self._service).blobs, sha256()
        for chunk in _chunks(blobs, body.parts):
            found.update(chunk)
        if found.hexdigest() != body.digest:
            raise IntegrityError(f"The parts make no blob {body.digest}.", "Send them again.")
        return answer({"digest": blobs.put_from(_chunks(blobs, body.parts))}, 201)

    def _take_in(self, run: str, start: int, content: bytes) -> int:
        house, caller = house_behind(self._service), CALLER.get()

        def taken(books: Books) -> int:
            owner = project_of(books, run, start, content)
            if caller is not None and owner is not None:
                caller.check(Permission.RUN, [owner], NotFoundError("run", run[:200]))
            return take_in(books, house.blobs, house.clock, run, start, content)

        return self._together.write(taken)


def _of(question: Question, projects: frozenset[str] | None) -> Question:
    if projects is None:
        return question
    mine: Condition = OneOf(Named("run", "project"), tuple(sorted(projects)))
    return Question(mine if question.where is None else All((mine, question.where)), question.order)


def _line(line: RunLine) -> dict[str, Any]:
    return {**msgspec.to_builtins(line), "duration": line.seconds}


def _last(of: Last) -> dict[str, object]:
    step, at, value = _point(of.last)
    return {"points": of.points, "step": step, "at": at, "value": value, "low": of.low, "high": of.high}


def _point(point: Point) -> tuple[int, int, float | str]:
    return point.step, point.at, spelled(point.value)


def _chunks(blobs: Blobs, digests: Sequence[str]) -> Iterator[bytes]:
    for digest in digests:
        yield from blobs.open(Digest(digest))


def _file(blobs: Blobs, digest: Digest) -> Response:
    """Send a blob chunk by chunk; the first comes once all of it has been checked, so what is damaged is refused."""
    chunks = blobs.open(digest)
    first = next(chunks)
    headers = {"Content-Disposition": "attachment", "Content-Length": str(blobs.size(digest))}
    return StreamingResponse(chain([first], chunks), media_type="application/octet-stream", headers=headers)


def _text(content: bytes) -> Response:
    return Response(content, media_type="text/plain; charset=utf-8")
