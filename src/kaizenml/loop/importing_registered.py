"""Registered models that are brought over: names, versions under their numbers, aliases, stages, tags.

Aliases and stages that are protected come with a model that is new here: nothing moves then. In a model that is here
already they move as they always do, with an approval.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from kaizenml.core.event import Kind
from kaizenml.core.mlflow.origin import ForeignRegistered, ForeignVersion, Trouble
from kaizenml.core.mlflow.rows import Document, What
from kaizenml.core.mlflow.tally import Tally
from kaizenml.core.ports import Books
from kaizenml.core.registered import (
    STAGES,
    RegisteredModel,
    RegisteredVersion,
    changed,
    check_alias,
    check_model_name,
    check_tag,
    check_text,
    is_protected,
    pointed,
)
from kaizenml.errors import UsageError
from kaizenml.loop import models
from kaizenml.loop.importing_marks import mark_of
from kaizenml.loop.mlflow_messages import LoggedModel, Told
from kaizenml.loop.mlflow_mirror import at
from kaizenml.loop.wiring import House

_READ_RUN, _READ_MODEL = msgspec.json.Decoder(Told), msgspec.json.Decoder(LoggedModel)
_LOGGED = re.compile(r"(?:models:/|/models/)(m-[0-9a-f]{32})(?:/artifacts)?(?:/(?P<rest>.*))?$")
_OF_RUN = re.compile(r"/(?P<run>[a-zA-Z0-9][\w\-]{0,255})/artifacts/(?P<rest>.+)$")


@dataclass(slots=True)
class Bringing:
    """A registered model on its way into the registry.

    Parameters
    ----------
    is_new
        Whether the model was not here before.
    """

    house: House
    books: Books
    now: datetime
    place: str
    by: str
    troubles: list[Trouble]
    tally: Tally
    is_new: bool = False

    def bring(self, foreign: ForeignRegistered) -> None:
        """Bring a registered model over, or what it has got since it was."""
        key, mark = f"registered/{foreign.name}", mark_of(foreign)
        known = self.books.clients.find(What.ORIGIN, key)
        if known is not None and known.body == mark:
            return
        model = self.books.registry.find(foreign.name)
        self.is_new = model is None or (model.is_deleted and known is None)
        is_same = model is not None and model.created_at == at(foreign.created_at)
        if model is not None and not self.is_new and (model.is_deleted or not is_same):
            why = "it was deleted here" if model.is_deleted else "there is another model of this name here"
            self._refuse(foreign, why)
            return
        try:
            self._check(foreign)
        except UsageError as error:
            self._refuse(foreign, error.message)
            return
        count = sum(self._version(each, foreign.name) for each in foreign.versions)
        after = self._made(foreign, model) if self.is_new else self._grown(foreign, model)
        (self.tally.brought if self.is_new else self.tally.grown)["registered models"] += 1
        self.tally.brought["model versions"] += count
        self._point(foreign, after)
        self.books.clients.put(Document(What.ORIGIN, key, mark, scope=self.place))

    def _check(self, foreign: ForeignRegistered) -> None:
        check_model_name(foreign.name)
        check_text("description", foreign.description)
        for key, value in foreign.tags.items():
            check_tag(key, value)

    def _refuse(self, foreign: ForeignRegistered, why: str) -> None:
        self.troubles.append(Trouble("registered model", foreign.name[:200], why))
        self.tally.refused.update({"registered models": 1, "model versions": len(foreign.versions)})

    def _refuse_version(self, name: str, why: str) -> bool:
        self.troubles.append(Trouble("model version", name, why))
        self.tally.refused["model versions"] += 1
        return False

    def _made(self, foreign: ForeignRegistered, before: RegisteredModel | None) -> RegisteredModel:
        last = max([before.last_number if before else 0, *(each.number for each in foreign.versions)])
        made = RegisteredModel(
            foreign.name, self._project(foreign), self.by, at(foreign.created_at), at(foreign.updated_at),
            foreign.description, dict(foreign.tags), last_number=last,
            generation=before.generation + 1 if before else 1,
        )  # fmt: skip
        self.books.registry.save(made, seen=before.generation if before else 0)
        models.tell(self.books, self.now, made, self.by, Kind.MODEL_CREATED, {"from": self.place})
        return made

    def _grown(self, foreign: ForeignRegistered, before: RegisteredModel | None) -> RegisteredModel:
        model = before or models.get(self.books, foreign.name)
        last = max([model.last_number, *(each.number for each in foreign.versions)])
        after = changed(
            model, at(foreign.updated_at), description=foreign.description, tags={**model.tags, **foreign.tags},
            last_number=last,
        )  # fmt: skip
        self.books.registry.save(after, seen=model.generation)
        return after

    def _version(self, of: ForeignVersion, model: str) -> bool:
        """Bring a version over; say whether it is new."""
        name = f"{model}:{of.number}"
        known = self.books.registry.find_version(model, of.number)
        if of.status != "READY":
            return self._refuse_version(name, f"its registration did not end: {of.status}")
        if known is not None and (known.is_deleted or known.source != of.source or known.run != of.run):
            why = "it was deleted here" if known.is_deleted else "there is another version of this number here"
            return self._refuse_version(name, why)
        location, logged = self._located(of)
        run = self.books.runs.find(of.run) if of.run else None
        project = run.project if run else ""
        made = RegisteredVersion(
            model, of.number, project, of.user or self.by, at(of.created_at), at(of.updated_at), of.source, location,
            of.run, of.link, logged, of.description or None, dict(of.tags), self._stage(of, name, known),
        )  # fmt: skip
        if known is not None:
            made = replace(made, author=known.author, tags={**known.tags, **of.tags})
        self.books.registry.save_version(made)
        return known is None

    def _stage(self, of: ForeignVersion, name: str, known: RegisteredVersion | None) -> str:
        """Return in which stage a version is: its own, where that needs no approval."""
        before = known.stage if known else STAGES[0]
        wanted = of.stage if of.stage in STAGES else STAGES[0]
        model = self.books.registry.find(name.rpartition(":")[0])
        protected = models.protected_of(self.books, self.house, model) if model else self.house.settings.protected
        if wanted == before or self.is_new or not (is_protected(wanted, protected) or is_protected(before, protected)):
            return wanted
        self.troubles.append(Trouble("stage", name, f"it moves to {wanted} with an approval only"))
        return before

    def _point(self, foreign: ForeignRegistered, model: RegisteredModel) -> None:
        """Set the aliases."""
        protected = models.protected_of(self.books, self.house, model)
        for alias, number in sorted(foreign.aliases.items()):
            try:
                check_alias(alias)
            except UsageError as error:
                self.troubles.append(Trouble("alias", f"{foreign.name}@{alias}"[:300], error.message))
                continue
            if model.aliases.get(alias) == number:
                continue
            found = self.books.registry.find_version(foreign.name, number)
            if found is None or found.is_deleted:
                why = "the version that it names is not here"
                self.troubles.append(Trouble("alias", f"{foreign.name}@{alias}", why))
            elif is_protected(alias, protected) and not self.is_new:
                why = "it moves with an approval only: `kaizen models approve`, then `kaizen models alias`"
                self.troubles.append(Trouble("alias", f"{foreign.name}@{alias}", why))
            else:
                model = self._pointed(model, alias, number)

    def _pointed(self, model: RegisteredModel, alias: str, number: int) -> RegisteredModel:
        after = pointed(model, alias, number)
        self.books.registry.save(after, seen=model.generation)
        facts = {"alias": alias, "version": number, "before": model.aliases.get(alias), "from": self.place}
        models.tell(self.books, self.now, model, self.by, Kind.ALIAS_MOVED, facts)
        return after

    def _located(self, of: ForeignVersion) -> tuple[str, str]:
        """Return where the files of a version are here, and which logged model it is."""
        for said in (of.model and f"models:/{of.model}", of.source, of.storage):
            found = _LOGGED.search(said or "")
            model = self.books.clients.find(What.MODEL, found[1]) if found else None
            if found and model is not None:
                root = _READ_MODEL.decode(model.body).info.artifact_uri
                return f"{root}/{found['rest']}" if found["rest"] else root, found[1]
            match = _OF_RUN.search(said or "")
            run = self.books.clients.find(What.RUN, match["run"]) if match else None
            if match and run is not None:
                return f"{_READ_RUN.decode(run.body).info.artifact_uri}/{match['rest']}", ""
        return of.source, of.model

    def _project(self, foreign: ForeignRegistered) -> str:
        """Return whose a model is: of the first run that made a version of it."""
        found = (self.books.runs.find(each.run) for each in foreign.versions if each.run)
        return next((run.project for run in found if run is not None), "")


def count_here(books: Books, seen: Mapping[str, int], tally: Tally) -> None:
    """Count what is here of the registered models that were seen, given with their number of versions."""
    for name in seen:
        model = books.registry.find(name)
        if model is not None and not model.is_deleted:
            tally.here["registered models"] += 1
            found = (books.registry.find_version(name, number) for number in range(1, model.last_number + 1))
            tally.here["model versions"] += sum(each is not None and not each.is_deleted for each in found)
