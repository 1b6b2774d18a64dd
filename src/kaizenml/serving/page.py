"""The pages of the data plane: what is served here, and a form to try one endpoint.

Everything that comes from a signature or a request is escaped; the one script and the one style sheet are files of
their own, so that nothing inline is ever allowed to run.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.resources import files

from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.core.signature import Signature
from kaizenml.serving.describe import example_of
from kaizenml.serving.http import HTML, Response

_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
_STATIC = {
    "try.js": b"text/javascript; charset=utf-8",
    "try.css": b"text/css; charset=utf-8",
    "icon.svg": b"image/svg+xml",
}


def static_responses() -> dict[str, Response]:
    """Return script, style sheet and icon, by path."""
    folder = files("kaizenml.serving") / "static"
    return {f"/static/{name}": Response((folder / name).read_bytes(), 200, kind) for name, kind in _STATIC.items()}


def endpoints_page(names: Iterable[str]) -> Response:
    """Return a page that leads to every endpoint."""
    items = "".join(f'<li><a href="/endpoints/{escape(name)}/">{escape(name)}</a></li>' for name in names)
    return _page("Endpoints", f"<h1>Endpoints</h1><ul>{items or '<li>none yet</li>'}</ul>")


def try_page(endpoint: str, release: str, signature: Signature, curl: str, *, is_guarded: bool) -> Response:
    """Return a page with a form that asks the endpoint for one prediction."""
    token = '<label>Token <input id="token" type="password" autocomplete="off"></label>' if is_guarded else ""
    body = f"""<h1>{escape(endpoint)}</h1>
<p>Predicts <strong>{escape(signature.target)}</strong> with release {escape(release)}.</p>
<form id="ask">{token}{_id_field(signature)}{"".join(map(_field, signature.inputs))}<button>Predict</button></form>
<div id="result" role="status"></div>
<form id="truth" hidden><label>What was it really? {_truth_field(signature)}</label>
<button>Send feedback</button><p id="thanks" role="status"></p></form>
<h2>From a shell</h2><pre>{escape(curl)}</pre>
<p><a href="schema">schema</a></p><script src="/static/try.js" defer></script>"""
    return _page(endpoint, body)


def _field(column: Column) -> str:
    example = example_of(column)
    kind = f"{column.kind}, may be empty" if column.is_nullable else str(column.kind)
    marks = f'data-column="{escape(column.name)}" data-kind="{escape(column.kind)}"'
    if column.kind is ColumnKind.BOOLEAN:
        control = _select(marks, ["true", "false"], _text(example), is_nullable=column.is_nullable)
    else:
        required = "" if column.is_nullable else " required"
        control = f'<input {marks} value="{escape(_text(example))}"{required}>'
    return f"<label><span>{escape(column.name)}<small>{escape(kind)}</small></span>{control}</label>"


def _id_field(signature: Signature) -> str:
    if signature.id is None:
        return ""
    name = escape(signature.id)
    return (
        f"<label><span>{name}<small>id, may be left out</small></span>"
        f'<input data-column="{name}" data-kind="text" data-optional="1"></label>'
    )


def _truth_field(signature: Signature) -> str:
    kind = "number" if signature.task is Task.REGRESSION else signature.target_type
    marks = f'id="truth-value" data-kind="{escape(kind)}"'
    if signature.classes:
        return _select(marks, signature.classes, "", is_nullable=False)
    return f"<input {marks} required>"


def _select(marks: str, choices: Iterable[str], chosen: str, *, is_nullable: bool) -> str:
    empty = "<option></option>" if is_nullable else ""
    options = (f"<option{' selected' if choice == chosen else ''}>{escape(choice)}</option>" for choice in choices)
    return f"<select {marks}>{empty}{''.join(options)}</select>"


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _page(title: str, body: str) -> Response:
    html = f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>
<link rel="stylesheet" href="/static/try.css">
<link rel="icon" href="/static/icon.svg"></head><body>{body}</body></html>"""
    return Response(html.encode(), 200, HTML, list(_HEADERS))
