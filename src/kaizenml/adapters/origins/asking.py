"""Requests to a server of MLflow's: tried again where that may help, answers of bounded size."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from kaizenml.errors import SourceError, UnavailableError

#: Statuses after which the same request may succeed.
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
_LONGEST_PAUSE = 30.0
_SECONDS = 120.0
_MOST_BYTES = 1 << 29
_API = "/api/2.0/mlflow"

Query = Mapping[str, str | int | Sequence[str]]


class Server:
    """A server of MLflow's that is asked.

    Parameters
    ----------
    url
        Where it is; a user and password in it are used, and not shown.
    environment
        ``MLFLOW_TRACKING_TOKEN``, or ``MLFLOW_TRACKING_USERNAME`` and ``MLFLOW_TRACKING_PASSWORD``, as its clients
        read them; ``MLFLOW_TRACKING_SERVER_CERT_PATH``, ``MLFLOW_TRACKING_INSECURE_TLS`` and ``MLFLOW_WORKSPACE``.
    """

    def __init__(self, url: str, environment: Mapping[str, str], sleep: Callable[[float], None] = time.sleep) -> None:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.place = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._sleep = sleep
        self._has_answered = False
        token, user = environment.get("MLFLOW_TRACKING_TOKEN"), environment.get("MLFLOW_TRACKING_USERNAME")
        auth: httpx.Auth | None = None
        headers = {"X-MLFLOW-WORKSPACE": space} if (space := environment.get("MLFLOW_WORKSPACE")) else {}
        if parts.username:
            auth = httpx.BasicAuth(parts.username, parts.password or "")
        elif user:
            auth = httpx.BasicAuth(user, environment.get("MLFLOW_TRACKING_PASSWORD", ""))
        elif token:
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.Client(
            auth=auth, headers=headers, timeout=_SECONDS, follow_redirects=False, verify=_verified(environment)
        )

    def get(self, path: str, **query: str | int | Sequence[str]) -> Any:
        """Return what a GET below ``/api/2.0/mlflow`` is answered with; None for a route that is not there."""
        return self.asked("GET", f"{_API}{path}", params=query)

    def post(self, path: str, **body: object) -> Any:
        """Return what a POST below ``/api/2.0/mlflow`` is answered with; None for a route that is not there."""
        return self.asked("POST", f"{_API}{path}", body=body)

    def pages(self, ask: Callable[..., Any], path: str, part: str, **given: Any) -> Iterator[list[Any]]:
        """Return the parts of an answer that comes in pages, a page at once."""
        token = ""
        while True:
            said = ask(path, **given, **({"page_token": token} if token else {})) or {}
            yield _listed(said.get(part))
            known, token = token, str(said.get("next_page_token") or "")
            if not token or token == known:
                return

    def asked(self, method: str, path: str, params: Query | None = None, body: object = None) -> Any:
        """Return the JSON of an answer; None for a route or thing that is not there.

        Raises
        ------
        SourceError
            When the server refuses, or is none of MLflow's.
        UnavailableError
            When it cannot be reached: at once where it has never answered, else after a quarter of a minute.
        """
        with self.answer(method, path, params, body) as answer:
            content = bytearray()
            for chunk in _read(answer, self.place):
                content += chunk
                if len(content) > _MOST_BYTES:
                    raise SourceError(f"{self.place}{path} answers with more than {_MOST_BYTES:,} bytes.")
        try:
            said = json.loads(content)
        except ValueError:
            said = None
        if answer.status_code == 404:
            return None
        if not isinstance(said, dict):
            raise SourceError(f"{self.place}{path} is answered with no JSON.", "Is it the address of an MLflow server?")
        return said

    @contextmanager
    def answer(
        self, method: str, path: str, params: Query | None = None, body: object = None
    ) -> Iterator[httpx.Response]:
        """Give an answer whose content is still to be read; its status is 2xx or 404."""
        answer = self._sent(method, path, params, body)
        try:
            if answer.status_code != 404 and not answer.is_success:
                raise self._refusal(path, answer)
            yield answer
        finally:
            answer.close()

    def chunks(self, path: str, params: Query | None = None) -> Iterator[bytes]:
        """Return the content behind a path; raise `SourceError` when there is none."""
        with self.answer("GET", path, params) as answer:
            if answer.status_code == 404:
                raise SourceError(f"{self.place}{path} is not there.")
            yield from _read(answer, self.place)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _sent(self, method: str, path: str, params: Query | None, body: object) -> httpx.Response:
        why = ""
        for pause in (*_PAUSES, None):
            request = self._client.build_request(
                method, f"{self.place}{path}", params=params, json=body if method == "POST" else None
            )
            after = pause
            try:
                answer = self._client.send(request, stream=True)
            except httpx.HTTPError as error:
                if isinstance(error, httpx.ConnectError) and not self._has_answered:  # perhaps nobody is there at all
                    hint = "Check the address, and whether the server runs."
                    raise UnavailableError(f"{self.place} cannot be reached: {error}.", hint) from error
                why = f"cannot be reached: {error}" if str(error) else f"cannot be reached ({type(error).__name__})"
            else:
                self._has_answered = True
                if answer.status_code not in _AGAIN:
                    return answer
                why = f"answers with {answer.status_code}"
                after = _pause(answer, pause)
                answer.close()
            if after is not None:
                self._sleep(after)
        raise UnavailableError(
            f"{self.place} {why}.", "What has come is kept; call it again when the server answers, and it goes on."
        )

    def _refusal(self, path: str, answer: httpx.Response) -> SourceError:
        if answer.is_redirect:
            return SourceError(
                f"{self.place}{path} leads to {answer.headers.get('location', 'nowhere')}.", "Name that address."
            )
        hint = ""
        if answer.status_code in (401, 403):
            hint = "Set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
        said = b"".join(_read(answer, self.place))[:500].decode("utf-8", "replace")
        return SourceError(
            f"{self.place}{path} is refused ({answer.status_code}): {' '.join(said.split())[:200]}", hint
        )


def _read(answer: httpx.Response, place: str) -> Iterator[bytes]:
    try:
        yield from answer.iter_bytes(1 << 20)
    except httpx.HTTPError as error:
        raise SourceError(f"{place} broke off an answer ({type(error).__name__}).") from error


def _pause(answer: httpx.Response, otherwise: float | None) -> float | None:
    """Return how long to wait: as the server says, within bounds."""
    said = answer.headers.get("retry-after", "")
    return min(float(said), _LONGEST_PAUSE) if said.isdigit() and otherwise is not None else otherwise


def _verified(environment: Mapping[str, str]) -> bool | str:
    if environment.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        return False
    return environment.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
