"""Tracked runs to a server: pieces of journals and blobs over HTTP, again and again until the server has them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kaizenml.core.digest import Digest
from kaizenml.core.ports import Blobs
from kaizenml.errors import KaizenError
from kaizenml.loop.syncing import needed_blobs
from kaizenml.training import journal

#: A request carries at most so much.
MOST_BYTES = 900_000
_SECONDS = 10.0


class AwayError(KaizenError):
    """The server does not answer, or not now; what was logged waits in the journal."""

    code = "away"


@dataclass(frozen=True, slots=True)
class Server:
    """A control plane that takes journals.

    Parameters
    ----------
    url
        Without a slash at its end.
    token
        Empty where it asks for none.
    """

    url: str
    token: str = ""

    def bring(self, run: str, path: Path, blobs: Blobs, at: int = 0) -> int:
        """Send all that stands in a journal from a byte on; return up to where the server has it.

        Raises
        ------
        AwayError
            When the server cannot be reached or cannot take it now: call again later.
        KaizenError
            When it refuses for good.
        """
        while content := journal.piece(path, at, MOST_BYTES):
            for digest in needed_blobs(journal.entries(content)[0]):
                self.put_blob(blobs, digest)
            answer = self._ask(f"/api/v1/runs/{quote(run, safe='')}/journal?start={at}", content)
            if int(answer["known"]) == at:
                break
            at = int(answer["known"])
        return at

    def put_blob(self, blobs: Blobs, digest: Digest) -> None:
        """Send a blob, unless the server has it; a large one in parts."""
        if self._ask(f"/api/v1/blobs/{digest}")["is_here"]:
            return
        content = blobs.get(digest)
        parts = [content[at : at + MOST_BYTES] for at in range(0, len(content), MOST_BYTES)] or [b""]
        sent = [self._ask("/api/v1/blobs", part)["digest"] for part in parts]
        if len(sent) > 1:
            self._ask(
                "/api/v1/blobs/joined", json.dumps({"digest": digest, "parts": sent}).encode(), "application/json"
            )

    def _ask(self, path: str, content: bytes | None = None, kind: str = "application/octet-stream") -> dict[str, Any]:
        headers = {"Content-Type": kind} if content is not None else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(f"{self.url}{path}", content, headers)
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            raise _refused(self.url, error) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise AwayError(
                f"The server {self.url} cannot be reached: {reason}.",
                "What was logged is kept here, and sent when it answers again.",
            ) from error


def _refused(url: str, error: urllib.error.HTTPError) -> KaizenError:
    try:
        with error:
            said = json.load(error)["error"]
    except (OSError, ValueError, LookupError, TypeError):
        said = {"message": f"It answered {error.code}."}
    message = f"The server {url} did not take it: {said.get('message', error.code)}"
    hint = str(said.get("hint", ""))
    if error.code >= 500 or error.code in (408, 429):
        return AwayError(message, hint)
    return KaizenError(message, hint, said.get("details") or {})
