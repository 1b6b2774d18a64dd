"""What is sent, where to, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from kaizenml.core.event import Event
from kaizenml.core.secrets import without_secrets

#: The longest message to people: services cut or refuse longer ones, each at a length of its own.
MOST_TITLE, MOST_TEXT = 120, 1_000
#: The longest text of an event's facts that is told whole.
MOST_FACT = 4_000
#: The largest body of a webhook; the facts of an event that has more are left out, and the body says so.
MOST_BODY_BYTES = 64_000


class Tone(StrEnum):
    """How it sounds, for services that show it by colour or sign."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


_TONES = {"failed": Tone.FAILURE, "aborted": Tone.FAILURE, "died": Tone.FAILURE, "opened": Tone.WARNING,
          "refused": Tone.WARNING, "held": Tone.WARNING, "paused": Tone.WARNING, "resolved": Tone.SUCCESS,
          "passed": Tone.SUCCESS, "finished": Tone.SUCCESS, "granted": Tone.SUCCESS}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Notice:
    """What is sent: to people as title, text and link, to programs as a body.

    Parameters
    ----------
    id
        The letter's: the same at every attempt.
    body
        JSON in UTF-8.
    """

    id: str
    title: str
    text: str
    link: str
    body: bytes
    tone: Tone = Tone.INFO


@dataclass(frozen=True, slots=True)
class Target:
    """Where it goes. Both are secret: neither is ever shown."""

    address: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt.

    Parameters
    ----------
    status
        The receiver's HTTP status; None when there was none.
    said
        Why it did not arrive, in a sentence; never what the receiver wrote, nor the address.
    retry_after_seconds
        How long the receiver asked us to wait.
    has_arrived
        Said by channels that know no status.
    """

    status: int | None = None
    said: str = ""
    retry_after_seconds: float | None = None
    has_arrived: bool = False

    @property
    def is_received(self) -> bool:
        """Whether the receiver has it."""
        return self.has_arrived or (self.status is not None and 200 <= self.status < 300)

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing more, ever (410)."""
        return self.status == 410


def notice_of(event: Event, id_: str, sentence: str, url: str) -> Notice:
    """Return what is told of an event.

    Parameters
    ----------
    sentence
        What happened, for people; may be empty.
    url
        Where people reach the control plane.
    """
    title = cut(f"{event.project or 'kaizen'}: {str(event.kind).replace('.', ' ')}", MOST_TITLE)
    about = f"{event.subject.replace(':', ' ', 1)}, by {event.actor.partition(':')[2] or event.actor}"
    text = cut(without_secrets(cut(f"{sentence}\n{about}" if sentence else about, MOST_FACT)), MOST_TEXT)
    tone = _TONES.get(str(event.kind).rpartition(".")[2], Tone.INFO)
    return Notice(id_, title, text, f"{url}/", _body(event, title, text, f"{url}/"), tone)


def cut(text: str, most: int) -> str:
    """Return the text, or as much of it as fits, with a sign that there was more."""
    return text if len(text) <= most else text[: most - 1] + "…"


def seconds_to_wait(header: str, now: datetime) -> float | None:
    """Return what ``Retry-After`` says, in seconds from now: a number or a date (RFC 9110, 10.2.3); else None."""
    text = header.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def _body(event: Event, title: str, text: str, link: str) -> bytes:
    data: dict[str, object] = {
        "event": event.id,
        "project": event.project,
        "kind": str(event.kind),
        "subject": event.subject,
        "actor": event.actor,
        "cause": event.cause,
        "data_at": event.data_at.isoformat() if event.data_at else None,
        "title": title,
        "text": text,
        "link": link,
        "facts": _harmless(event.facts),
    }
    made = _json(event, data)
    if len(made) > MOST_BODY_BYTES:
        made = _json(event, {**data, "facts": {}, "facts_left_out_bytes": len(made)})
    return made


def _harmless(value: object) -> object:
    """Return what JSON can say with the secrets in its texts blotted out: it leaves the house."""
    if isinstance(value, str):
        return without_secrets(cut(value, MOST_FACT))
    if isinstance(value, Mapping):
        return {key: _harmless(item) for key, item in value.items()}
    return [_harmless(item) for item in value] if isinstance(value, (list, tuple)) else value


def _json(event: Event, data: Mapping[str, object]) -> bytes:
    body = {"type": str(event.kind), "timestamp": event.at.isoformat(), "data": data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
