"""Who may send predictions and labels."""

from __future__ import annotations

from hmac import compare_digest

from kaizenml.serving.http import Call
from kaizenml.serving.refusals import ForeignOriginError, MediaTypeError, UnauthorizedError

_JSON_LIKE = ("", "application/json", "text/plain", "application/x-www-form-urlencoded", "application/octet-stream")


class Guard:
    """Lets a request through when it brings the token, if there is one, and comes from no foreign page.

    Parameters
    ----------
    token
        What ``Authorization: Bearer …`` must bring; empty when nobody is asked.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    @property
    def is_asking(self) -> bool:
        """Whether requests need a token."""
        return bool(self._token)

    def refuse_stranger(self, call: Call) -> None:
        """Return quietly for a request that may write.

        Raises
        ------
        UnauthorizedError
            Without the right token; compared in constant time.
        ForeignOriginError
            When a browser sent it for a page of another site.
        MediaTypeError
            When the body says of itself that it is not JSON in UTF-8.
        """
        found: dict[bytes, bytes] = {name: value for name, value in call.scope["headers"] if name in _WANTED}
        scheme, _, token = found.get(b"authorization", b"").partition(b" ")
        if self._token and not (compare_digest(token.strip(), self._token) and scheme.lower() == b"bearer"):
            raise UnauthorizedError
        if b"origin" in found:
            _refuse_foreign(found[b"origin"].decode("latin-1"), found.get(b"host", b"").decode("latin-1"))
        if found.get(b"content-type", _JSON) != _JSON:
            _refuse_other_than_json(found[b"content-type"].decode("latin-1"))


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
