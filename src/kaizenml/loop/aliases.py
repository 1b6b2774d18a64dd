"""Aliases of models: which version each names, and whose approval the protected ones need to move."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from kaizenml.core.approval import POLICY, Approval, Hand, Review, approval, check_approver, counted
from kaizenml.core.digest import Digest
from kaizenml.core.event import Kind
from kaizenml.core.ports import Books
from kaizenml.core.registered import (
    CHAMPION,
    RegisteredModel,
    RegisteredVersion,
    check_alias,
    digest_of_move,
    is_protected,
)
from kaizenml.core.release import Release, is_approved
from kaizenml.errors import ConflictError, NotFoundError, PermissionDeniedError, UsageError
from kaizenml.loop import models
from kaizenml.loop.wiring import House

_KIND = "approvals"
_MOST_RELEASES = 1_000
_GIVEN = tuple[Approval, ...]
#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(_GIVEN),)


class ProtectedAliasError(PermissionDeniedError):
    """A protected alias, or stage, was to move, and too few have approved that."""

    def __init__(self, standing: Standing, version: str, by: str) -> None:
        whom = version or standing.model
        super().__init__(
            f"{standing.alias} of {standing.model} is protected: it moves {'to ' + version if version else 'away'} "
            f"only with an approval, and {standing.given} of {standing.needed} people have approved that.",
            f"Ask an approver to run `kaizen models approve {whom} --alias {standing.alias}`.",
            {"model": standing.model, "alias": standing.alias, "given": standing.given, "needed": standing.needed},
        )
        self.standing, self.by = standing, by


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the approval of a move is."""

    model: str
    alias: str
    version: int | None
    digest: Digest
    given: int
    needed: int

    @property
    def is_enough(self) -> bool:
        """Whether the alias may move."""
        return self.given >= self.needed


def move(
    books: Books, house: House, name: str, alias: str, number: int | None, by: str, *, seen: int | None = -1
) -> RegisteredModel:
    """Let an alias name a version, or take it away (None): in one transaction with its event.

    Parameters
    ----------
    seen
        The version that the alias named as the caller saw it, None for none; -1 where the caller does not say.

    Raises
    ------
    PermissionDeniedError
        When the alias is protected, and too few have approved the move.
    ConflictError
        When the alias names another version than the caller saw.
    """
    check_alias(alias)
    model = models.get(books, name)
    version = models.get_version(books, name, number) if number is not None else None
    before = model.aliases.get(alias)
    if seen != -1 and before != seen:
        raise ConflictError(
            f"{alias} of {name} names {_named(before)}, not {_named(seen)} as it did when this was decided.",
            "Look at it again and decide anew.",
            {"model": name, "alias": alias, "version": before},
        )
    cause = None
    if before != number and is_protected(alias, models.protected_of(books, house, model)):
        cause = _checked(books, house, model, alias, version, by)
    return models.point(books, house.clock.now(), model, alias, number, by, cause=cause)


def check_stage(books: Books, house: House, of: RegisteredVersion, stage: str, by: str) -> None:
    """Refuse to move a version into or out of a protected stage without an approval.

    A stage is to clients before aliases what an alias is to later ones; out of it, the approval of taking away counts.

    Raises
    ------
    PermissionDeniedError
        When too few have approved it.
    """
    model = models.get(books, of.model)
    protected = models.protected_of(books, house, model)
    if stage != of.stage and is_protected(stage, protected):
        _checked(books, house, model, stage, of, by)
    if stage != of.stage and is_protected(of.stage, protected):
        _checked(books, house, model, of.stage, None, by)


def approve(
    books: Books, house: House, name: str, alias: str, number: int | None, by: str, *, because: str = "",
    known_as: Collection[str] = (),
) -> Standing:  # fmt: skip
    """Approve that a protected alias, or stage, moves to a version, or away (None).

    Raises
    ------
    UsageError
        When the alias is not protected.
    ApprovalError
        For somebody who had a hand in the version, has approved already, or is not among the approvers.
    """
    model = models.get(books, name)
    version = models.get_version(books, name, number) if number is not None else None
    protected = models.protected_of(books, house, model)
    if not is_protected(alias, protected):
        raise UsageError(
            f"{alias[:80]} of {name} is not protected: it moves without an approval.",
            f"Protected are {', '.join(protected) or 'no aliases'}.",
        )
    now, review, digest = house.clock.now(), review_of(books, model), _digest(books, model, alias, version)
    kept = _kept(books, name, alias)
    before = counted(kept, digest, now, house.key)
    what = f"the move of {alias} to {version.name if version else 'nothing'}"
    command = f"kaizen models approve {name}{f':{number}' if number else ''} --alias {alias}"
    check_approver(
        what, by, _hands(books, version), before, review, known_as=known_as, of=model.project or name, command=command
    )
    given = approval(by, digest, review, now, house.key, because=because)
    still = tuple(each for each in kept if now < each.until)
    books.notes.put(_KIND, _note(name, alias), msgspec.to_builtins((*still, given)))
    facts = {"alias": alias, "version": number, "digest": digest, "because": because, "until": given.until.isoformat(),
             "given": len(before) + 1, "needed": review.needed}  # fmt: skip
    models.tell(books, now, model, by, Kind.APPROVAL_GRANTED, facts, subject=_subject(name, version))
    return Standing(name, alias, number, digest, len(before) + 1, review.needed)


