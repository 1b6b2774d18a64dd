"""Webhooks of MLflow's clients: subscriptions of our outbox, told in MLflow's form of what happens in the registry."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from kaizenml.core.event import Draft, Kind
from kaizenml.core.mlflow.errors import WireError, absent, invalid
from kaizenml.core.mlflow.hooks import ACTIONS, KINDS, Hook
from kaizenml.core.mlflow.limits import check_length
from kaizenml.core.ports import Books
from kaizenml.core.subscription import Channel, Filter, Subscription, checked_address, masked
from kaizenml.errors import IntegrityError, NotFoundError, StateError
from kaizenml.loop import outbox, subscribing
from kaizenml.loop.mlflow_experiments import milliseconds, next_token, offset
from kaizenml.loop.notify_service import LoopNotify
from kaizenml.loop.subscribing import Kept, Secret
from kaizenml.loop.wiring import House, check_address

MOST_HOOKS, MOST_HOOKS_UNLESS_TOLD = 1000, 100
LONGEST_DESCRIPTION, LONGEST_SECRET = 1000, 1000
ACTIVE, DISABLED = "ACTIVE", "DISABLED"
#: What our commands and letters call a webhook: this, and its id.
PREFIX = "mlflow-"
_NAME = re.compile(r"(?=.{1,63}\Z)[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)
_BECAUSE = "An MLflow client disabled it."


class Told(msgspec.Struct):
    """An event that is told, as clients name it."""

    entity: str
    action: str


class Webhook(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A webhook as clients are told of it: never with its secret."""

    webhook_id: str
    name: str
    url: str
    events: list[Told]
    status: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""


