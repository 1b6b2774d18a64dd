"""Versions of registered models as MLflow's clients know them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kaizenml.core.mlflow import registry_limits as limits
from kaizenml.core.mlflow import sources
from kaizenml.core.mlflow.errors import WireError, absent, invalid
from kaizenml.core.mlflow.filter import VERSIONS, Comparison, Question, Sorting, parsed, sortings
from kaizenml.core.mlflow.limits import check_length
from kaizenml.core.ports import Books
from kaizenml.core.registered import RegisteredVersion
from kaizenml.loop import aliases, mlflow_models, mlflow_runs, models
from kaizenml.loop import mlflow_registry as registry
from kaizenml.loop.mlflow_experiments import next_token, offset
from kaizenml.loop.mlflow_registry import Version, version_told
from kaizenml.loop.wiring import House

MOST_VERSIONS = 200_000
_ACTIVE = ("Staging", "Production")
#: The tag of a logged model that says which versions it is.
_VERSIONS = "mlflow.modelVersions"
_NEWEST = (Sorting("attribute", "last_updated_timestamp", is_ascending=False),)
_LONGEST_ID = 250


@dataclass(frozen=True, slots=True)
class Wanted:
    """A version that is to be registered; None is what was not said."""

    name: str
    source: str
    run: str | None
    logged: str | None
    link: str
    description: str
    tags: Sequence[tuple[str, str]]

    @property
    def is_prompt(self) -> bool:
        """Whether it is a version of a prompt."""
        return limits.is_prompt(dict(self.tags))


def create(books: Books, now: datetime, by: str, wanted: Wanted) -> Version:
    """Register a version.

    Raises
    ------
    WireError
        When there is no such model, or the source is not of the run or logged model that was named.
    """
    sources.check_source(wanted.source)
    if wanted.is_prompt and wanted.source not in limits.PROMPT_SOURCES:
        raise invalid(
            f"Invalid prompt source: '{wanted.source}'. Prompt sources must use an MLflow placeholder."
        )  # fmt: skip
    source, run, logged = wanted.source, wanted.run or "", wanted.logged or ""
    if not wanted.is_prompt:
        source, run, logged = _lineage(books, wanted)
        _check_source(books, source, run, logged)
    limits.check_model(wanted.name)
    _check_texts(wanted, run, logged)
    registry.find(books, wanted.name)
    location, run = _located(books, source, run, logged)
    project = _project(books, run)
    made = models.register(
        books, now,
        RegisteredVersion(
            wanted.name, 0, project, by, now, now, source, location, run, wanted.link, logged, wanted.description,
            dict(wanted.tags),
        ),
        by=by,
    )  # fmt: skip
    if logged and not wanted.is_prompt:
        _note(books, logged, made)
    return version_told(made)


def get(books: Books, name: str, version: str) -> Version:
    """Return a version with its aliases."""
    return _shown(books, _found(books, name, version))


def download_uri(books: Books, name: str, version: str) -> str:
    """Return where a version's files are."""
    found = _found(books, name, version)
    return found.location or found.source


def describe(books: Books, now: datetime, name: str, version: str, text: str | None) -> Version:
    """Say what a version is."""
    limits.check_description(text or "")
    return _shown(books, models.describe_version(books, now, _found(books, name, version), text))


def delete(books: Books, house: House, by: str, name: str, version: str) -> None:
    """Delete a version, and the aliases that named it."""
    models.delete_version(books, house, _found(books, name, version), by)


def move_stage(
    books: Books, house: House, by: str, name: str, version: str, stage: str, *, archives: bool
) -> Version:  # fmt: skip
    """Move a version to another stage; ``archives`` moves those that are there to ``Archived``."""
    to = limits.stage(stage)
    if archives and to not in _ACTIVE:
        raise invalid(
            "Model version transition cannot archive existing model versions because "
            f"'{stage}' is not an Active stage. Valid stages are {list(_ACTIVE)}"
        )
    found, now = _found(books, name, version), house.clock.now()
    aliases.check_stage(books, house, found, to, by)
    if archives:
        there = Question((Comparison("attribute", "name", "=", name), Comparison("attribute", "stage", "=", to)))
        for each in books.registry.versions(there, limit=MOST_VERSIONS):
            if each.number != found.number:
                models.move_stage(books, now, each, "Archived", by)
    return _shown(books, models.move_stage(books, now, found, to, by))


def set_tag(books: Books, now: datetime, by: str, name: str, version: str, key: str, value: str) -> None:
    """Set a tag."""
    limits.check_model(name)
    number = limits.number(version, name)
    limits.check_tag(key, value)
    models.retag_version(books, now, registry.find_version(books, name, number), {key: value}, by)


def delete_tag(books: Books, now: datetime, by: str, name: str, version: str, key: str) -> None:
    """Take a tag away; one that is not there is gone already."""
    limits.check_model(name)
    number = limits.number(version, name)
    limits.check_key(key)
    found = registry.find_version(books, name, number)
    if key in found.tags:
        models.retag_version(books, now, found, {key: None}, by)


