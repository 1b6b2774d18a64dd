"""Who wants to be told of what: a subscription, the events that it lets through, and where they go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from kaizenml.core.event import Event, Kind
from kaizenml.core.mlflow.hooks import Hook
from kaizenml.core.names import checked_name
from kaizenml.errors import NotFoundError, UsageError

#: What somebody wants to know who does not say what: decisions that wait, trouble, and what serves now.
DEFAULT_KINDS = (
    Kind.APPROVAL_REQUESTED,
    Kind.GATE_FAILED,
    Kind.ALERT_OPENED,
    Kind.ALERT_RESOLVED,
    Kind.RUN_FAILED,
    Kind.JOB_FAILED,
    Kind.BLOB_DAMAGED,
    Kind.CHAMPION_CHANGED,
    Kind.ROLLOUT_ABORTED,
    Kind.ROLLBACK_FINISHED,
    Kind.LETTER_DIED,
)
#: So many may be at work at once: each has lanes of its own, so that a slow receiver holds up nobody else.
MOST_SUBSCRIPTIONS = 64
#: Subscriptions that the setting `notify` makes are called so, with a few digits behind it.
FROM_SETTING = "setting-"
_LONGEST_ADDRESS = 2_000
_NOUN = "subscription"


class Channel(StrEnum):
    """How it is told."""

    WEBHOOK = "webhook"  # one signed request to a program
    MLFLOW = "mlflow"  # one request in the form of MLflow's webhooks, for what an MLflow client subscribed to
    APPRISE = "apprise"  # a message to people, by any of the services that Apprise knows


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are told, each by patterns with ``*`` and ``?``; of projects and endpoints, none means all."""

    kinds: tuple[str, ...] = tuple(str(kind) for kind in DEFAULT_KINDS)
    projects: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()

    def passes(self, event: Event) -> bool:
        """Say whether an event is told."""
        endpoint = endpoint_of(event)
        return (
            _matches(str(event.kind), self.kinds)
            and (not self.projects or _matches(event.project, self.projects))
            and (not self.endpoints or (endpoint is not None and _matches(endpoint, self.endpoints)))
        )


@dataclass(frozen=True, slots=True)
class Subscription:
    """Somebody who wants to be told.

    Parameters
    ----------
    serial
        Random: one that was removed and added again under its name is another one.
    shown
        Where it goes as people may see it, without what opens it.
    sealed
        The whole address and the secrets, sealed with the home's key; empty where a setting holds them.
    paused_at
        From then on nothing is sent; what happens meanwhile waits, and ``because`` says why.
    hook
        What an MLflow client has said of it, where one made it.
    """

    name: str
    serial: str
    channel: Channel
    shown: str
    filter: Filter
    created_at: datetime
    created_by: str
    sealed: str = field(default="", repr=False)
    paused_at: datetime | None = None
    because: str = ""
    hook: Hook | None = None
    removed_at: datetime | None = None

    @property
    def subject(self) -> str:
        """How events name it."""
        return f"{_NOUN}:{self.name}"

    @property
    def is_from_setting(self) -> bool:
        """Whether the setting `notify` names it, and holds its address."""
        return self.name.startswith(FROM_SETTING)

    @property
    def is_at_work(self) -> bool:
        """Whether it is told of anything now."""
        return self.removed_at is None and self.paused_at is None

    def wants(self, event: Event) -> bool:
        """Say whether it is told of an event: never of itself, or its own failure would be sent on for ever."""
        passes = event.subject != self.subject and self.filter.passes(event)
        return passes and (self.hook is None or self.hook.wants(event))


def checked_filter(kinds: Iterable[str] = (), projects: Iterable[str] = (), endpoints: Iterable[str] = ()) -> Filter:
    """Return a filter of patterns; without kinds, of those that everybody should know.

    Raises
    ------
    NotFoundError
        When no event is of such a kind.
    UsageError
        When a pattern is empty.
    """
    wanted = tuple(dict.fromkeys(kinds)) or Filter().kinds
    for pattern in wanted:
        if not any(fnmatchcase(str(kind), pattern) for kind in Kind):
            raise NotFoundError("kind of event", pattern[:100], map(str, Kind), "Patterns such as alert.* will do.")
    named = (tuple(dict.fromkeys(projects)), tuple(dict.fromkeys(endpoints)))
    if any(not pattern.strip() for patterns in named for pattern in patterns):
        raise UsageError("A pattern is empty.", "Leave it out, or write a name such as churn, or churn-*.")
    return Filter(wanted, *named)


def checked_subscription_name(name: str) -> str:
    """Return a name that may be given to a subscription, or raise `UsageError`."""
    return checked_name(_NOUN, name)


def endpoint_of(event: Event) -> str | None:
    """Return which endpoint an event is about; None for one that is about none."""
    noun, _, name = event.subject.partition(":")
    said = event.facts.get("endpoint")
    return name if noun == "endpoint" else said if isinstance(said, str) else None


def channel_of(address: str) -> Channel:
    """Return how one goes to an address, where nobody says so: the web's own to a program, others by Apprise."""
    return Channel.WEBHOOK if urlsplit(address).scheme.lower() in ("http", "https") else Channel.APPRISE


def checked_address(address: str) -> str:
    """Return an address that may be kept: a URL in signs that are seen.

    Raises
    ------
    UsageError
        When it is none; the message does not repeat it, since it may hold a secret.
    """
    scheme, mark, rest = address.partition("://")
    if not (mark and rest and scheme.isascii() and scheme.replace("+", "").replace("-", "").isalnum()):
        raise UsageError("This is no address.", "Write https://HOST/PATH, or one of Apprise such as slack://….")
    if (
        len(address) > _LONGEST_ADDRESS
        or not address.isascii()
        or any(sign <= " " or sign == "\x7f" for sign in address)
    ):
        raise UsageError(
            "The address has signs that no address has, or too many of them.",
            "Write other letters as %XX, as in a URL.",
        )
    return address


def masked(address: str, channel: Channel) -> str:
    """Return an address without what may open it: of a webhook the host stays, of Apprise's the service."""
    parts = urlsplit(address)
    if channel is Channel.APPRISE:
        return f"{parts.scheme}://…"
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}/{'…' if len(parts.path) > 1 or parts.query else ''}"


def _matches(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)
