"""A look at a project's source: load what is new, hold it to the contract, and start a run where the project says so.

Loading is exactly once (`loading_data`), and each batch leaves one event `data.arrived`. Which of these have been
answered, by a run or by nothing, is noted in the transaction that queues the run: a worker that dies anywhere in
between leaves the event unanswered, and the next look answers it, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kaizenml.core.event import Draft, Event, Kind
from kaizenml.core.ports import Books
from kaizenml.errors import KaizenError
from kaizenml.improvement.trigger import blocking
from kaizenml.loop import contracting, data_alerts, ingesting
from kaizenml.loop.ordering import queue_run
from kaizenml.loop.wiring import House, Say
from kaizenml.project import Project

_BY = "policy:polling"
_ANSWERED, _HELD = "answered-data", "held-data"


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look found: how many batches and rows arrived, the run that was queued, why the data are refused."""

    batches: int
    rows: int
    run: str = ""
    refused: str = ""


def look(project: Project, folder: Path, house: House, say: Say) -> Looked:
    """Load what is new in the source; queue a run for it where the project says so and the contract lets it through.

    A source that cannot be read and data that break the contract raise alerts, and are told in what returns.
    """
    refused = ""
    try:
        _load(project, folder, house, say)
    except KaizenError as error:
        refused = error.message
        say(f"look: {refused}")
    with house.records.reading() as books:
        has_news = bool(_news(books, project.name))
    if not has_news:
        return Looked(0, 0, "", refused)
    with house.records.writing() as books:
        news = _news(books, project.name)
        run = _answered(books, house, project, news, refused) if news else ""
    return Looked(len(news), sum(_rows(event) for event in news), run, refused)


def _load(project: Project, folder: Path, house: House, say: Say) -> None:
    found = data_alerts.gathered(project, folder, house, say, cause=None)
    with house.records.reading() as books:
        news = _news(books, project.name)
        is_known = bool(books.snapshots.newest(project.name, limit=1)) and (folder / contracting.PAGE).is_file()
    if is_known and (news or data_alerts.is_refused(house, project.name)):
        ingesting.check(project, folder, house, found, say, cause=news[-1].id if news else None)


def _news(books: Books, project: str) -> list[Event]:
    """Return the arrivals that looks have brought and nothing has answered; what a run loads, it learns itself."""
    answered = books.notes.get(_ANSWERED, project)
    after = answered if isinstance(answered, int) else 0
    arrived = books.events.find(Kind.DATA_ARRIVED, f"source:{project}", project=project)
    return [each for each in arrived if each.id > after and each.cause is None and each.actor == "system:loop"]


def _answered(books: Books, house: House, project: Project, news: Sequence[Event], refused: str) -> str:
    """Queue the run that the newest arrival causes, or write once why it is held; return the run's job."""
    wants_run = project.polling is not None and project.polling.runs
    newest = news[-1].id
    if wants_run:
        blocker = blocking([each for each in books.alerts.unresolved(project.name) if each.is_open])
        if refused or blocker is not None:
            _hold(
                books, house, project.name, newest, refused, *((blocker.id, blocker.event) if blocker else ("", None))
            )
            return ""
    books.notes.put(_ANSWERED, project.name, newest)
    if not wants_run:
        return ""
    return queue_run(books, house, books.declarations.get(project.name), by=_BY, cause=newest).id


def _hold(
    books: Books, house: House, project: str, newest: int, refused: str, blocker: str, opened: int | None
) -> None:
    if books.notes.get(_HELD, project) == [newest, blocker]:
        return
    books.notes.put(_HELD, project, [newest, blocker])
    facts = {"because": refused or "An alert about the data is open.", "ground": "bad_data", "arrived": newest}
    facts |= {"held_by": blocker} if blocker else {}
    draft = Draft(project, _BY, Kind.TRIGGER_HELD, f"project:{project}", opened or newest, house.data_at(books), facts)
    books.events.append(draft, house.clock.now())


def _rows(event: Event) -> int:
    rows = event.facts.get("rows")
    return rows if isinstance(rows, int) else 0
