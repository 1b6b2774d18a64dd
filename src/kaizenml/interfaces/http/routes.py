"""Routes that say which permission they need; a route that does not say so keeps the server from starting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from kaizenml.core.account import Permission
from kaizenml.core.ports import Records
from kaizenml.errors import NotFoundError, SettingError, UsageError
from kaizenml.interfaces.http.access import CALLER, denied
from kaizenml.interfaces.http.cookies import CALLBACK, SIGN_IN
from kaizenml.interfaces.http.guard import GRANTED
from kaizenml.loop import belonging
from kaizenml.loop.belonging import Owners

Handler = Callable[..., Any]
_NEEDS = "x-permission"
#: How pages look.
STYLE, ICON = "/style.css", "/icon.svg"
#: What may be public beside health: the way in, and how its pages look.
_OPEN = (SIGN_IN, CALLBACK, STYLE, ICON)
#: What stands behind these in a path is the name of a project.
_OF_PROJECT = ("/api/v1/projects/", "/label/", "/projects/")


@dataclass(frozen=True, slots=True)
class Belongs:
    """How it is found out to which projects the thing belongs that a route is about.

    Parameters
    ----------
    what
        What the thing is.
    part
        The part of the path, or the argument of the query, that names it.
    owners
        Finds its projects in the books.
    """

    what: str
    part: str
    owners: Owners


#: A route for whoever has the permission in any project; what it answers is what the caller may see.
ANYWHERE = Belongs("", "", lambda _books, _name: ())
RUN = Belongs("run", "id", belonging.of_run)
ENDPOINT = Belongs("endpoint", "name", belonging.of_endpoint)


class Routes:
    """The one way to add a route to the control plane.

    A route needs its permission in the project that its path or its argument ``project`` names, or in those that the
    thing belongs to that it is about (``of``); where neither is said, in every project.
    """

    def __init__(self, app: FastAPI, records: Records) -> None:
        self._app = app
        self._records = records

    def get(self, path: str, handler: Handler, *, permission: Permission, **more: Any) -> None:
        """Answer GET requests to a path."""
        self._add("GET", path, handler, permission, **more)

    def post(self, path: str, handler: Handler, *, permission: Permission, **more: Any) -> None:
        """Answer POST requests to a path."""
        self._add("POST", path, handler, permission, **more)

    def put(self, path: str, handler: Handler, *, permission: Permission, **more: Any) -> None:
        """Answer PUT requests to a path."""
        self._add("PUT", path, handler, permission, **more)

    def patch(self, path: str, handler: Handler, *, permission: Permission, **more: Any) -> None:
        """Answer PATCH requests to a path."""
        self._add("PATCH", path, handler, permission, **more)

    def delete(self, path: str, handler: Handler, *, permission: Permission, **more: Any) -> None:
        """Answer DELETE requests to a path."""
        self._add("DELETE", path, handler, permission, **more)

    def _add(
        self, method: str, path: str, handler: Handler, permission: Permission, of: Belongs | None = None, **more: Any
    ) -> None:
        self._app.add_api_route(
            path,
            handler,
            methods=[method],
            summary=(handler.__doc__ or path).strip().splitlines()[0],
            dependencies=[Depends(_requires(permission, of, self._records))],
            openapi_extra={_NEEDS: str(permission)},
            **more,
        )


def permission_of(route: object) -> Permission | None:
    """Return what a route asks of its caller; None when nothing checks it."""
    if not isinstance(route, APIRoute):
        return None
    found = [getattr(depends.dependency, "permission", None) for depends in route.dependencies]
    checked = [permission for permission in found if isinstance(permission, Permission)]
    return checked[0] if checked else None


def check_routes(app: FastAPI) -> None:
    """Check that every route asks for a permission, and that only health and the way in are public.

    Raises
    ------
    SettingError
        Naming the routes that do not.
    """
    bare = [_path(route) for route in app.routes if permission_of(route) is None]
    if bare:
        raise SettingError(
            f"These routes say no permission: {', '.join(bare)}.", "Add them with `Routes.get` or `Routes.post`."
        )
    opened = [_path(route) for route in app.routes if permission_of(route) is Permission.PUBLIC]
    wrong = [path for path in opened if not path.startswith("/health/") and path not in _OPEN]
    if wrong:
        raise SettingError(f"These routes are public: {', '.join(wrong)}.", "Only /health/… may be; ask for `view`.")


def public_paths(app: FastAPI) -> frozenset[str]:
    """Return the paths that everybody may read."""
    return frozenset(_path(route) for route in app.routes if permission_of(route) is Permission.PUBLIC)


def check_thing(permission: Permission, of: Belongs, records: Records, name: str) -> None:
    """Check that the caller may do something with a thing of this name; errors as of `Known.check`."""
    caller = CALLER.get()
    if caller is None or caller.may(permission):
        return
    absent = NotFoundError(of.what, name[:200])
    try:
        with records.reading() as books:
            owners = of.owners(books, name)
    except UsageError:  # its words would name what the caller may not see
        raise absent from None
    caller.check(permission, owners, absent)


def _requires(permission: Permission, of: Belongs | None, records: Records) -> Callable[[Request], Awaitable[None]]:
    async def checked(request: Request) -> None:
        if permission in request.scope[GRANTED]:
            return
        project, caller = _project_of(request), CALLER.get()
        if project is not None and caller is not None and caller.may(permission, project):
            return
        if project is not None or of is None or caller is None or not caller.may_somewhere(permission):
            raise denied(permission, project)
        if of is not ANYWHERE:
            await run_in_threadpool(check_thing, permission, of, records, _name_in(request, of.part))

    checked.permission = permission  # type: ignore[attr-defined]
    return checked


def _name_in(request: Request, part: str) -> str:
    parts: dict[str, str] = request.path_params
    return parts.get(part) or request.query_params.get(part, "")


def _project_of(request: Request) -> str | None:
    """Return the project that a request is about, where its path says so, or a list that is of that project only."""
    parts: dict[str, str] = request.path_params
    if "project" in parts:
        return parts["project"]
    if request.scope["path"].startswith(_OF_PROJECT):
        return parts.get("name")
    route = request.scope.get("route")
    is_of_one = isinstance(route, APIRoute) and any(each.name == "project" for each in route.dependant.query_params)
    return request.query_params.get("project") if is_of_one else None


def _path(route: object) -> str:
    return str(getattr(route, "path", "") or type(route).__name__)
