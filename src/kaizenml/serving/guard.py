"""Who may send predictions and labels."""

from __future__ import annotations

from hmac import compare_digest

from kaizenml.serving.callers import Callers
from kaizenml.serving.http import Call
from kaizenml.serving.refusals import ForbiddenError, ForeignOriginError, MediaTypeError, UnauthorizedError

_JSON_LIKE = ("", "application/json", "text/plain", "application/x-www-form-urlencoded", "application/octet-stream")


class Guard:
    """Lets a request through when it brings a token that opens its endpoint, if any is asked for, and comes from no
    foreign page.

    Parameters
    ----------
    token
        The server's own, which opens everything; empty: there is none.
    callers
        The tokens of people and programs; None: there are none.
    """

    def __init__(self, token: str, callers: Callers | None = None) -> None:
        self._token = token.encode()
        self._callers = callers

    @property
    def is_asking(self) -> bool:
        """Whether requests need a token."""
        return bool(self._token) or (self._callers is not None and self._callers.is_asking)

    def refuse_stranger(self, call: Call) -> None:
        """Return quietly for a request that may write.

        Raises
        ------
        UnauthorizedError
            Without a token that is known; the server's own is compared in constant time.
        ForbiddenError
            With one that does not open the endpoint.
        ForeignOriginError
            When a browser sent it for a page of another site.
        MediaTypeError
            When the body says of itself that it is not JSON in UTF-8.
        """
        found: dict[bytes, bytes] = {name: value for name, value in call.scope["headers"] if name in _WANTED}
        scheme, _, token = found.get(b"authorization", b"").partition(b" ")
        token = token.strip() if scheme.lower() == b"bearer" else b""
        if not (self._token and compare_digest(token, self._token)) and self.is_asking:
            self._refuse_unknown(token, call.endpoint)
        if b"origin" in found:
            _refuse_foreign(found[b"origin"].decode("latin-1"), found.get(b"host", b"").decode("latin-1"))
        if found.get(b"content-type", _JSON) != _JSON:
            _refuse_other_than_json(found[b"content-type"].decode("latin-1"))

    def _refuse_unknown(self, token: bytes, endpoint: str) -> None:
        may = self._callers.may(token, endpoint) if self._callers else None
        if may is None:
            raise UnauthorizedError
        if not may:
            raise ForbiddenError(endpoint)


_JSON = b"application/json"
_WANTED = frozenset({b"authorization", b"origin", b"host", b"content-type"})


def _refuse_foreign(origin: str, host: str) -> None:
    if origin.partition("://")[2] != host:
        raise ForeignOriginError(origin, host)


def _refuse_other_than_json(content_type: str) -> None:
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset=")]
    is_json = kind in _JSON_LIKE or kind.endswith("+json")
    if not is_json or any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise MediaTypeError(content_type)
