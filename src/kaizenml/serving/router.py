"""Which handler answers a path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from kaizenml.errors import NotFoundError
from kaizenml.serving.http import Call, Response
from kaizenml.serving.refusals import MethodError

Handler = Callable[[Call], Awaitable[Response]]
Verbs = Mapping[str, Handler]

_PREFIX = "/endpoints/"


class Router:
    """Fixed paths, and the actions of an endpoint under ``/endpoints/{name}/{action}``."""

    def __init__(self, fixed: Mapping[str, Verbs], actions: Mapping[str, Verbs]) -> None:
        self._fixed, self._actions = fixed, actions

    def find(self, method: str, path: str) -> tuple[Handler, str]:
        """Return the handler, and the endpoint that the path names.

        Raises
        ------
        NotFoundError
            When no such path is served.
        MethodError
            When it is, for another verb.
        """
        verbs, endpoint = self._fixed.get(path), ""
        if verbs is None and path.startswith(_PREFIX):
            endpoint, _, action = path[len(_PREFIX) :].partition("/")
            verbs = self._actions.get(action) if endpoint else None
        if verbs is None:
            known = [*self._fixed, *(f"{_PREFIX}{{name}}/{action}" for action in self._actions)]
            raise NotFoundError("path", path[:200], known)
        handler = verbs.get("GET" if method == "HEAD" else method)
        if handler is None:
            raise MethodError(method, path, verbs)
        return handler, endpoint
