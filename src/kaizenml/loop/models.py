"""The registry of models, as people and programs change it: each change that matters tells the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from kaizenml.core.event import Draft, Event, Kind
from kaizenml.core.mlflow.filter import Question
from kaizenml.core.mlflow.registry_limits import is_prompt
from kaizenml.core.ports import Books
from kaizenml.core.registered import (
    RegisteredModel,
    RegisteredVersion,
    changed,
    check_alias,
    check_model_name,
    check_tag,
    check_text,
    numbered,
    pointed,
    protected_aliases,
    told_texts,
)
from kaizenml.errors import ConflictError, NotFoundError, PermissionDeniedError, StateError
from kaizenml.loop.run_names import found_run
from kaizenml.loop.wiring import House

_MOST_NAMES = 200


def get(books: Books, name: str) -> RegisteredModel:
    """Return a model, or raise `NotFoundError` with the close match."""
    found = books.registry.find(name)
    if found is None or found.is_deleted:
        known = [each.name for each in books.registry.models(Question(), limit=_MOST_NAMES)]
        raise NotFoundError("model", name[:200], known)
    return found


def get_version(books: Books, model: str, number: int) -> RegisteredVersion:
    """Return a version, or raise `NotFoundError`."""
    found = books.registry.find_version(model, number)
    if found is None or found.is_deleted:
        last = get(books, model).last_number
        raise NotFoundError("model version", f"{model[:200]}:{number}", hint=f"The last number is {last}.")
    return found


def create(
    books: Books, now: datetime, name: str, by: str, *, project: str = "", description: str = "",
    tags: Mapping[str, str] | None = None,
) -> RegisteredModel:  # fmt: skip
    """Register a name; one that was deleted goes on counting where it was.

    Raises
    ------
    ConflictError
        When there is a model of this name.
    """
    check_model_name(name)
    check_text("description", description)
    for key, value in (tags or {}).items():
        check_tag(key, value)
    before = books.registry.find(name)
    if before is not None and not before.is_deleted:
        raise ConflictError(f"There is a model {name} already.", "Register a version of it.", {"model": name})
    made = RegisteredModel(name, project, by, now, now, description, dict(tags or {}))
    if before is not None:
        made = replace(made, last_number=before.last_number, generation=before.generation + 1)
    books.registry.save(made, seen=before.generation if before else 0)
    tell(books, now, made, by, Kind.MODEL_CREATED, {**told_texts(description, made.tags), **_of_prompt(made.tags)})
    return made


def describe(books: Books, now: datetime, name: str, text: str) -> RegisteredModel:
    """Say what a model is for."""
    check_text("description", text)
    return _saved(books, get(books, name), now, description=text)


def rename(books: Books, house: House, name: str, to: str, by: str) -> RegisteredModel:
    """Give a model another name; its versions keep their numbers.

    Raises
    ------
    ConflictError
        When there is a model of that name.
    StateError
        For a model that a project trains: it has the project's name.
    PermissionDeniedError
        When a protected alias would lead nowhere.
    """
    check_model_name(to)
    model, now = get(books, name), house.clock.now()
    other = books.registry.find(to)
    if other is not None and not other.is_deleted:
        raise ConflictError(f"There is a model {to} already.", "Choose another name.", {"model": to})
    _check_ours(books, model)
    _check_unprotected(books, house, model)
    books.registry.rename(name, to, now)
    renamed = get(books, to)
    if other is not None and other.last_number > renamed.last_number:
        renamed = _saved(books, renamed, now, last_number=other.last_number)
    left = RegisteredModel(name, model.project, model.author, now, now, last_number=model.last_number, is_deleted=True)
    books.registry.save(left, seen=0)
    tell(books, now, renamed, by, Kind.MODEL_RENAMED, {"before": name})
    return renamed


def delete(books: Books, house: House, name: str, by: str) -> None:
    """Delete a model and its versions; their numbers are not given again.

    Raises
    ------
    StateError
        For a model that a project trains: its releases are made of its versions.
    PermissionDeniedError
        When a protected alias is set.
    """
    model, now = get(books, name), house.clock.now()
    _check_ours(books, model)
    _check_unprotected(books, house, model)
    for version in _versions(books, name):
        books.registry.save_version(replace(version, tags={}, is_deleted=True, changed_at=now))
    _saved(books, model, now, tags={}, aliases={}, is_deleted=True)
    tell(books, now, model, by, Kind.MODEL_DELETED, {"versions": model.last_number})


def register(books: Books, now: datetime, version: RegisteredVersion, *, by: str) -> RegisteredVersion:
    """Register a version under the next number of its model, whatever number it says.

    Raises
    ------
    NotFoundError
        When there is no such model.
    """
    check_text("description", version.description or "")
    for key, value in version.tags.items():
        check_tag(key, value)
    model = get(books, version.model)
    after = numbered(replace(model, project=model.project or version.project), now)
    made = replace(version, number=after.last_number, project=after.project, author=by, created_at=now, changed_at=now)
    books.registry.save(after, seen=model.generation)
    books.registry.save_version(made)
    texts = told_texts(made.description or "", made.tags)
    facts = {"source": made.source, "run": made.run, **texts, **_of_prompt(made.tags)}
    tell(books, now, after, by, Kind.VERSION_REGISTERED, facts, subject=f"model:{made.name}")
    return made


def register_run(
    books: Books, now: datetime, name: str, run: str, by: str, *, path: str = "", description: str = "",
    tags: Mapping[str, str] | None = None,
) -> RegisteredVersion:  # fmt: skip
    """Register what a run made as the next version of a model, which is made where it is new.

    Parameters
    ----------
    run
        Id, name, or what else a run is called by.
    path
        The artefact, or folder of artefacts, of the run; all of them unless told otherwise.

    Raises
    ------
    NotFoundError
        When there is no such run, or no such artefact of it.
    """
    of = found_run(books, run)
    if path and not any(each == path or each.startswith(f"{path}/") for each in of.artefacts):
        raise NotFoundError("artefact", path[:200], of.artefacts)
    known = books.registry.find(name)
    if known is None or known.is_deleted:
        create(books, now, name, by, project=of.project)
    source = f"runs:/{of.id}/{path}" if path else f"runs:/{of.id}"
    version = RegisteredVersion(
        name, 0, of.project, by, now, now, source, source, of.id, description=description, tags=dict(tags or {})
    )
    return register(books, now, version, by=by)


def retag(
    books: Books, now: datetime, model: RegisteredModel, tags: Mapping[str, str | None], by: str
) -> RegisteredModel:  # fmt: skip
    """Set tags of a model, and take away those that are None."""
    for key, value in tags.items():
        check_tag(key, value or "")
    if not tags:
        return model
    after = _saved(books, model, model.changed_at, tags=_tagged(model.tags, tags))
    _tell_tags(books, now, after, model.tags, tags, by, f"model:{model.name}")
    return after


def retag_version(
    books: Books, now: datetime, of: RegisteredVersion, tags: Mapping[str, str | None], by: str
) -> RegisteredVersion:  # fmt: skip
    """Set tags of a version, and take away those that are None."""
    for key, value in tags.items():
        check_tag(key, value or "")
    after = _saved_version(books, replace(of, tags=_tagged(of.tags, tags)))
    _tell_tags(books, now, get(books, of.model), of.tags, tags, by, f"model:{of.name}")
    return after


def describe_version(books: Books, now: datetime, of: RegisteredVersion, text: str | None) -> RegisteredVersion:
    """Say what a version is."""
    check_text("description", text or "")
    return _saved_version(books, replace(of, description=text, changed_at=now))


def delete_version(books: Books, house: House, of: RegisteredVersion, by: str) -> None:
    """Delete a version, and the aliases that named it.

    Raises
    ------
    StateError
        For what a project has trained.
    PermissionDeniedError
        When a protected alias names it.
    """
    model, now = get(books, of.model), house.clock.now()
    if _is_trained(books, of.name):
        raise StateError(f"{of.name} was trained by a project, so it stays: releases are made of it.", "")
    _check_unprotected(books, house, model, of.number)
    aliases = {alias: number for alias, number in model.aliases.items() if number != of.number}
    books.registry.save_version(replace(of, is_deleted=True, changed_at=now))
    _saved(books, model, now, aliases=aliases)
    facts = {"source": of.source, "run": of.run, "aliases": list(model.named(of.number))}
    tell(books, now, model, by, Kind.VERSION_DELETED, facts, subject=f"model:{of.name}")


def move_stage(books: Books, now: datetime, of: RegisteredVersion, stage: str, by: str) -> RegisteredVersion:
    """Move a version to another stage."""
    model = get(books, of.model)
    moved = _saved_version(books, replace(of, stage=stage, changed_at=now))
    _saved(books, model, now)
    if stage != of.stage:
        facts = {"stage": stage, "before": of.stage}
        tell(books, now, model, by, Kind.STAGE_CHANGED, facts, subject=f"model:{of.name}")
    return moved


def point(
    books: Books, now: datetime, model: RegisteredModel, alias: str, number: int | None, by: str, *,
    cause: int | None = None,
) -> RegisteredModel:  # fmt: skip
    """Let an alias name another version, or none; whether it may is checked before."""
    check_alias(alias)
    before = model.aliases.get(alias)
    if before == number:
        return model
    after = pointed(model, alias, number)
    books.registry.save(after, seen=model.generation)
    facts = {"alias": alias, "version": number, "before": before, **_of_prompt(model.tags)}
    tell(books, now, model, by, Kind.ALIAS_MOVED, facts, cause=cause)
    return after


def protected_of(books: Books, house: House, model: RegisteredModel) -> tuple[str, ...]:
    """Return which aliases, and stages, of a model move only with an approval: the home's and its project's."""
    try:
        declared = books.declarations.get(model.project).delivery.protected if model.project else ()
    except NotFoundError:
        declared = ()
    return tuple(dict.fromkeys((*house.settings.protected, *declared)))


def tell(
    books: Books, now: datetime, model: RegisteredModel, by: str, kind: Kind, facts: Mapping[str, object], *,
    subject: str = "", cause: int | None = None,
) -> Event:  # fmt: skip
    """Write an event about a model."""
    draft = Draft(model.project, by, kind, subject or f"model:{model.name}", cause, now, facts)
    return books.events.append(draft, now)


def _tell_tags(
    books: Books, now: datetime, model: RegisteredModel, before: Mapping[str, str], tags: Mapping[str, str | None],
    by: str, subject: str,
) -> None:  # fmt: skip
    """Write an event for each tag that is another one than before."""
    for key, value in tags.items():
        if before.get(key) != value:
            facts = {"key": key, "value": value, **_of_prompt(model.tags)}
            tell(books, now, model, by, Kind.TAG_CHANGED, facts, subject=subject)


def _of_prompt(tags: Mapping[str, str]) -> dict[str, object]:
    return {"is_prompt": True} if is_prompt(tags) else {}


def _tagged(before: Mapping[str, str], tags: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in {**before, **tags}.items() if value is not None}


def _saved(books: Books, model: RegisteredModel, now: datetime, **what: object) -> RegisteredModel:
    after = changed(model, now, **what)
    books.registry.save(after, seen=model.generation)
    return after


def _saved_version(books: Books, version: RegisteredVersion) -> RegisteredVersion:
    books.registry.save_version(version)
    return version


def _versions(books: Books, model: str) -> list[RegisteredVersion]:
    last = get(books, model).last_number
    found = (books.registry.find_version(model, number) for number in range(1, last + 1))
    return [each for each in found if each is not None and not each.is_deleted]


def _is_trained(books: Books, name: str) -> bool:
    try:
        return books.models.get(name) is not None
    except NotFoundError:
        return False


def _check_ours(books: Books, model: RegisteredModel) -> None:
    trained = books.models.newest(model.name, limit=1)
    if trained:
        raise StateError(
            f"{trained[0].name} was trained by a project, so model {model.name} stays: releases are made of it.",
            f"Delete what others have registered under {model.name}, version by version.",
            {"model": model.name},
        )


def _check_unprotected(books: Books, house: House, model: RegisteredModel, number: int | None = None) -> None:
    found = protected_aliases(model, protected_of(books, house, model), number)
    if found:
        raise PermissionDeniedError(
            f"The protected alias {found[0]} of {model.name} names version {model.aliases[found[0]]}.",
            f"Move it first, which needs an approval: `kaizen models approve {model.name}:N --alias {found[0]}`.",
        )
