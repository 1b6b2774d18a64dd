"""Which events somebody asks for: by whom, of what kind, about what, when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kaizenml.core.event import Event, Kind
from kaizenml.core.monitor import every
from kaizenml.core.terminal import harmless
from kaizenml.errors import NotFoundError, UsageError


@dataclass(frozen=True, slots=True)
class Trail:
    """What is asked of the event log; every part that is said has to fit.

    Parameters
    ----------
    actor
        Who did it, such as ``person:ada``; with a colon at its end, whoever is of that sort: ``policy:``.
    kinds
        Of these kinds; none: of any.
    subject
        What it was about, such as ``release:flights/3``; with ``:``, ``/`` or ``@`` at its end, whatever begins so.
    projects
        Of these projects alone; None: of all, and of none.
    since, until
        From this time on, and before that one.
    after, before
        Behind the event of this id, and before that of that one.
    """

    actor: str = ""
    kinds: frozenset[Kind] = frozenset()
    subject: str = ""
    projects: frozenset[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: int = 0
    before: int | None = None

    def __post_init__(self) -> None:
        for name in (self.actor, self.subject):
            if not name.isprintable():
                raise UsageError(f"{harmless(name, keep='')[:80]!r} is the name of nothing.", "")

    def fits(self, event: Event) -> bool:
        """Say whether an event is one that is asked for."""
        return (
            is_called(event.actor, self.actor, ":")
            and (not self.kinds or event.kind in self.kinds)
            and is_called(event.subject, self.subject, ":/@")
            and (self.projects is None or event.project in self.projects)
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
            and event.id > self.after
            and (self.before is None or event.id < self.before)
        )


def is_called(name: str, asked: str, ends: str) -> bool:
    """Say whether a name is the one that is asked for, or begins so where what is asked for ends in one of these."""
    return not asked or (name.startswith(asked) if asked[-1] in ends else name == asked)


def actor_of(said: str) -> str:
    """Return an actor as people write it: ``ada`` is ``person:ada``."""
    return f"person:{said}" if said and ":" not in said else said


def kinds_of(said: Iterable[str]) -> frozenset[Kind]:
    """Return kinds as they are written: ``release.proposed``, or ``release`` for all that begin so.

    Raises
    ------
    NotFoundError
        When there is none, with the closest.
    """
    found = set[Kind]()
    for word in said:
        fitting = [kind for kind in Kind if word in (str(kind), str(kind).partition(".")[0])]
        if not fitting:
            families = sorted({str(kind).partition(".")[0] for kind in Kind})
            raise NotFoundError("kind of event", word[:80], [*families, *Kind])
        found.update(fitting)
    return frozenset(found)


def moment(said: str, now: datetime) -> datetime:
    """Return a time as people write it: ``2026-03-01``, ``2026-03-01T12:00:00Z``, or ``24h`` for so long ago.

    Raises
    ------
    UsageError
        When it is none of these.
    """
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        try:
            return now - timedelta(seconds=every(said).seconds)
        except (UsageError, OverflowError) as error:
            raise UsageError(f"{said[:80]!r} is no time.", "Write 2026-03-01T12:00:00Z, or 24h.") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
