"""What the API offers, as OpenAPI and as a page that needs no script and no network."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse

from kaizenml.core.account import Permission
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import ANYWHERE, Routes
from kaizenml.interfaces.web.html import Html, joined, page, tag

_HEAD = (
    'Errors are JSON: {"error": {"code", "message", "hint", "details"}}. '
    "With a token, send the header `Authorization: Bearer TOKEN`."
)

_BOUNDS = {"minimum": "≥", "maximum": "≤", "minLength": "at least", "maxLength": "at most", "maxItems": "at most"}


def add_docs(routes: Routes, app: FastAPI) -> None:
    """Add the routes."""
    docs = Docs(app)
    routes.get("/openapi.json", docs.openapi, permission=Permission.VIEW, of=ANYWHERE, include_in_schema=False)
    routes.get("/docs", docs.page, permission=Permission.VIEW, of=ANYWHERE, include_in_schema=False)


class Docs:
    """One method for each form."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def openapi(self) -> Response:
        """The API as OpenAPI."""
        return answer(self._app.openapi())

    def page(self) -> Response:
        """The API as a page."""
        return HTMLResponse(_rendered(self._app.openapi()))


def _rendered(api: dict[str, Any]) -> str:
    info = api["info"]
    schemas = api.get("components", {}).get("schemas", {})
    listed = [
        _route(method, path, operation, schemas)
        for path, operations in api["paths"].items()
        for method, operation in operations.items()
    ]
    return page(
        info["title"],
        tag(
            "header",
            tag("h1", info["title"]),
            tag("p", f"version {info['version']}", class_="quiet"),
            _links(),
            class_="top",
        ),
        tag("main", tag("section", tag("p", _HEAD)), tag("section", *listed)),
    )


def _links() -> Html:
    return tag("nav", tag("a", "loop", href="/"), tag("a", "openapi.json", href="/openapi.json"))


def _route(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> Html:
    asks = operation.get("x-permission", "")
    head = tag(
        "h2",
        tag("span", method.upper(), class_=f"method {method}"),
        tag("code", path),
        tag("span", asks, class_="chip"),
    )
    return tag(
        "div",
        head,
        tag("p", operation.get("summary", "")),
        _parameters(operation, schemas),
        class_="route",
    )


def _parameters(operation: dict[str, Any], schemas: dict[str, Any]) -> Html:
    rows = [
        _row(one["name"], one["in"], one.get("schema", {}), is_needed=one.get("required", False))
        for one in operation.get("parameters", [])
    ]
    body = _body(operation, schemas)
    needed = body.get("required", [])
    rows += [_row(name, "body", kind, is_needed=name in needed) for name, kind in body.get("properties", {}).items()]
    return tag("div", tag("table", joined(*rows)), class_="scroll parameters") if rows else Html()


def _row(name: str, where: str, schema: dict[str, Any], *, is_needed: bool) -> Html:
    return tag(
        "tr",
        tag("td", tag("code", name)),
        tag("td", f"in {where}" + (", required" if is_needed else "")),
        tag("td", _kind(schema)),
        tag("td", schema.get("description", "")),
    )


def _body(operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the JSON body, found behind its reference."""
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    for one in (schema, *schema.get("anyOf", [])):
        if "$ref" in one:
            found: dict[str, Any] = schemas.get(one["$ref"].rpartition("/")[2], {})
            return found
    return {}


def _kind(schema: dict[str, Any]) -> str:
    kinds = [_kind(one) for one in schema.get("anyOf", []) if one.get("type") != "null"]
    kinds = kinds or [str(schema.get("format") or schema.get("type", "any"))]
    of = [f"of {_kind(schema['items'])}"] if "items" in schema else []
    bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
    default = [f"default {schema['default']!r}"] if schema.get("default") not in (None, "") else []
    return ", ".join([" or ".join(kinds), *of, *bounds, *default])
