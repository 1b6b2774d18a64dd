"""An error as a page, for a person who looks at one with a browser."""

from __future__ import annotations

from kaizenml.interfaces.web.html import page, tag


def trouble(message: str, hint: str) -> str:
    """Return the page that says what happened and what to do."""
    said = tag("p", message, class_="wrong", role="alert")
    way_out = tag("p", tag("a", "To the first page", href="/"))
    body = tag("section", said, tag("p", hint, class_="quiet") if hint else None, way_out, class_="trouble")
    header = tag("header", tag("h1", "KaizenML"), class_="top")
    return page("Not done – KaizenML", header, tag("main", body))
