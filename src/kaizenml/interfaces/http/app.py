"""The control plane as one application."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from kaizenml.interfaces.http.access import Access
from kaizenml.interfaces.http.accounts import add_accounts
from kaizenml.interfaces.http.acting import add_acting
from kaizenml.interfaces.http.cookies import cookies_at
from kaizenml.interfaces.http.data import add_data
from kaizenml.interfaces.http.docs import add_docs
from kaizenml.interfaces.http.evaluating import add_evaluating
from kaizenml.interfaces.http.guard import MOST_BYTES, Guard
from kaizenml.interfaces.http.health import add_health
from kaizenml.interfaces.http.labelling import add_labelling
from kaizenml.interfaces.http.lineage import add_lineage
from kaizenml.interfaces.http.mlflow.dialect import mlflow_table
from kaizenml.interfaces.http.notifying import add_notifying
from kaizenml.interfaces.http.problems import Problems
from kaizenml.interfaces.http.pushing import add_pushing
from kaizenml.interfaces.http.reading import add_reading
from kaizenml.interfaces.http.registry import add_registry
from kaizenml.interfaces.http.routes import Routes, check_routes, public_paths
from kaizenml.interfaces.http.service import Service
from kaizenml.interfaces.http.tracking import add_tracking
from kaizenml.interfaces.http.why import add_why
from kaizenml.interfaces.web.labelling import add_label_pages
from kaizenml.interfaces.web.pages import add_pages
from kaizenml.interfaces.web.signing_in import add_signing_in
from kaizenml.interfaces.web.trouble import trouble
from kaizenml.loop.signing_in import Door, SigningIn

Part = Callable[[Routes, Service], None]
PARTS: tuple[Part, ...] = (
    add_pages,
    add_health,
    add_reading,
    add_tracking,
    add_evaluating,
    add_acting,
    add_accounts,
    add_lineage,
    add_why,
    add_registry,
    add_data,
    add_pushing,
    add_labelling,
    add_label_pages,
    add_notifying,
)


def create_app(
    service: Service, access: Access | None = None, *, door: Door | None = None, more: Sequence[Part] = ()
) -> FastAPI:
    """Return the control plane, ready to be served.

    Parameters
    ----------
    service
        The loop.
    access
        Where it listens and which token opens it; without, on this machine alone and without token.
    door
        How people sign in with a browser; None: they do not.
    more
        Further parts, such as another wire protocol; each adds its routes through `Routes`.

    Raises
    ------
    SettingError
        When a route says no permission, or the access would let everybody in.
    """
    app = _bare(service)
    routes = Routes(app, service.records)
    for part in (*PARTS, *more):
        part(routes, service)
    if door is not None:
        add_signing_in(routes, service, SigningIn(door.provider, door.rules), cookies_at(door.url))
    add_docs(routes, app)
    check_routes(app)
    problems = Problems(trouble)
    problems.add_to(app)
    table = mlflow_table(service)
    public = public_paths(app) | table.public()
    app.user_middleware.append(Middleware(Guard, access or Access(), public, table, problems))
    app.user_middleware.append(Middleware(RequestBodyLimitMiddleware, max_body_size=MOST_BYTES))
    return app


def _bare(service: Service) -> FastAPI:
    """Return an application without any route: FastAPI's own documentation loads scripts from elsewhere."""
    return FastAPI(
        title="KaizenML control plane",
        version=service.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
