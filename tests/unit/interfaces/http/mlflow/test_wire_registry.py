"""The registry over the wire: guarded, and unharmed by whatever is sent to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kaizenml.core.event import Kind

if TYPE_CHECKING:
    from conftest import Wire

RM, MV = "registered-models", "model-versions"


def registered(wire: Wire, *, versions: int = 1) -> str:
    run = wire.run()
    wire.post(f"{RM}/create", name="churn").raise_for_status()
    for _ in range(versions):
        wire.post(f"{MV}/create", name="churn", source=f"runs:/{run}/m", run_id=run).raise_for_status()
    return run


def own(wire: Wire, method: str, path: str, **body: Any) -> Any:
    answer = wire.client.request(method, f"/api/v1/models{path}", json=body or None)
    return answer.json() | {"status": answer.status_code}


def test_a_plain_client_moves_a_protected_alias_only_with_an_approval(wire: Wire) -> None:
    registered(wire)
    alias = {"name": "churn", "alias": "champion", "version": "1"}

    refused = wire.post(f"{RM}/alias", **alias)
    staged = wire.post(f"{MV}/transition-stage", name="churn", version="1", stage="Production")
    approved = own(wire, "POST", "/churn/aliases/champion/approve", version=1, by="bob")
    moved = wire.post(f"{RM}/alias", **alias)
    deleted = wire.client.request("DELETE", f"/api/2.0/mlflow/{MV}/delete", json={"name": "churn", "version": "1"})

    assert [(each.status_code, each.json()["error_code"]) for each in (refused, staged, deleted)] == [
        (403, "PERMISSION_DENIED")
    ] * 3
    assert (approved["given"], approved["needed"], moved.status_code) == (1, 1, 200)
    with wire.house.records.reading() as books:
        event = books.events.find(Kind.ALIAS_MOVED)[-1]
        assert event.cause == books.events.find(Kind.APPROVAL_GRANTED)[-1].id
    assert own(wire, "GET", "/churn")["aliases"] == {"champion": 1}


def test_whatever_a_protected_move_is_asked_for_by_it_waits_in_the_inbox(wire: Wire) -> None:
    registered(wire, versions=2)

    def asked() -> list[str]:
        return [each["then"] for each in wire.client.get("/api/v1/inbox").json()["inbox"]]

    assert own(wire, "PUT", "/churn/aliases/champion", version=1)["status"] == 403
    assert asked() == ["kaizen models approve churn:1 --alias champion"]
    assert wire.post(f"{RM}/alias", name="churn", alias="champion", version="2").status_code == 403
    assert asked() == ["kaizen models approve churn:2 --alias champion"]
    staged = wire.post(f"{MV}/transition-stage", name="churn", version="1", stage="Production")
    assert staged.status_code == 403
    assert "kaizen models approve churn:1 --alias Production" in asked()
    with wire.house.records.reading() as books:
        assert len(books.events.find(Kind.APPROVAL_REQUESTED)) == 3


def test_our_own_routes_and_mlflows_are_of_one_registry(wire: Wire) -> None:
    run = registered(wire)
    made = own(wire, "POST", "/churn/versions", run=run, description="again", tags={"k": "v"})
    changed = own(wire, "PATCH", "/churn/versions/2", tags={"k": None, "z": "1"})
    moved = own(wire, "PUT", "/churn/aliases/best", version=2, seen=0)
    late = own(wire, "PUT", "/churn/aliases/best", version=1, seen=1)

    told = wire.get(f"{RM}/alias", name="churn", alias="best").json()["model_version"]
    card = wire.client.get("/api/v1/models/churn/versions/2/card")
    assert card.headers["content-type"] == "text/markdown; charset=utf-8"
    assert "# churn:2\n\nagain\n" in card.text
    assert "aliases: best" in card.text
    assert wire.client.get("/api/v1/models/churn/versions/9/card").status_code == 404
    assert (made["status"], made["name"], changed["tags"]) == (201, "churn:2", {"z": "1"})
    assert (moved["aliases"], late["status"]) == ({"best": 2}, 409)
    assert (told["version"], told["description"], told["tags"]) == ("2", "again", [{"key": "z", "value": "1"}])
    assert own(wire, "POST", "/churn/rename", to="left")["name"] == "left"
    assert own(wire, "DELETE", "/left/aliases/best")["aliases"] == {}
    assert own(wire, "DELETE", "/left/versions/2")["deleted"] == "left:2"
    assert own(wire, "DELETE", "/left")["deleted"] == "left"
    assert own(wire, "GET", "/left")["status"] == 404
    assert own(wire, "POST", "", name="left", tags={"a": "b"})["last_number"] == 2
    assert own(wire, "POST", "", name="a/b")["status"] == 400


NAMES = ["a/b", "a\nb", "../x", "..", "", " ", "x" * 300, "\0", 7, None, ["a"], {"a": 1}, True]


NAMED: list[tuple[str, str, dict[str, str]]] = [
    ("POST", f"{RM}/create", {}), ("POST", f"{MV}/create", {"source": "s3://b/x"}), ("DELETE", f"{RM}/delete", {}),
    ("POST", f"{RM}/alias", {"alias": "a", "version": "1"}), ("PATCH", f"{RM}/update", {"description": "x"}),
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name)[:12])
def test_names_that_are_none_are_refused_in_the_clients_words(wire: Wire, name: object) -> None:
    for method, path, more in NAMED:
        answer = wire.client.request(method, f"/api/2.0/mlflow/{path}", json={"name": name, **more})
        assert answer.status_code in (400, 404), (path, answer.text)
        assert answer.json()["error_code"] in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")

    assert wire.get(f"{RM}/search").json() == {}


def test_ten_megabytes_of_a_tag_are_refused_and_nothing_is_kept(wire: Wire) -> None:
    registered(wire)
    huge = "v" * 10_000_000

    for path, more in ((f"{RM}/set-tag", {}), (f"{MV}/set-tag", {"version": "1"})):
        answer = wire.post(path, name="churn", key="k", value=huge, **more)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    created = wire.post(f"{RM}/create", name="big", tags=[{"key": "k", "value": huge}])

    assert created.status_code == 400
    assert "tags" not in wire.get(f"{RM}/get", name="churn").json()["registered_model"]
    assert wire.get(f"{RM}/get", name="big").status_code == 404


FILTERS = [
    "name = 'x'; DROP TABLE registered_models", "name = 'x' OR 1=1", "' OR '1'='1", "name = 'a'' OR ''1'' = ''1'",
    "name IN (SELECT name FROM registered_models)", "name = (SELECT 1)", "tags.`a` = 'b' UNION SELECT 1", "\0", "((((",
    "(" * 1000 + "name = 'x'" + ")" * 1000, " AND ".join(["name = 'x'"] * 1000), "name = '" + "x" * 200_000 + "'",
    "tags." + "a." * 1000 + "b = 'x'",
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(FILTERS)))
def test_sql_and_depth_in_a_filter_do_nothing(wire: Wire, number: int) -> None:
    registered(wire)

    for path in (f"{RM}/search", f"{MV}/search"):
        answer = wire.client.get(f"/api/2.0/mlflow/{path}", params={"filter": FILTERS[number][:60_000]})
        assert answer.status_code == 400 or answer.json() == {}, answer.text[:300]
    assert len(wire.get(f"{RM}/search").json()["registered_models"]) == 1


def test_unknown_fields_are_ignored_and_a_body_that_is_none_is_an_empty_one(wire: Wire) -> None:
    registered(wire)

    known = wire.post(f"{RM}/set-tag", name="churn", key="k", value="v", colour=1, caller={"actor": "person:root"})
    broken = wire.client.post(
        f"/api/2.0/mlflow/{RM}/create", content=b"[1,", headers={"content-type": "application/json"}
    )
    deep = wire.client.post(
        f"/api/2.0/mlflow/{RM}/create",
        content=json.dumps({"name": "x"})[:-1].encode() + b',"tags":' + b"[" * 1000 + b"]" * 1000 + b"}",
        headers={"content-type": "application/json"},
    )

    assert known.status_code == 200
    assert (broken.status_code, deep.status_code) == (400, 400)
    assert wire.get(f"{RM}/get", name="x").status_code == 404
