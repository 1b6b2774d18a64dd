"""The routes of the pages."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from fastapi import Response
from fastapi.responses import HTMLResponse

from kaizenml.core.account import Permission
from kaizenml.core.person import SignedIn
from kaizenml.interfaces.http.access import CALLER, seen_projects
from kaizenml.interfaces.http.cookies import SIGN_OUT
from kaizenml.interfaces.http.routes import ANYWHERE, ICON, STYLE, Routes
from kaizenml.interfaces.http.service import Service
from kaizenml.interfaces.web import parts
from kaizenml.interfaces.web.html import Html, page, tag
from kaizenml.interfaces.web.overview import Overview, overview
from kaizenml.interfaces.web.words import counted

REFRESH_SECONDS = 15


def add_pages(routes: Routes, service: Service) -> None:
    """Add the routes."""
    pages = Pages(service)
    routes.get("/", pages.loop, permission=Permission.VIEW, of=ANYWHERE, include_in_schema=False)
    routes.get(STYLE, pages.style, permission=Permission.PUBLIC, include_in_schema=False)
    routes.get(ICON, pages.icon, permission=Permission.PUBLIC, include_in_schema=False)


class Pages:
    """One method for each page."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._style = (Path(__file__).parent / "style.css").read_bytes()
        self._icon = (Path(__file__).parent / "icon.svg").read_bytes()

    def loop(self) -> Response:
        """The loop of every project."""
        with self._service.records.reading() as books:
            seen = overview(books, self._service.now(), seen_projects())
        said = f"{self._service.name} · {counted(len(seen.projects), 'project')} · version {self._service.version}"
        return HTMLResponse(_rendered(seen, self._service.name, f"{said} · {self._clocks(seen.now)}"))

    def _clocks(self, now: datetime) -> str:
        """Return the wall's time, and the data's where a replay is elsewhere."""
        wall = f"{now:%Y-%m-%d %H:%M:%S} UTC"
        data = str(self._service.loop_state().get("data_now", ""))[:16].replace("T", " ")
        return wall if not data or wall.startswith(data) else f"{wall}, on the data's clock {data}"

    def style(self) -> Response:
        """How pages look."""
        return Response(self._style, media_type="text/css")

    def icon(self) -> Response:
        """What browsers show beside the title."""
        return Response(self._icon, media_type="image/svg+xml")


def _rendered(seen: Overview, name: str, said: str) -> str:
    none = tag(
        "p", "No project yet. Make one with ", tag("code", "kaizen new"), ", then ", tag("code", "kaizen run"), "."
    )
    return page(
        f"{name} – KaizenML",
        tag("header", tag("h1", "KaizenML"), tag("p", said, class_="quiet"), _links(), _signed_in(), class_="top"),
        tag(
            "main",
            *([parts.project(one, seen.now) for one in seen.projects] or [none]),
            tag("section", tag("h2", "What happened"), parts.events(seen.events, seen.now)),
        ),
        refresh_seconds=REFRESH_SECONDS,
    )


def _links() -> str:
    links = [("API", "/docs"), ("metrics", "/metrics"), ("alerts", "/api/v1/alerts"), ("runs", "/api/v1/runs")]
    return tag("nav", *(tag("a", word, href=path) for word, path in links))


def _signed_in() -> Html | None:
    """Return who looks at the page, and the way out; nothing where nobody signs in."""
    caller = CALLER.get()
    if caller is None or not isinstance(caller.holder, SignedIn):
        return None
    return tag("form", tag("span", caller.holder.name, class_="quiet"), tag("button", "Sign out"), class_="leave",
               method="post", action=SIGN_OUT)  # fmt: skip
