"""Registered models, and prompts, as MLflow's clients know them: their words for our registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from kaizenml.core.mlflow import registry_limits as limits
from kaizenml.core.mlflow.errors import absent, invalid, taken
from kaizenml.core.mlflow.filter import REGISTERED, Comparison, Question, parsed, sortings
from kaizenml.core.ports import Books
from kaizenml.core.registered import RegisteredModel, RegisteredVersion
from kaizenml.loop import aliases, models
from kaizenml.loop.mlflow_experiments import milliseconds, next_token, offset
from kaizenml.loop.mlflow_messages import Pair
from kaizenml.loop.wiring import House

MOST_MODELS, MOST_MODELS_UNLESS_TOLD = 1000, 100


class Alias(msgspec.Struct):
    """An alias and the version that it names."""

    alias: str
    version: str


class Version(msgspec.Struct, omit_defaults=True):
    """A version as clients are told of it."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    current_stage: str
    source: str
    run_id: str
    status: str
    run_link: str
    description: str | None = None
    tags: list[Pair] = []
    aliases: list[str] = []


class Model(msgspec.Struct, omit_defaults=True):
    """A model as clients are told of it."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    latest_versions: list[Version] = []
    tags: list[Pair] = []
    aliases: list[Alias] = []


def create(
    books: Books, now: datetime, by: str, name: str, tags: Sequence[tuple[str, str]], description: str,
    project: str = "",
) -> Model:  # fmt: skip
    """Register a name.

    Raises
    ------
    WireError
        When the name is taken, or not a name.
    """
    limits.check_model(name)
    limits.check_description(description)
    for tag in tags:
        limits.check_tag(*tag)
    known = books.registry.find(name)
    if known is not None and not known.is_deleted:
        raise _taken(name, limits.PROMPT in known.tags, limits.PROMPT in dict(tags))
    return told(models.create(books, now, name, by, project=project, description=description, tags=dict(tags)))


def find(books: Books, name: str) -> RegisteredModel:
    """Return a model, or raise the error that there is none."""
    limits.check_model(name)
    found = books.registry.find(name)
    if found is None or found.is_deleted:
        raise absent(f"Registered Model with name={name} not found")
    return found


def get(books: Books, name: str) -> Model:
    """Return a model with the newest version of each stage."""
    return told(find(books, name), books.registry.latest([name]))


def describe(books: Books, now: datetime, name: str, text: str) -> Model:
    """Say what a model is for."""
    limits.check_description(text)
    find(books, name)
    return told(models.describe(books, now, name, text), books.registry.latest([name]))


def rename(books: Books, house: House, by: str, name: str, to: str) -> Model:
    """Give a model another name."""
    limits.check_model(to, "new_name")
    find(books, name)
    other = books.registry.find(to)
    if name == to or (other is not None and not other.is_deleted):
        if name == to:
            return get(books, name)
        raise taken(f"Registered Model (name={to}) already exists.")
    return told(models.rename(books, house, name, to, by), books.registry.latest([to]))


def delete(books: Books, house: House, by: str, name: str) -> None:
    """Delete a model and its versions."""
    find(books, name)
    models.delete(books, house, name, by)


def search(
    books: Books, words: str, most: int, order: Sequence[str], token: str, projects: frozenset[str] | None = None
) -> tuple[list[Model], str]:  # fmt: skip
    """Return the models that a filter lets through, in an order, and the token of the next page.

    Parameters
    ----------
    projects
        Only those of these are found; None: all.
    """
    question = Question(parsed(words, REGISTERED) + of_projects(projects), sortings(order, REGISTERED))
    start = offset(token)
    found = books.registry.models(question, limit=most + 1, after=start)
    page = found[:most]
    latest: dict[str, list[RegisteredVersion]] = {}
    for version in books.registry.latest([each.name for each in page]):
        latest.setdefault(version.model, []).append(version)
    shown = [told(each, latest.get(each.name, ())) for each in page]
    return shown, next_token(start + most) if len(found) > most else ""


def latest_versions(books: Books, name: str, stages: Sequence[str]) -> list[Version]:
    """Return the newest version of each of these stages; of all without any."""
    model = find(books, name)
    wanted = {limits.stage(each) for each in stages}
    found = [each for each in books.registry.latest([name]) if not wanted or each.stage in wanted]
    return [version_told(each, model.named(each.number)) for each in found]


def set_tag(books: Books, now: datetime, by: str, name: str, key: str, value: str) -> None:
    """Set a tag."""
    limits.check_model(name)
    limits.check_tag(key, value)
    models.retag(books, now, find(books, name), {key: value}, by)


def delete_tag(books: Books, now: datetime, by: str, name: str, key: str) -> None:
    """Take a tag away; one that is not there is gone already."""
    limits.check_model(name)
    limits.check_key(key)
    model = find(books, name)
    if key in model.tags:
        models.retag(books, now, model, {key: None}, by)


def set_alias(books: Books, house: House, by: str, name: str, alias: str, version: str) -> None:
    """Let an alias name a version; a protected one moves only with an approval."""
    limits.check_model(name)
    limits.check_alias(alias, is_new=True)
    number = limits.number(version, name)
    find_version(books, name, number)
    aliases.move(books, house, name, alias, number, by)


def delete_alias(books: Books, house: House, by: str, name: str, alias: str) -> None:
    """Take an alias away; one that is not there is gone already."""
    limits.check_model(name)
    limits.check_alias(alias)
    if alias in find(books, name).aliases:
        aliases.move(books, house, name, alias, None, by)


def by_alias(books: Books, name: str, alias: str) -> Version:
    """Return the version that an alias names; ``latest`` is the newest of all."""
    limits.check_model(name)
    limits.check_alias(alias)
    model = find(books, name)
    if alias.lower() == "latest":
        found = books.registry.latest([name])
        if not found:
            raise absent(f"Latest version not found for model {name}.")
        newest = max(found, key=lambda each: each.number)
        return version_told(newest, model.named(newest.number))
    if alias not in model.aliases:
        raise invalid(f"Registered model alias {alias} not found.")
    version = find_version(books, name, model.aliases[alias])
    return version_told(version, model.named(version.number))


def find_version(books: Books, name: str, number: int) -> RegisteredVersion:
    """Return a version, or raise the error that there is none."""
    found = books.registry.find_version(name, number)
    if found is None or found.is_deleted:
        raise absent(f"Model Version (name={name}, version={number}) not found")
    return found


def told(model: RegisteredModel, latest: Sequence[RegisteredVersion] = ()) -> Model:
    """Return a model as clients are told of it."""
    return Model(
        model.name, milliseconds(model.created_at), milliseconds(model.changed_at), model.description,
        [version_told(each) for each in latest], _pairs(model.tags),
        [Alias(alias, str(number)) for alias, number in model.aliases.items()],
    )  # fmt: skip


def version_told(of: RegisteredVersion, named: Sequence[str] = ()) -> Version:
    """Return a version as clients are told of it, with the aliases that name it."""
    return Version(
        of.model, str(of.number), milliseconds(of.created_at), milliseconds(of.changed_at), of.stage, of.source,
        of.run, "READY", of.link, of.description, _pairs(of.tags), list(named),
    )  # fmt: skip


def of_projects(projects: frozenset[str] | None) -> tuple[Comparison, ...]:
    """Return what is asked so that only things of these projects are found."""
    return () if projects is None else (Comparison("attribute", "project", "IN", tuple(sorted(projects))),)


def _pairs(tags: Mapping[str, str]) -> list[Pair]:
    return [Pair(key, value) for key, value in tags.items()]


def _taken(name: str, was_prompt: bool, is_prompt: bool) -> Exception:
    old, new = ("Prompt" if each else "Registered Model" for each in (was_prompt, is_prompt))
    if old != new:
        return taken(
            f"Tried to create a {new.lower()} with name {name!r}, but the name is already taken by a {old.lower()}. "
            "MLflow does not allow creating a model and a prompt with the same name."
        )
    return taken(f"{new} (name={name}) already exists.")
