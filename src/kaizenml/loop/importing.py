"""Bring what another store of MLflow's holds over: experiments, runs, logged models, artefacts.

Every part is written in one transaction with what was brought over, so that an import that was ended goes on where it
was, two at once do no harm, and a second one brings only what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kaizenml.core.event import Draft, Kind
from kaizenml.core.mlflow.origin import ForeignExperiment, ForeignModel, ForeignRun, Origin, Trouble
from kaizenml.core.mlflow.tally import Tally
from kaizenml.core.ports import Books
from kaizenml.errors import NotFoundError, UsageError
from kaizenml.loop import importing_experiments, importing_models, importing_registered, importing_runs
from kaizenml.loop.importing_counts import count_here
from kaizenml.loop.importing_experiments import Arrival
from kaizenml.loop.importing_files import Files
from kaizenml.loop.importing_registered import Bringing
from kaizenml.loop.wiring import House, Say


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a store is brought over.

    Parameters
    ----------
    experiments
        Names or ids; none: all of them.
    called
        The name here of the only experiment; empty: its own.
    with_artefacts
        Whether files are copied.
    is_rehearsal
        Whether nothing is written.
    """

    experiments: Sequence[str] = ()
    called: str = ""
    with_artefacts: bool = True
    is_rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class Import:
    """Brings a store over to a house, on behalf of a person."""

    house: House
    origin: Origin
    troubles: Callable[[], list[Trouble]]
    by: str
    say: Say
    wish: Wish = Wish()

    def bring(self) -> Tally:
        """Bring everything over that was wished for, and count what is here in the end.

        Raises
        ------
        NotFoundError
            For an experiment that the source does not have.
        """
        tally = Tally()
        there = _chosen(self.origin.experiments(), self.wish)
        seen: dict[str, set[str]] = {}
        for experiment in there:
            tally.seen["experiments"] += 1
            to, ids = self._experiment(experiment, tally)
            seen.setdefault(to, set()).update(ids)
        versions = {} if self.wish.experiments else self._registered(tally)
        tally.leave_out(self.troubles())
        if not self.wish.is_rehearsal:
            with self.house.records.reading() as books:
                count_here(books, seen, tally)
                importing_registered.count_here(books, versions, tally)
        return tally

    def _registered(self, tally: Tally) -> dict[str, int]:
        """Bring the registered models over; return how many versions each has."""
        seen: dict[str, int] = {}
        for each in self.origin.registered():
            seen[each.name] = len(each.versions)
            tally.seen["registered models"] += 1
            tally.seen["model versions"] += len(each.versions)
            if self.wish.is_rehearsal:
                continue
            added, troubles = Tally(), list[Trouble]()
            with self.house.records.writing() as books:
                now = self.house.clock.now()
                Bringing(self.house, books, now, self.origin.place, self.by, troubles, added).bring(each)
            tally.add(added)
            tally.leave_out(troubles)
        return seen

    def _experiment(self, experiment: ForeignExperiment, tally: Tally) -> tuple[str, set[str]]:
        """Bring an experiment over; return its id here, and the runs and logged models that the source has of it."""
        name = self.wish.called or importing_experiments.called(experiment)
        to = self._arrival(experiment, name, tally)
        ids: set[str] = set()
        for runs in self.origin.runs(experiment):
            ids.update(each.id for each in runs)
            _count(tally, runs)
            self._write(to, runs, [], tally)
            self._files(experiment, to, runs, tally)
            self.say(f"{name}: {len(ids):,} runs")
        for models in self.origin.models(experiment):
            ids.update(each.id for each in models)
            tally.seen["logged models"] += len(models)
            self._write(to, [], models, tally)
            self._files(experiment, to, models, tally)
        tally.leave_out(self.troubles())
        return to.id, ids

    def _arrival(self, experiment: ForeignExperiment, name: str, tally: Tally) -> Arrival:
        if self.wish.is_rehearsal:
            return Arrival("", name, "")
        with self.house.records.writing() as books:
            to = importing_experiments.bring(books, self.house.clock.now(), self.origin.place, experiment, name)
        tally.brought["experiments"] += to.is_new
        tally.grown["experiments"] += to.has_grown
        tally.notes += [to.note] if to.note else []
        return to

    def _write(self, to: Arrival, runs: Sequence[ForeignRun], models: Sequence[ForeignModel], tally: Tally) -> None:
        if self.wish.is_rehearsal:
            return
        now, place = self.house.clock.now(), self.origin.place
        added = Tally()
        with self.house.records.writing() as books:
            troubles = importing_runs.bring(books, now, place, to, runs, added)
            importing_models.bring(books, place, to, models, added)
            if added.is_new:
                self._tell(books, now, to, added)
        tally.leave_out(troubles)
        tally.add(added)

    def _files(
        self, experiment: ForeignExperiment, to: Arrival, of: Sequence[ForeignRun | ForeignModel], tally: Tally
    ) -> None:
        if self.wish.is_rehearsal or not self.wish.with_artefacts:
            return
        files = Files(self.origin, self.house.records, self.house.blobs, self.origin.place)
        for each in of:
            tally.leave_out(files.bring(self.house.clock.now(), experiment, to, each, tally))

    def _tell(self, books: Books, now: datetime, to: Arrival, added: Tally) -> None:
        facts = {
            "from": self.origin.place, "experiment": to.name, "brought": dict(added.brought),
            "grown": dict(added.grown),
        }  # fmt: skip
        draft = Draft(to.project, self.by, Kind.RUNS_IMPORTED, f"project:{to.project}", None, None, facts)
        books.events.append(draft, now)


def _chosen(there: Sequence[ForeignExperiment], wish: Wish) -> list[ForeignExperiment]:
    if not wish.experiments:
        chosen = list(there)
    else:
        names = {each.name: each for each in there}
        ids = {each.id: each for each in there}
        for name in wish.experiments:
            if name not in names and name not in ids:
                raise NotFoundError("experiment", name, names)
        chosen = list(
            {found.id: found for name in wish.experiments for found in [names.get(name) or ids[name]]}.values()
        )
    if wish.called and len(chosen) != 1:
        raise UsageError(
            f"{len(chosen)} experiments cannot all be called {wish.called!r}.",
            "Name the one with `--experiment`.",
        )
    return chosen


def _count(tally: Tally, runs: Sequence[ForeignRun]) -> None:
    tally.seen["runs"] += len(runs)
    for each in runs:
        tally.seen["parameters"] += len(each.params)
        tally.seen["tags"] += len(each.tags)
        tally.seen["points"] += sum(len(points) for points in each.metrics.values())
        tally.seen["data sets"] += len(each.datasets)
