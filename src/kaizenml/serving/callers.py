"""The tokens that open endpoints, as the control plane last told of them: a look into a dict for each request."""

from __future__ import annotations

import logging
import threading
import time
from hashlib import sha256
from pathlib import Path

import msgspec

from kaizenml.core.opening import Openings

_log = logging.getLogger("kaizenml.serving")
_POLL_SECONDS = 0.2
_decode = msgspec.json.Decoder(Openings).decode


class Callers:
    """Follows the file of `kaizenml.core.opening.Openings` in a thread, and answers from memory.

    A file that cannot be read changes nothing; when it is the first, no token is known and every request needs one.

    Parameters
    ----------
    path
        The file, which is replaced as a whole.
    asks_always
        Whether a token is asked for although none was ever made: where others can reach the server.
    """

    def __init__(self, path: Path, *, asks_always: bool = False) -> None:
        self._path = path
        self._asks_always = asks_always
        self._known = Openings()
        self._seen: tuple[int, int, int] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="kaizen-callers", daemon=True)
        self.follow()

    @property
    def is_asking(self) -> bool:
        """Whether requests need a token."""
        return self._asks_always or self._known.is_asking

    def may(self, token: bytes, endpoint: str) -> bool | None:
        """Say whether a token opens an endpoint; None when it opens nothing at all."""
        known = self._known
        found = known.find(sha256(token).hexdigest(), time.time())
        return None if found is None else known.lets(found, endpoint)

    def start(self) -> None:
        """Start to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(1.0)

    def follow(self) -> None:
        """Read the file if it has changed."""
        is_first = self._seen is None
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if stamp == self._seen:
                return
            self._seen = stamp
            self._known = _decode(self._path.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            self._asks_always = self._asks_always or is_first
            _log.error("the tokens in %s cannot be read, those before them stay: %s", self._path, error)

    def _work(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            self.follow()
