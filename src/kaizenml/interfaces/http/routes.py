"""Routes that say which permission they need; a route that does not say so keeps the server from starting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute

from kaizenml.core.account import Permission
from kaizenml.errors import PermissionDeniedError, SettingError
from kaizenml.interfaces.http.access import CALLER
from kaizenml.interfaces.http.guard import GRANTED

Handler = Callable[..., Any]
_NEEDS = "x-permission"
#: What stands behind these in a path is the name of a project.
_OF_PROJECT = ("/api/v1/projects/", "/label/", "/projects/")


class Routes:
    """The one way to add a route to the control plane."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, path: str, handler: Handler, *, permission: Permission, **more: Any) -> None:
        """Answer GET requests to a path."""
        self._add("GET", path, handler, permission, more)

    def post(self, path: str, handler: Handler, *, permission: Permission, **more: Any) -> None:
        """Answer POST requests to a path."""
        self._add("POST", path, handler, permission, more)

    def put(self, path: str, handler: Handler, *, permission: Permission, **more: Any) -> None:
        """Answer PUT requests to a path."""
        self._add("PUT", path, handler, permission, more)

    def patch(self, path: str, handler: Handler, *, permission: Permission, **more: Any) -> None:
        """Answer PATCH requests to a path."""
        self._add("PATCH", path, handler, permission, more)

    def delete(self, path: str, handler: Handler, *, permission: Permission, **more: Any) -> None:
        """Answer DELETE requests to a path."""
        self._add("DELETE", path, handler, permission, more)

    def _add(self, method: str, path: str, handler: Handler, permission: Permission, more: dict[str, Any]) -> None:
        self._app.add_api_route(
            path,
            handler,
            methods=[method],
            summary=(handler.__doc__ or path).strip().splitlines()[0],
            dependencies=[Depends(_requires(permission))],
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
    """Check that every route asks for a permission, and that only health is public.

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
    wrong = [path for path in opened if not path.startswith("/health/")]
    if wrong:
        raise SettingError(f"These routes are public: {', '.join(wrong)}.", "Only /health/… may be; ask for `view`.")


def public_paths(app: FastAPI) -> frozenset[str]:
    """Return the paths that everybody may read."""
    return frozenset(_path(route) for route in app.routes if permission_of(route) is Permission.PUBLIC)


def _requires(permission: Permission) -> Callable[[Request], Awaitable[None]]:
    async def check(request: Request) -> None:
        if permission in request.scope[GRANTED]:
            return
        project, caller = _project_of(request), CALLER.get()
        if project is None or caller is None or permission not in caller.granted(project):
            where = f"in {project}" if project else "in every project"
            raise PermissionDeniedError(f"This needs the permission to {permission} {where}.", "Ask who has it.")

    check.permission = permission  # type: ignore[attr-defined]
    return check


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
