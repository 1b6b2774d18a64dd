"""HTML that cannot be broken out of: text is escaped unless it was made here."""

from __future__ import annotations

from html import escape

_EMPTY = frozenset({"meta", "link", "br", "hr", "line", "polyline", "circle", "rect", "path"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = Html | str | int | float | None


def tag(name: str, /, *children: Child, **attributes: str | int | float | None) -> Html:
    """Return an element; ``class_`` becomes ``class``, ``stroke_width`` ``stroke-width``; None is left out.

    Examples
    --------
    >>> tag("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    given = "".join(f' {_name(key)}="{escape(str(value))}"' for key, value in attributes.items() if value is not None)
    if name in _EMPTY:
        return Html(f"<{name}{given}>") if name in ("meta", "link", "br", "hr") else Html(f"<{name}{given}/>")
    return Html(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: Child) -> Html:
    """Return the children one after another, each escaped unless it is HTML."""
    return Html(
        "".join(child if isinstance(child, Html) else escape(str(child)) for child in children if child is not None)
    )


def page(title: str, *body: Child, refresh_seconds: int | None = None) -> str:
    """Return a whole document.

    With the server's own `no-referrer` a browser sends forms from "null", which the guard takes for another site; so a
    page says that its own site may know where a form came from.
    """
    head = joined(
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="same-origin"),
        tag("meta", http_equiv="refresh", content=refresh_seconds) if refresh_seconds else None,
        tag("title", title),
        tag("link", rel="stylesheet", href="/style.css"),
        tag("link", rel="icon", href="/icon.svg"),
    )
    return "<!doctype html>" + tag("html", tag("head", head), tag("body", *body), lang="en")


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