def search(
    books: Books, words: str, most: int, order: Sequence[str], token: str, projects: frozenset[str] | None = None
) -> tuple[list[Version], str]:  # fmt: skip
    """Return the versions that a filter lets through, in an order, and the token of the next page.

    Parameters
    ----------
    projects
        Only those of these are found; None: all.
    """
    question = Question(
        parsed(words, VERSIONS) + registry.of_projects(projects), sortings(order, VERSIONS) or _NEWEST
    )  # fmt: skip
    start = offset(token)
    found = books.registry.versions(question, limit=most + 1, after=start)
    return [version_told(each) for each in found[:most]], next_token(start + most) if len(found) > most else ""


def _found(books: Books, name: str, version: str) -> RegisteredVersion:
    limits.check_model(name)
    return registry.find_version(books, name, limits.number(version, name))


def _shown(books: Books, version: RegisteredVersion) -> Version:
    model = books.registry.find(version.model)
    return version_told(version, model.named(version.number) if model else ())


def _lineage(books: Books, wanted: Wanted) -> tuple[str, str, str]:
    """Return source, run and logged model; a registered version that is copied says its own."""
    source, run, logged = wanted.source, wanted.run or "", wanted.logged or ""
    if sources.scheme_of(source) != "models":
        return source, run, logged
    if sources.host_of(source):
        raise invalid(
            f"Invalid model version source: '{source}'. Registered model sources must use the active model registry."
        )
    uri = sources.model_uri(source)
    if uri.logged:
        return source, run, logged
    model = registry.find(books, uri.name)
    if limits.is_prompt(model.tags):
        raise invalid(
            f"Invalid model version source: '{source}'. Prompt versions cannot be used as model version sources."
        )
    of = registry.find_version(books, uri.name, _number(books, uri))
    if (wanted.run is not None and run != of.run) or (wanted.logged is not None and logged != ""):
        raise invalid(
            f"Invalid model version source: '{source}'. The run_id and model_id request parameters must match the "
            "referenced model version."
        )
    return f"models:/{of.model}/{of.number}", of.run, logged


def _number(books: Books, uri: sources.ModelUri) -> int:
    if uri.number:
        return limits.number(uri.number, uri.name)
    if uri.alias:
        return int(registry.by_alias(books, uri.name, uri.alias).version)
    found = registry.latest_versions(books, uri.name, [uri.stage] if uri.stage else [])
    if not found:
        where = f" and stage '{uri.stage}'" if uri.stage else ""
        raise absent(f"No versions of model with name '{uri.name}'{where} found")
    return max(int(each.version) for each in found)


def _check_source(books: Books, source: str, run: str, logged: str) -> None:
    """Refuse a source that is not of the logged model, or else of the run, that was named."""
    owner = "model_id" if logged else "run_id"
    sources.check_not_local(source, owner, logged or run)
    scheme = sources.scheme_of(source)
    if scheme == "runs":
        if logged or sources.host_of(source) or not run or sources.run_of(source) != run:
            sources.refuse(source, owner)
    elif scheme == "models":
        uri = sources.model_uri(source)
        if uri.logged and uri.logged != logged:
            sources.refuse(source, "model_id")
    elif sources.is_artifact(source) and not sources.is_within(source, _root(books, source, run, logged)):
        sources.refuse(source, owner)


def _root(books: Books, source: str, run: str, logged: str) -> str:
    """Return where the files of the logged model, or else of the run, are."""
    if not run and not logged:
        sources.refuse(source, "run_id")
    try:
        if logged:
            return mlflow_models.get(books, logged).info.artifact_uri
        return mlflow_runs.get(books, run).info.artifact_uri
    except WireError as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        sources.refuse(source, "model_id" if logged else "run_id")


def _located(books: Books, source: str, run: str, logged: str) -> tuple[str, str]:
    """Return where the files are, and the run that made them."""
    location = source
    if sources.scheme_of(source) == "models":
        uri = sources.model_uri(source)
        if uri.logged:
            info = mlflow_models.get(books, uri.logged).info
            location, run = info.artifact_uri, run or info.source_run_id
        else:
            of = registry.find_version(books, uri.name, limits.number(uri.number, uri.name))
            location = of.location or of.source
    if not run and logged:
        run = mlflow_models.get(books, logged).info.source_run_id
    return location, run


def _project(books: Books, run: str) -> str:
    found = books.runs.find(run) if run else None
    return found.project if found else ""


def _check_texts(wanted: Wanted, run: str, logged: str) -> None:
    for key, value in wanted.tags:
        limits.check_tag(key, value)
    limits.check_description(wanted.description)
    for what, text in (("run_id", run), ("model_id", logged), ("run_link", wanted.link)):
        check_length(what, sources.LONGEST if what == "run_link" else _LONGEST_ID, text)


def _note(books: Books, logged: str, version: RegisteredVersion) -> None:
    """Note with a logged model which version it is."""
    mine = {"name": version.model, "version": version.number}
    tags = {each.key: each.value for each in mlflow_models.get(books, logged).info.tags}
    try:
        known = json.loads(tags.get(_VERSIONS) or "[]")
    except ValueError:
        known = []
    known = known if isinstance(known, list) else []
    after = [*known, mine] if mine not in known else [mine]
    mlflow_models.set_tags(books, logged, [(_VERSIONS, json.dumps(after))])
