"""What is on its way to users: releases, endpoints and their rollouts."""

from __future__ import annotations

from sqlalchemy import Connection, update

from kaizenml.adapters.sql.codec import encoded, microseconds
from kaizenml.adapters.sql.lineage import SqlLinks
from kaizenml.adapters.sql.statements import add, found, listed, missing, numbered, put
from kaizenml.adapters.sql.tables import ENDPOINTS, RELEASES, ROLLOUTS
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.lineage import links_of
from kaizenml.core.release import Release, ReleaseState
from kaizenml.core.rollout import Rollout
from kaizenml.errors import ConflictError, StateError


class SqlReleases:
    """Releases; they move by compare-and-set only."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, release: Release) -> None:
        """Write a new release; `ConflictError` when its number is taken."""
        key = {"project": release.project, "number": release.number}
        at = microseconds(release.created_at)
        add(self._connection, RELEASES, "release", key, at=at, state=release.state, body=encoded(release))
        SqlLinks(self._connection).note(links_of(release))

    def get(self, name: str) -> Release:
        """Return the release called ``project/number``, or raise `NotFoundError`."""
        parts = numbered(name, "/")
        release = parts and found(self._connection, RELEASES, Release, project=parts[0], number=parts[1])
        if not release:
            names = RELEASES.c.project + "/" + RELEASES.c.number.cast(RELEASES.c.project.type)
            raise missing(self._connection, "release", name, names, none="`kaizen run` makes the first.")
        return release

    def move(self, release: Release, *, seen: ReleaseState) -> None:
        """Write a release back; raise `ConflictError` unless its stored state is the one that was seen."""
        same = (RELEASES.c.project == release.project, RELEASES.c.number == release.number, RELEASES.c.state == seen)
        values = {"state": release.state, "body": encoded(release)}
        if self._connection.execute(update(RELEASES).where(*same).values(**values)).rowcount:
            return
        stored = self.get(release.name)
        raise ConflictError(
            f"{release.name} is {stored.state}, not {seen} as it was when this was decided.",
            "Look at it again and decide anew.",
            {"release": release.name, "state": str(stored.state)},
        )

    def newest(self, project: str | None = None, *, limit: int = 100) -> list[Release]:
        """Return the newest releases, newest first: of one project by number, of all by time."""
        where = [RELEASES.c.project == project] if project is not None else []
        order = [RELEASES.c.number.desc()] if where else [RELEASES.c.at.desc(), RELEASES.c.number.desc()]
        return listed(self._connection, RELEASES, Release, where, order, limit)


class SqlEndpoints:
    """Endpoints and their rollouts; endpoints change by compare-and-set on their generation only."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, name: str) -> Endpoint:
        """Return an endpoint, or raise `NotFoundError`."""
        endpoint = self.find(name)
        if endpoint is None:
            none = "A release that is sent out makes it: `kaizen up`, or `kaizen ship RELEASE`."
            raise missing(self._connection, "endpoint", name, ENDPOINTS.c.name, none=none)
        return endpoint

    def find(self, name: str) -> Endpoint | None:
        """Return an endpoint, or None."""
        return found(self._connection, ENDPOINTS, Endpoint, name=name)

    def all(self) -> list[Endpoint]:
        """Return every endpoint, by name."""
        return listed(self._connection, ENDPOINTS, Endpoint, [], [ENDPOINTS.c.name])

    def save(self, endpoint: Endpoint, *, seen: int) -> None:
        """Write an endpoint (``seen`` 0: a new one); `ConflictError` unless its stored generation is the one seen."""
        SqlLinks(self._connection).note(links_of(endpoint))
        values = {"generation": endpoint.generation, "body": encoded(endpoint)}
        if seen == 0:
            add(self._connection, ENDPOINTS, "endpoint", {"name": endpoint.name}, **values)
            return
        same = (ENDPOINTS.c.name == endpoint.name, ENDPOINTS.c.generation == seen)
        if self._connection.execute(update(ENDPOINTS).where(*same).values(**values)).rowcount:
            return
        stored = self.get(endpoint.name)
        raise ConflictError(
            f"Endpoint {endpoint.name} is at generation {stored.generation}, not {seen}: somebody changed it.",
            "Look at it again and decide anew.",
            {"endpoint": endpoint.name, "generation": stored.generation},
        )

    def rollout(self, id_: str) -> Rollout:
        """Return a rollout, or raise `NotFoundError`."""
        rollout = found(self._connection, ROLLOUTS, Rollout, id=id_)
        if rollout is None:
            raise missing(self._connection, "rollout", id_, ROLLOUTS.c.id)
        return rollout

    def save_rollout(self, rollout: Rollout) -> None:
        """Write a rollout, new or changed. One that has ended stays as it is: `StateError`."""
        known = found(self._connection, ROLLOUTS, Rollout, id=rollout.id)
        if known is not None and known.is_over:
            if known == rollout:
                return
            raise StateError(f"Rollout {rollout.id} is {known.state}, so it stays as it is.", "Start a new rollout.")
        at = microseconds(rollout.started_at)
        values = {"endpoint": rollout.endpoint, "state": rollout.state, "started_at": at, "body": encoded(rollout)}
        put(self._connection, ROLLOUTS, {"id": rollout.id}, **values)
        SqlLinks(self._connection).note(links_of(rollout))

    def rollouts(self, endpoint: str, *, limit: int = 100) -> list[Rollout]:
        """Return the rollouts of an endpoint, newest first."""
        order = [ROLLOUTS.c.started_at.desc(), ROLLOUTS.c.seq.desc()]
        return listed(self._connection, ROLLOUTS, Rollout, [ROLLOUTS.c.endpoint == endpoint], order, limit)