class Result(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What came of a test."""

    success: bool
    response_status: int | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a webhook shall be; None is what was not said."""

    name: str | None = None
    url: str | None = None
    events: tuple[str, ...] | None = None
    description: str | None = None
    secret: str | None = None
    status: str | None = None


def event_name(entity: str | None, action: str | None) -> str:
    """Return the event that clients name by ``MODEL_VERSION_TAG`` and ``SET``: ``model_version_tag.set``."""
    of, what = (entity or "").lower(), (action or "").lower()
    if of not in ACTIONS or entity != of.upper():
        raise invalid(f"Invalid webhook entity: {(entity or '')[:100]!r}. Valid are: {', '.join(ACTIONS).upper()}")
    if what not in ACTIONS[of]:
        raise invalid(f"Invalid action '{what[:100]}' for entity '{of}'. Valid actions are: {list(ACTIONS[of])}")
    return f"{of}.{what}"


def check(house: House, wanted: Wanted) -> None:
    """Refuse what no webhook can be; its host is resolved, so no transaction should wait for this.

    Raises
    ------
    WireError
        In MLflow's words, where it has some.
    """
    if wanted.name is not None and not _NAME.fullmatch(wanted.name):
        raise invalid(
            f"Webhook name {wanted.name[:1000]!r} is invalid. It must start and end with a letter or digit, be less "
            "than 63 characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-)."
        )
    if wanted.url is not None:
        _check_url(house, wanted.url)
    if wanted.events == ():
        raise invalid("Webhook events must be a non-empty list of WebhookEvent objects: [].")
    check_length("description", LONGEST_DESCRIPTION, wanted.description or "")
    check_length("secret", LONGEST_SECRET, wanted.secret or "")
    if wanted.status not in (None, ACTIVE, DISABLED):
        raise invalid(f"Invalid webhook status: {wanted.status[:100]!r}. Valid are: {ACTIVE}, {DISABLED}")


def create(books: Books, house: House, by: str, wanted: Wanted) -> Webhook:
    """Tell an address what happens in the registry from now on; `check` says before whether it can be."""
    try:
        subscribing.check_room(books)
    except StateError as error:
        raise WireError("BAD_REQUEST", f"{error.message} {error.hint}") from error
    now, id_, url = house.clock.now(), str(uuid4()), wanted.url or ""
    hook = Hook(id_, wanted.name or "", wanted.description or "", tuple(dict.fromkeys(wanted.events or ())), now)
    made = Subscription(
        f"{PREFIX}{id_}", secrets.token_hex(subscribing.SERIAL_BYTES), Channel.MLFLOW, masked(url, Channel.MLFLOW),
        Filter(tuple(map(str, KINDS))), now, by, hook=hook,
    )  # fmt: skip
    kept = Kept(url, _secrets(wanted.secret))
    made = replace(made, sealed=subscribing.sealed(kept, house.key, made))
    subscribing.begin(books, made, by=by, now=now)
    if wanted.status == DISABLED:
        made = subscribing.pause(books, made.name, by=by, now=now, because=_BECAUSE)
    return told(made, url)


def find(books: Books, id_: str) -> Subscription:
    """Return a webhook, or raise the error that there is none."""
    try:
        found = subscribing.subscription(books, f"{PREFIX}{id_}")
    except NotFoundError:
        found = None
    if found is None or found.hook is None:
        raise absent(f"Webhook with ID {id_[:200]} not found.")
    return found


def get(books: Books, house: House, id_: str, *, whole: bool) -> Webhook:
    """Return a webhook; its address only ``whole`` for whoever may change it."""
    found = find(books, id_)
    return told(found, _address(house, found) if whole else found.shown)


def listed(books: Books, house: House, most: int, token: str, *, whole: bool) -> tuple[list[Webhook], str]:
    """Return webhooks, the newest first, and the token of the next page."""
    if not 1 <= most <= MOST_HOOKS:
        raise invalid(f"max_results must be between 1 and {MOST_HOOKS}.")
    start = offset(token)
    known = [each for each in subscribing.subscriptions(books) if each.hook is not None]
    known.sort(key=lambda each: each.created_at, reverse=True)
    page = known[start : start + most]
    shown = [told(each, _address(house, each) if whole else each.shown) for each in page]
    return shown, next_token(start + most) if len(known) > start + most else ""


def update(books: Books, house: House, by: str, id_: str, wanted: Wanted) -> Webhook:
    """Change what was said of a webhook; what has happened until now is told as it was wanted until now."""
    before, now = find(books, id_), house.clock.now()
    if before.is_at_work:
        outbox.catch_up(books, before, now)
    after, changed = _changed(house, before, wanted, now)
    subscribing.put(books, after)
    if changed:
        facts = {"changed": changed}
        books.events.append(Draft("", by, Kind.SUBSCRIPTION_CHANGED, after.subject, facts=facts), now)
    return told(_switched(books, after, wanted.status, by, now), _address(house, after))


def delete(books: Books, house: House, by: str, id_: str) -> None:
    """Tell a webhook nothing more; letters to it that were not delivered yet are deleted with it."""
    subscribing.remove(books, find(books, id_).name, by=by, now=house.clock.now())


def test(house: House, by: str, id_: str, event: str) -> Result:
    """Send an example of an event, of the first that is wanted unless told which, and say what came of it."""
    came = LoopNotify(house).test(f"{PREFIX}{id_}", by=by, like=event)
    why = None if came.status is not None else f"Failed to test webhook: {came.said}"
    return Result(success=came.is_received, response_status=came.status, error_message=why)


def told(of: Subscription, url: str) -> Webhook:
    """Return a webhook as clients are told of it."""
    if of.hook is None:
        raise absent(f"Webhook with ID {of.name} not found.")
    return Webhook(
        webhook_id=of.hook.id, name=of.hook.name, url=url, events=[_event(each) for each in of.hook.events],
        status=DISABLED if of.paused_at else ACTIVE, creation_timestamp=milliseconds(of.created_at),
        last_updated_timestamp=milliseconds(of.hook.changed_at), description=of.hook.description,
    )  # fmt: skip


def _changed(house: House, before: Subscription, wanted: Wanted, now: datetime) -> tuple[Subscription, Sequence[str]]:
    """Return a webhook as it is wanted, and what of it is said anew."""
    kept, hook = subscribing.opened(before, house.key), before.hook
    if hook is None:
        raise absent(f"Webhook with ID {before.name} not found.")
    said = {"name": wanted.name, "description": wanted.description, "events": wanted.events}
    given = {key: value for key, value in said.items() if value is not None}
    hook = replace(hook, **given, changed_at=now)  # type: ignore[arg-type]
    url = kept.address if wanted.url is None else wanted.url
    opening = kept.secrets if wanted.secret is None else _secrets(wanted.secret)
    after = replace(before, hook=hook, shown=masked(url, Channel.MLFLOW))
    after = replace(after, sealed=subscribing.sealed(Kept(url, opening), house.key, after))
    return after, [*given, *_said(url=wanted.url, secret=wanted.secret)]


def _switched(books: Books, of: Subscription, status: str | None, by: str, now: datetime) -> Subscription:
    """Return a webhook as active or disabled as it is wanted; what happened while it was disabled is not told."""
    if status == DISABLED and of.paused_at is None:
        return subscribing.pause(books, of.name, by=by, now=now, because=_BECAUSE)
    if status == ACTIVE and of.paused_at is not None:
        again = subscribing.resume(books, of.name, by=by, now=now)
        subscribing.move_cursor(books, again, books.events.newest(limit=1)[0].id)
        return again
    return of


def _check_url(house: House, url: str) -> None:
    if not url.strip():
        raise invalid(f"Webhook URL cannot be empty or just whitespace: {url[:1000]!r}")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise invalid(f"Invalid webhook URL {url[:1000]!r}: {error!r}") from error
    if parts.scheme not in ("https", "http"):
        raise invalid(f"Invalid webhook URL scheme: {parts.scheme[:100]!r}. Allowed schemes are: https.")
    if not host:
        raise invalid(f"Webhook URL must include a hostname: {url[:1000]!r}")
    check_address(house.settings, checked_address(url), Channel.MLFLOW)


def _address(house: House, of: Subscription) -> str:
    try:
        return subscribing.opened(of, house.key).address
    except IntegrityError:
        return of.shown  # sealed with another key: nothing is sent to it, and the letters say so


def _event(name: str) -> Told:
    entity, _, action = name.partition(".")
    return Told(entity.upper(), action.upper())


def _secrets(text: str | None) -> tuple[Secret, ...]:
    return (Secret(text),) if text else ()


def _said(**fields: object) -> Iterable[str]:
    return (name for name, value in fields.items() if value is not None)
