"""What the data plane answers when it cannot answer: each leaf knows its HTTP status and builds its sentence.

::

    KaizenError
    ├── UsageError
    │   ├── MalformedError          400    a body that is not the JSON asked for
    │   ├── UnauthorizedError       401    no token, or a wrong one
    │   ├── ForbiddenError          403    the token does not open this endpoint
    │   ├── ForeignOriginError      403    a page of another site sent this
    │   ├── MethodError             405    the path is right, the verb is not
    │   ├── SlowBodyError           408
    │   ├── BodyTooLargeError       413
    │   ├── TooManyRowsError        413
    │   └── MediaTypeError          415
    ├── ScorerFailedError           500    the release raised, or answered nonsense
    └── UnavailableError            503    try again later
        ├── BusyError               429
        └── DeadlineError           504
"""

from __future__ import annotations

from collections.abc import Iterable

from kaizenml.errors import KaizenError, UnavailableError, UsageError


class MalformedError(UsageError):
    """A body that is not the JSON that the path takes."""

    code = "malformed"


class UnauthorizedError(UsageError):
    """A request without the token that this server asks for."""

    http_status = 401
    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__(
            "This server takes no request without a token.",
            "Send the header `Authorization: Bearer TOKEN`; `kaizen token create` makes one.",
        )


class ForbiddenError(UsageError):
    """A request with a token that is good elsewhere."""

    http_status = 403
    code = "permission_denied"

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"This token does not open the endpoint {endpoint!r}.",
            "It needs the permission to predict in the endpoint's project: the role of a developer, for one.",
        )


class ForeignOriginError(UsageError):
    """A browser sent this for a page of another site."""

    http_status = 403
    code = "foreign_origin"

    def __init__(self, origin: str, host: str) -> None:
        super().__init__(
            f"A page of {origin[:200]!r} may not send requests to {host[:200]!r}.",
            "Send it from a program, or from the endpoint's own page.",
            {"origin": origin[:200]},
        )


class MethodError(UsageError):
    """The path is right, the verb is not."""

    http_status = 405
    code = "method"

    def __init__(self, method: str, path: str, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(allowed)
        super().__init__(f"{path[:200]} does not take {method[:20]}.", f"It takes {self.allowed}.", {"method": method})


class BodyTooLargeError(UsageError):
    """More bytes than one request may bring."""

    http_status = 413
    code = "body_too_large"

    def __init__(self, seen: int, most: int) -> None:
        super().__init__(
            f"The body has {seen:,} bytes or more; one request may bring {most:,}.",
            "Send the rows in several requests, or score a file with `kaizen predict`.",
            {"bytes": seen, "most": most},
        )


class SlowBodyError(UsageError):
    """A body that does not arrive."""

    http_status = 408
    code = "slow_body"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The body did not arrive within {seconds:g} seconds.",
            "Send it again, in smaller requests if the network is slow.",
            {"seconds": seconds},
        )


class TooManyRowsError(UsageError):
    """More rows than one request may bring."""

    http_status = 413
    code = "too_many_rows"

    def __init__(self, what: str, sent: int, most: int) -> None:
        super().__init__(
            f"The request brings {sent:,} {what}; one request may bring {most:,}.",
            "Send them in several requests, or score a file with `kaizen predict`.",
            {what: sent, "most": most},
        )


class MediaTypeError(UsageError):
    """A body in a form that is not read here."""

    http_status = 415
    code = "media_type"

    def __init__(self, sent: str) -> None:
        super().__init__(
            f"The body is {sent[:100]!r}, and only JSON in UTF-8 is read here.",
            "Send `Content-Type: application/json`.",
            {"content_type": sent[:100]},
        )


class ScorerFailedError(KaizenError):
    """A release raised, or answered what is no answer; the caller gets an incident's number, the log the reason."""

    code = "scorer_failed"

    def __init__(self, release: str, incident: str) -> None:
        super().__init__(
            f"Release {release} failed on these rows (incident {incident}).",
            "The server's log tells why, under that number.",
            {"release": release, "incident": incident},
        )


class BusyError(UnavailableError):
    """More requests wait than the queue holds."""

    http_status = 429
    code = "busy"

    def __init__(self, waiting: int) -> None:
        super().__init__(
            f"{waiting:,} requests wait already; this one was not taken.",
            "Send it again after the seconds in `Retry-After`.",
            {"waiting": waiting},
        )


class DeadlineError(UnavailableError):
    """The answer did not come in time."""

    http_status = 504
    code = "deadline"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"No answer came within {seconds:g} seconds.",
            "Send fewer rows at once, or again when the server is less busy.",
            {"seconds": seconds},
        )
