"""Subscriptions: added, listed, paused, given another secret, removed. What opens them is sealed, and shown once."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from kaizenml.core.event import Draft, Kind
from kaizenml.core.notice import Target
from kaizenml.core.ports import Books
from kaizenml.core.sealing import NONCE_BYTES, seal, unsealed
from kaizenml.core.subscription import (
    FROM_SETTING,
    MOST_SUBSCRIPTIONS,
    Channel,
    Filter,
    Subscription,
    channel_of,
    checked_address,
    checked_subscription_name,
    masked,
)
from kaizenml.core.webhook import secret_text
from kaizenml.errors import ConflictError, NotFoundError, StateError, UsageError
from kaizenml.loop.accounts import lapse

_KIND, _CURSOR = "subscription", "subscription.cursor"
_SECRET_BYTES, SERIAL_BYTES = 32, 6
#: For so long receivers may still know the old secret only.
KEPT_FOR = "24h"


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret of a webhook; ``until`` says when it stops to count, once another has come."""

    text: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What is sealed of a subscription."""

    address: str
    secrets: tuple[Secret, ...] = ()


# Made here, once: msgspec crashes when two threads ask it for the first time how a class is read.
_KEPT, _SUBSCRIPTION = msgspec.json.Decoder(Kept), msgspec.json.Decoder(Subscription)


def subscriptions(books: Books) -> list[Subscription]:
    """Return every subscription by name, without those that were removed."""
    known = (_read(each) for each in books.notes.all(_KIND).values())
    return [each for each in known if each.removed_at is None]


def subscription(books: Books, name: str) -> Subscription:
    """Return one subscription, or raise `NotFoundError` with the close match."""
    found = books.notes.get(_KIND, name)
    if found is None or (known := _read(found)).removed_at is not None:
        names = [each.name for each in subscriptions(books)]
        raise NotFoundError(_KIND, name[:80], names, "" if names else "Add one: `kaizen notify add NAME ADDRESS`.")
    return known


def add(
    books: Books,
    name: str,
    address: str,
    wanted: Filter,
    *,
    key: bytes,
    by: str,
    now: datetime,
    channel: Channel,
) -> tuple[Subscription, str]:
    """Add a subscription to what happens from now on; return it with its secret, which is never shown again.

    Parameters
    ----------
    key
        The home's, with which address and secret are sealed.
    channel
        By which it is told; `check_address` of `wiring` says whether it goes to this address.

    Raises
    ------
    ConflictError
        When the name is taken.
    UsageError
        For a name or an address that cannot be.
    """
    checked_subscription_name(name)
    if name.startswith(FROM_SETTING):
        raise UsageError(f"Names with {FROM_SETTING} are those of the setting `notify`.", "Take another.")
    checked_address(address)
    others = subscriptions(books)
    if name in {each.name for each in others}:
        raise ConflictError(f"There is a subscription {name} already.", "Take another name, or remove that one first.")
    check_room(books)
    made = Subscription(name, secrets.token_hex(SERIAL_BYTES), channel, masked(address, channel), wanted, now, by)
    secret = secret_text(secrets.token_bytes(_SECRET_BYTES)) if channel is Channel.WEBHOOK else ""
    kept = Kept(address, (Secret(secret),) if secret else ())
    begin(books, replace(made, sealed=sealed(kept, key, made)), by=by, now=now)
    return made, secret


def check_room(books: Books) -> None:
    """Refuse one subscription more than there may be: `StateError`."""
    known = len(subscriptions(books))
    if known >= MOST_SUBSCRIPTIONS:
        raise StateError(f"There are {known} subscriptions already, which is the most.", "Remove one first.")


def begin(books: Books, made: Subscription, *, by: str, now: datetime) -> None:
    """Write a new subscription, which is told of what happens from now on; its own addition included in no letter."""
    put(books, made)
    facts = {"channel": str(made.channel), "to": made.shown, "kinds": list(made.filter.kinds)}
    event = books.events.append(Draft("", by, Kind.SUBSCRIPTION_ADDED, made.subject, facts=facts), now)
    move_cursor(books, made, event.id)


def remove(books: Books, name: str, *, by: str, now: datetime) -> Subscription:
    """Tell a subscription nothing more: its letters and what opens it are deleted."""
    found = subscription(books, name)
    books.letters.clear(name)
    gone = replace(found, sealed="", removed_at=now)
    put(books, gone)
    books.events.append(Draft("", by, Kind.SUBSCRIPTION_REMOVED, found.subject), now)
    return gone


def pause(books: Books, name: str, *, by: str, now: datetime, because: str) -> Subscription:
    """Send a subscription nothing until it is resumed; what happens meanwhile waits."""
    found = subscription(books, name)
    if found.paused_at is not None:
        raise StateError(
            f"The subscription {name} is paused already: {found.because}", "`kaizen notify resume` ends it."
        )
    paused = replace(found, paused_at=now, because=because)
    put(books, paused)
    books.events.append(Draft("", by, Kind.SUBSCRIPTION_PAUSED, found.subject, facts={"because": because}), now)
    return paused


def resume(books: Books, name: str, *, by: str, now: datetime) -> Subscription:
    """Go on with a paused subscription where it stood."""
    found = subscription(books, name)
    if found.paused_at is None:
        raise StateError(f"The subscription {name} is not paused.", "`kaizen notify list` shows which are.")
    resumed = replace(found, paused_at=None, because="")
    put(books, resumed)
    books.events.append(Draft("", by, Kind.SUBSCRIPTION_RESUMED, found.subject), now)
    return resumed


def rotate(books: Books, name: str, *, key: bytes, by: str, now: datetime, keep: str = KEPT_FOR) -> str:
    """Give a webhook another secret and return it; the one before signs too for a while, then no more.

    Raises
    ------
    StateError
        When the subscription has no secret.
    """
    found = subscription(books, name)
    if found.channel is not Channel.WEBHOOK:
        hint = "Give it another by an MLflow client." if found.hook else "Add it anew with its new address."
        raise StateError(f"The subscription {name} has no secret of ours.", hint)
    until = lapse(keep, now)
    if until is None:
        raise UsageError("An old secret cannot count for ever.", f"Write how long it may, such as {KEPT_FOR}.")
    kept, secret = opened(found, key), secret_text(secrets.token_bytes(_SECRET_BYTES))
    both = (Secret(secret), replace(kept.secrets[0], until=until))
    put(books, replace(found, sealed=sealed(replace(kept, secrets=both), key, found)))
    facts = {"until": until.isoformat()}
    books.events.append(Draft("", by, Kind.SECRET_ROTATED, found.subject, facts=facts), now)
    return secret


def target(of: Subscription, key: bytes, now: datetime, by_setting: Mapping[str, str]) -> Target:
    """Return where a subscription goes, and the secrets that sign now; ``by_setting`` has what the setting names.

    Raises
    ------
    IntegrityError
        When it was sealed with another key.
    StateError
        When another process's setting names it.
    """
    if of.name in by_setting:
        return Target(by_setting[of.name])
    if of.is_from_setting:
        raise StateError(
            f"The setting `notify` of this process does not name {of.name}.", "Set KAIZEN_NOTIFY here too."
        )
    kept = opened(of, key)
    return Target(kept.address, tuple(each.text for each in kept.secrets if each.until is None or now < each.until))


def opened(of: Subscription, key: bytes) -> Kept:
    """Return what is sealed of a subscription; `IntegrityError` when the key is not the one it was sealed with."""
    return _KEPT.decode(unsealed(of.sealed, key, f"{of.subject}/{of.serial}"))


def cursor(books: Books, of: Subscription) -> int:
    """Return the last event that was looked at for a subscription."""
    found = books.notes.get(_CURSOR, of.name)
    return found if isinstance(found, int) else 0


def move_cursor(books: Books, of: Subscription, event: int) -> None:
    """Note the last event that was looked at for a subscription."""
    books.notes.put(_CURSOR, of.name, event)


def follow_setting(books: Books, addresses: Mapping[str, str], *, now: datetime) -> None:
    """Let the subscriptions that the setting makes be those that it names; the books keep none of its addresses.

    Parameters
    ----------
    addresses
        By name, as `named_by_setting` returns them.
    """
    known = {each.name: each for each in subscriptions(books) if each.is_from_setting}
    for name in known.keys() - addresses.keys():
        remove(books, name, by="system:settings", now=now)
    for name in addresses.keys() - known.keys():
        channel = channel_of(addresses[name])
        made = Subscription(name, secrets.token_hex(SERIAL_BYTES), channel, masked(addresses[name], channel),
                            Filter(), now, "system:settings")  # fmt: skip
        begin(books, made, by="system:settings", now=now)


def named_by_setting(setting: str, key: bytes) -> dict[str, str]:
    """Return the addresses in the setting `notify`, by names that say nothing about them."""
    found = {}
    for address in setting.split():
        tag = hmac.digest(key, b"kaizenml notify: " + address.encode(), "sha256").hex()[:8]
        found[f"{FROM_SETTING}{tag}"] = checked_address(address)
    return found


def sealed(kept: Kept, key: bytes, of: Subscription) -> str:
    """Return what opens a subscription, sealed with the home's key."""
    text = json.dumps(msgspec.to_builtins(kept))
    return seal(text, key, f"{of.subject}/{of.serial}", secrets.token_bytes(NONCE_BYTES))


def put(books: Books, of: Subscription) -> None:
    """Write a subscription."""
    books.notes.put(_KIND, of.name, msgspec.to_builtins(of))


def _read(value: object) -> Subscription:
    return msgspec.convert(value, Subscription)
