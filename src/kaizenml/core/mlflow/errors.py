"""The errors that MLflow's clients know by their code."""

from __future__ import annotations

from kaizenml.errors import (
    ConflictError,
    IntegrityError,
    KaizenError,
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    UnavailableError,
    UsageError,
)

#: The HTTP status of every code. A client tries 429, 500, 503 and 504 again, the others not.
STATUSES = {
    "BAD_REQUEST": 400, "INVALID_PARAMETER_VALUE": 400, "RESOURCE_ALREADY_EXISTS": 400,
    "CUSTOMER_UNAUTHORIZED": 401, "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403,
    "ENDPOINT_NOT_FOUND": 404, "NOT_FOUND": 404, "RESOURCE_DOES_NOT_EXIST": 404,
    "ABORTED": 409, "ALREADY_EXISTS": 409, "RESOURCE_CONFLICT": 409,
    "REQUEST_LIMIT_EXCEEDED": 429, "RESOURCE_EXHAUSTED": 429, "CANCELLED": 499,
    "DATA_LOSS": 500, "INTERNAL_ERROR": 500, "INVALID_STATE": 500, "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504,
}  # fmt: skip
#: The SQLSTATE and the class that go with a code, where there are any.
CLASSES = {
    "BAD_REQUEST": ("KAM00", "INVALID_PARAMETER_VALUE"),
    "CUSTOMER_UNAUTHORIZED": ("KAM00", "PERMISSION_DENIED"),
    "ENDPOINT_NOT_FOUND": ("KAM00", "RESOURCE_NOT_FOUND"),
    "INTERNAL_ERROR": ("XXM00", "CLIENT_INTERNAL_ERROR"),
    "INVALID_PARAMETER_VALUE": ("KAM00", "INVALID_PARAMETER_VALUE"),
    "INVALID_STATE": ("XXM00", "CLIENT_INTERNAL_ERROR"),
    "NOT_FOUND": ("KAM00", "RESOURCE_NOT_FOUND"),
    "PERMISSION_DENIED": ("KAM00", "PERMISSION_DENIED"),
    "RESOURCE_ALREADY_EXISTS": ("KAM00", "RESOURCE_ALREADY_EXISTS"),
    "RESOURCE_DOES_NOT_EXIST": ("KAM00", "RESOURCE_NOT_FOUND"),
    "TEMPORARILY_UNAVAILABLE": ("XXM00", "CLIENT_INTERNAL_ERROR"),
}
_CODES: tuple[tuple[type[KaizenError], str], ...] = (
    (NotFoundError, "RESOURCE_DOES_NOT_EXIST"),
    (PermissionDeniedError, "PERMISSION_DENIED"),
    (ConflictError, "RESOURCE_CONFLICT"),
    (UnavailableError, "TEMPORARILY_UNAVAILABLE"),
    (IntegrityError, "DATA_LOSS"),
    (UsageError, "INVALID_PARAMETER_VALUE"),
    (RefusedError, "BAD_REQUEST"),
)
_BY_STATUS = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}


class WireError(KaizenError):
    """An error in the words of MLflow's clients, which look for codes and sentences.

    Parameters
    ----------
    error_code
        One of `STATUSES`.
    """

    def __init__(self, error_code: str, message: str) -> None:
        super().__init__(message)
        self.error_code = error_code


def invalid(message: str) -> WireError:
    """Return the error for a request that cannot be."""
    return WireError("INVALID_PARAMETER_VALUE", message)


def absent(message: str) -> WireError:
    """Return the error for something that is not there."""
    return WireError("RESOURCE_DOES_NOT_EXIST", message)


def taken(message: str) -> WireError:
    """Return the error for a name that something has already."""
    return WireError("RESOURCE_ALREADY_EXISTS", message)


def in_their_words(error: KaizenError) -> WireError:
    """Return one of our errors as MLflow's clients understand it."""
    if isinstance(error, WireError):
        return error
    code = _BY_STATUS.get(error.http_status) or next((code for kind, code in _CODES if isinstance(error, kind)), None)
    return WireError(code or "INTERNAL_ERROR", " ".join(filter(None, [error.message, error.hint])))
