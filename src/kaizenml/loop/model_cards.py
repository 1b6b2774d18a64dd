"""Model cards, from what the books and the store have of a version now."""

from __future__ import annotations

from collections.abc import Collection

from kaizenml.core.assessment import ASSESSMENT, Assessment
from kaizenml.core.model import ModelVersion
from kaizenml.core.ports import Books
from kaizenml.core.registered import RegisteredVersion
from kaizenml.core.run import Run
from kaizenml.errors import NotFoundError
from kaizenml.loop import models
from kaizenml.loop.evaluation_report import assessment_of
from kaizenml.loop.wiring import House
from kaizenml.registry.model_card import Known, Watched, model_card

_MOST_RELEASES = 1_000
_WINDOWS, _MOST_WINDOWS = 10, 200


def card_of(books: Books, house: House, model: str, number: int) -> str:
    """Return the model card of a version, in Markdown, as things stand now.

    Raises
    ------
    NotFoundError
        When there is no such version.
    """
    return model_card(_known(books, house, models.get_version(books, model, number)))


def _known(books: Books, house: House, of: RegisteredVersion) -> Known:
    model = models.get(books, of.model)
    run = books.runs.find(of.run) if of.run else None
    known = books.releases.newest(of.project, limit=_MOST_RELEASES) if of.project else []
    releases = [each for each in known if each.model_version == of.name]
    names = {each.name for each in releases}
    served = [each for each in books.endpoints.all() if each.champion in names]
    at = {each.name for each in served}
    alerts = books.alerts.unresolved()
    return Known(
        of,
        house.clock.now(),
        about=model.description,
        aliases=model.named(of.number),
        trained=_trained(books, of.name),
        run=run,
        found=_assessed(house, run),
        releases=tuple(releases),
        served=tuple(served),
        windows=_windows(books, names, at),
        alerts=tuple(each for each in alerts if each.endpoint in at and each.is_open),
    )


def _trained(books: Books, name: str) -> ModelVersion | None:
    try:
        return books.models.get(name)
    except NotFoundError:
        return None


def _assessed(house: House, run: Run | None) -> Assessment | None:
    return assessment_of(run, house.blobs) if run is not None and ASSESSMENT in run.artefacts else None


def _windows(books: Books, releases: Collection[str], endpoints: Collection[str]) -> tuple[Watched, ...]:
    """Return the newest windows in which one of these releases was watched, the newest first."""
    notes = [
        note
        for endpoint in sorted(endpoints)
        for note in books.notes.last("window", f"{endpoint}/", limit=_MOST_WINDOWS).values()
        if isinstance(note, dict) and note.get("release") in releases
    ]
    newest = sorted(notes, key=lambda note: str(note["end"]), reverse=True)[:_WINDOWS]
    return tuple(
        Watched(str(note["end"]), int(note.get("rows", 0)),
                {name: float(value) for name, value in note.get("metrics", {}).items() if value is not None})
        for note in newest
    )  # fmt: skip