def standing(books: Books, house: House, name: str, alias: str, number: int | None) -> Standing:
    """Return how far the approval of a move is; `NotFoundError` when there is no such model or version."""
    model = models.get(books, name)
    version = models.get_version(books, name, number) if number is not None else None
    return _standing(books, house, model, alias, version)


def follow(books: Books, now: datetime, release: Release, by: str, *, cause: int) -> None:
    """Let the champion's alias name the version of the release that serves now."""
    name, _, number = release.model_version.rpartition(":")
    model = books.registry.find(name)
    if model is not None and not model.is_deleted:
        models.point(books, now, model, CHAMPION, int(number), by, cause=cause)


def _checked(
    books: Books, house: House, model: RegisteredModel, alias: str, version: RegisteredVersion | None, by: str
) -> int | None:
    """Return the event of the approval that lets an alias move; refuse it where there is none."""
    if alias.casefold() == CHAMPION and _is_served(books, model):
        raise PermissionDeniedError(
            f"{alias} of {model.name} names what endpoint {model.name} serves.",
            f"Send another release out, `kaizen ship RELEASE`, or back: `kaizen rollback {model.name}`.",
            {"model": model.name, "alias": alias},
        )
    if version is not None and _is_released(books, house, version):
        return None
    found = _standing(books, house, model, alias, version)
    if found.is_enough:
        told = books.events.find(Kind.APPROVAL_GRANTED, _subject(model.name, version))
        return told[-1].id if told else None
    raise ProtectedAliasError(found, version.name if version else "", by)


def _standing(
    books: Books, house: House, model: RegisteredModel, alias: str, version: RegisteredVersion | None
) -> Standing:
    now, review, digest = house.clock.now(), review_of(books, model), _digest(books, model, alias, version)
    valid = counted(_kept(books, model.name, alias), digest, now, house.key)
    people = [each for each in valid if each.by != POLICY]
    return Standing(model.name, alias, version.number if version else None, digest, len(people), review.needed)


def _is_served(books: Books, model: RegisteredModel) -> bool:
    return books.endpoints.find(model.name) is not None and bool(books.models.newest(model.name, limit=1))


def _is_released(books: Books, house: House, version: RegisteredVersion) -> bool:
    """Say whether the version is in a release that people, or the declared policy, have approved."""
    return any(is_approved(each, house.clock.now(), house.key) for each in _releases(books, version))


def _releases(books: Books, version: RegisteredVersion) -> list[Release]:
    """Return the releases that were made of a version."""
    if not books.models.newest(version.model, limit=1):
        return []
    releases = books.releases.newest(version.project, limit=_MOST_RELEASES)
    return [each for each in releases if each.model_version == version.name]


def review_of(books: Books, model: RegisteredModel) -> Review:
    """Return what is asked of the decision on a model: what its project declares, or one person."""
    try:
        return books.declarations.get(model.project).delivery.review
    except NotFoundError:
        return Review()


def _digest(books: Books, model: RegisteredModel, alias: str, version: RegisteredVersion | None) -> Digest:
    return digest_of_move(alias, model.name, version, _files(books, version) if version else {})


def _files(books: Books, version: RegisteredVersion) -> Mapping[str, str]:
    """Return the digests of a version's files, by path."""
    scheme, _, path = version.location.partition(":")
    if scheme == "runs":
        run = books.runs.find(version.run)
        below = path.strip("/").partition("/")[2]
        mine = run.artefacts.items() if run else ()
        return {each: digest for each, digest in mine if not below or f"{each}/".startswith(f"{below}/")}
    if scheme != "mlflow-artifacts" or not path.strip("/"):
        return {}
    return {each.path: each.digest for each in books.clients.files(path.strip("/"))}


def _hands(books: Books, version: RegisteredVersion | None) -> tuple[Hand, ...]:
    if version is None:
        return ()
    run = books.runs.find(version.run) if version.run else None
    made = [Hand(run.author, "made its run")] if run and run.author else []
    for release in _releases(books, version):  # who may not approve the release may not let its model serve either
        made += [Hand(release.author, f"made {release.name}"), *release.hands]
    return (Hand(version.author, "registered it"), *made)


def _kept(books: Books, name: str, alias: str) -> _GIVEN:
    found = books.notes.get(_KIND, _note(name, alias))
    return msgspec.convert(found, _GIVEN) if found else ()


def _note(name: str, alias: str) -> str:
    return f"model:{name}@{alias.casefold()}"


def _subject(name: str, version: RegisteredVersion | None) -> str:
    return f"model:{version.name}" if version else f"model:{name}"


def _named(number: int | None) -> str:
    return "nothing" if number is None else f"version {number}"
