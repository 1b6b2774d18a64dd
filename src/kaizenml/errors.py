"""Everything that can go wrong, drawn as one tree.

::

    KaizenError                     exit 3, HTTP 500
    ├── UsageError                  exit 2, HTTP 400    something was asked for wrongly
    │   ├── NotFoundError                   HTTP 404    a name nobody knows
    │   ├── ProjectError                                what `project.py` says cannot be
    │   ├── SettingError                                a setting that cannot be
    │   ├── SourceError                                 raw data that cannot be read
    │   ├── TargetError                                 a target that cannot be learned
    │   ├── QueryError                                  a question about runs that cannot be understood
    │   └── RowError                        HTTP 422    rows sent to an endpoint that break its schema
    ├── RefusedError                exit 1, HTTP 409    a gate or rule said no
    │   ├── GateError
    │   ├── ApprovalError
    │   ├── StateError                                  the thing is not in a state that allows this
    │   ├── ConflictError                               somebody else was faster
    │   └── PermissionDeniedError                HTTP 403
    ├── UnsafeArtefactError         exit 1, HTTP 409    a file that may not be loaded here
    ├── WrongEnvironmentError       exit 3              libraries other than those it was made with
    ├── IntegrityError              exit 3, HTTP 500    bytes, rows or events that are not what was stored
    ├── CancelledError              exit 130, HTTP 409  somebody ended it before its end
    ├── UnavailableError            exit 3, HTTP 503    not now: the same may succeed later
    └── StepFailedError             exit 3              the user's code raised

A leaf takes facts and builds the sentence itself: what happened, with the value; `hint` says what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import ClassVar

__all__ = [
    "ApprovalError",
    "CancelledError",
    "ConflictError",
    "GateError",
    "IntegrityError",
    "KaizenError",
    "NotFoundError",
    "PermissionDeniedError",
    "ProjectError",
    "QueryError",
    "RefusedError",
    "RowError",
    "SettingError",
    "SourceError",
    "StateError",
    "StepFailedError",
    "TargetError",
    "UnavailableError",
    "UnsafeArtefactError",
    "UsageError",
    "WrongEnvironmentError",
    "bounded",
    "close_match",
]


class KaizenError(Exception):
    """What this package raises when it cannot do what was asked.

    Parameters
    ----------
    message
        One sentence: what happened, with the value.
    hint
        One sentence: what to do about it. May be empty.
    details
        The same facts for programs, such as ``{"row": 3, "column": "age"}``.
    """

    exit_code: ClassVar[int] = 3
    http_status: ClassVar[int] = 500
    code: ClassVar[str] = "failed"

    def __init__(self, message: str, hint: str = "", details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = dict(details or {})

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(KaizenError):
    """Something was asked for wrongly."""

    exit_code = 2
    http_status = 400
    code = "bad_request"


class NotFoundError(UsageError):
    """A name that nobody knows; the message offers the closest one."""

    http_status = 404
    code = "not_found"

    def __init__(self, what: str, name: str, known: Iterable[str] = (), hint: str = "") -> None:
        names = list(known)
        match = close_match(name, names)
        offer = f"Did you mean {match!r}?" if match else (f"Known: {bounded(names)}." if names else "")
        super().__init__(f"There is no {what} {name!r}.", " ".join(filter(None, [offer, hint])), {what: name})


class ProjectError(UsageError):
    """What `project.py` or `kaizen.toml` says cannot be."""

    code = "project"


class SettingError(UsageError):
    """A setting that cannot be."""

    code = "setting"


class SourceError(UsageError):
    """Raw data that cannot be read."""

    code = "source"


class TargetError(UsageError):
    """A target that is not there, or from which nothing can be learned."""

    code = "target"


class QueryError(UsageError):
    """A question about runs that cannot be understood; names the place."""

    code = "query"

    def __init__(self, text: str, position: int, what: str, hint: str = "") -> None:
        start = max(0, position - 40)
        part = text[start : position + 40].replace("\n", " ")
        place = f"{part}\n{' ' * (position - start)}^"
        super().__init__(
            f"The question cannot be understood at character {position + 1}: {what}.\n{place}",
            hint,
            {"position": position, "found": text[position : position + 20]},
        )


class RowError(UsageError):
    """Rows sent to an endpoint that break its schema; names row and column."""

    http_status = 422
    code = "rows"


class RefusedError(KaizenError):
    """A gate or a rule said no."""

    exit_code = 1
    http_status = 409
    code = "refused"


class GateError(RefusedError):
    """A release did not pass its gate."""

    code = "gate"


class ApprovalError(RefusedError):
    """A release may not be approved, or not by this person."""

    code = "approval"


class StateError(RefusedError):
    """The thing is not in a state that allows this."""

    code = "state"


class ConflictError(RefusedError):
    """Somebody else changed the thing first; read it again and decide anew."""

    code = "conflict"


class PermissionDeniedError(RefusedError):
    """The caller lacks the permission that this needs."""

    http_status = 403
    code = "permission"


class UnsafeArtefactError(KaizenError):
    """A file that could run code, or is not what was signed."""

    exit_code = 1
    http_status = 409
    code = "unsafe"


class WrongEnvironmentError(KaizenError):
    """Libraries of other versions than those a model was made with."""

    code = "environment"


class IntegrityError(KaizenError):
    """Bytes, rows or events that are not what was stored."""

    code = "integrity"


class CancelledError(KaizenError):
    """Somebody ended it before its end; as after Ctrl-C."""

    exit_code = 130
    http_status = 409
    code = "cancelled"


class UnavailableError(KaizenError):
    """Not now: the same request may succeed later."""

    http_status = 503
    code = "unavailable"


class StepFailedError(KaizenError):
    """A step of the user's project raised."""

    code = "step"


def close_match(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that looks most like this one, if any looks like it."""
    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def bounded(names: Iterable[str], most: int = 8) -> str:
    """Return the names as one line that never grows long."""
    listed = list(names)
    shown = ", ".join(listed[:most])
    return f"{shown} and {len(listed) - most} more" if len(listed) > most else shown
