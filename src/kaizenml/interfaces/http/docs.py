"""What the API offers, as OpenAPI and as a page that needs no script and no network."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse

from kaizenml.interfaces.http.access import Permission
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import Routes
from kaizenml.interfaces.web.html import Html, joined, page, tag

_HEAD = (
    'Errors are JSON: {"error": {"code", "message", "hint", "details"}}. '
    "With a token, send the header `Authorization: Bearer TOKEN`."
)


def add_docs(routes: Routes, app: FastAPI) -> None:
    """Add the routes."""
    docs = Docs(app)
    routes.get("/openapi.json", docs.openapi, permission=Permission.VIEW, include_in_schema=False)
    routes.get("/docs", docs.page, permission=Permission.VIEW, include_in_schema=False)


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
        _parameters(operation.get("parameters", [])),
        _body(operation.get("requestBody"), schemas),
        class_="route",
    )


def _parameters(parameters: list[dict[str, Any]]) -> Html:
    if not parameters:
        return Html()
    rows = (
        tag(
            "tr",
            tag("td", tag("code", one["name"])),
            tag("td", f"in {one['in']}" + (", required" if one.get("required") else "")),
            tag("td", _kind(one.get("schema", {}))),
            tag("td", one.get("description", "")),
        )
        for one in parameters
    )
    return tag("div", tag("table", joined(*rows)), class_="scroll")


def _body(body: dict[str, Any] | None, schemas: dict[str, Any]) -> Html:
    if body is None:
        return Html()
    schema = body["content"].get("application/json", {}).get("schema", {})
    return tag("pre", json.dumps(_resolved(schema, schemas), indent=2, ensure_ascii=False))


def _resolved(schema: Any, schemas: dict[str, Any]) -> Any:
    """Return a schema with its references replaced by what they mean."""
    if isinstance(schema, list):
        return [_resolved(one, schemas) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(schemas.get(schema["$ref"].rpartition("/")[2], {}), schemas)
    return {
        key: _resolved(value, schemas) for key, value in schema.items() if key != "title" or isinstance(value, dict)
    }


def _kind(schema: dict[str, Any]) -> str:
    kinds = [_kind(one) for one in schema.get("anyOf", [])] or [str(schema.get("type", "any"))]
    bounds = [f"{word} {schema[key]}" for key, word in (("minimum", "≥"), ("maximum", "≤")) if key in schema]
    default = [f"default {schema['default']}"] if schema.get("default") is not None else []
    return ", ".join([" or ".join(kind for kind in kinds if kind != "null"), *bounds, *default])
