"""Tokens of people and programs: what opens what, over real HTTP."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from control_house import CLIENT, TOKEN, House, filled_house
from fastapi.routing import APIRoute

from kaizenml.core.account import GRANTS, Role
from kaizenml.core.event import Kind
from kaizenml.interfaces.http.app import create_app
from kaizenml.interfaces.http.routes import permission_of
from kaizenml.interfaces.http.server import serve_control_plane
from kaizenml.loop import accounts

APPROVE = "/api/v1/releases/flights/3/approve"


@pytest.fixture
def house() -> House:
    return filled_house()


@pytest.fixture
def url(house: House) -> Iterator[str]:
    with serve_control_plane(house, host="127.0.0.1", port=0, stop=threading.Event()) as address:
        yield address


def made(house: House, name: str, *roles: str, **more: Any) -> tuple[str, str]:
    with house.records.writing() as books:
        text, token = accounts.issue(books, name, roles, by="person:root", now=house.now(), **more)
    return text, token.id


def asked(url: str, path: str, text: str = "", **body: object) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {text}"} if text else {}
    if body:
        body = {key: value for key, value in body.items() if key != "act"}
        answer = CLIENT.post(url + path, json=body, headers=headers)
    else:
        answer = CLIENT.get(url + path, headers=headers)
    return answer.status_code, answer.json()


def test_without_any_token_a_person_alone_on_a_machine_needs_none(url: str) -> None:
    assert asked(url, "/api/v1/releases")[0] == 200


def test_from_the_first_token_on_nobody_acts_without_one(house: House, url: str) -> None:
    text, _ = made(house, "ada", "viewer")
    accounts_seen = [asked(url, "/api/v1/releases", each)[0] for each in ("", "kzn_" + "a" * 43, text)]
    assert accounts_seen == [401, 401, 200]
    assert asked(url, "/health/live")[0] == 200


def test_a_viewer_views_and_does_not_act(house: House, url: str) -> None:
    text, _ = made(house, "ada", "viewer")
    assert asked(url, "/api/v1/releases", text)[0] == 200
    status, said = asked(url, APPROVE, text, act=1)
    assert status == 403
    assert said["error"]["message"] == "This needs the permission to approve in flights."
    assert house.acts == []


def test_who_acts_is_the_owner_of_the_token(house: House, url: str) -> None:
    text, _ = made(house, "bob", "approver")
    status, said = asked(url, APPROVE, text, by="eve")
    assert status == 403
    assert said["error"]["message"] == "This is bob, who cannot act as eve."
    assert asked(url, APPROVE, text, act=1)[1]["done"]["approved_by"] == "person:bob"


def test_an_author_cannot_approve_and_neither_can_a_program(house: House, url: str) -> None:
    author, _ = made(house, "ada", "approver")
    program, _ = made(house, "ci", "approver", service=True)
    for text, why in ((author, "had a hand in"), (program, "is a program")):
        status, said = asked(url, APPROVE, text, act=1)
        assert status == 409
        assert why in said["error"]["message"]


def test_a_role_in_one_project_opens_that_project_only(house: House, url: str) -> None:
    text, _ = made(house, "ada", "flights:viewer", "flights:approver")
    assert asked(url, "/api/v1/releases/flights/3", text)[0] == 200
    assert asked(url, "/api/v1/releases?project=flights", text)[0] == 200
    for path in ("/api/v1/releases/taxis/3", "/api/v1/releases?project=taxis", "/api/v1/loop", "/api/v1/tokens",
                 "/metrics"):  # fmt: skip
        assert asked(url, path, text)[0] == 403, path


def test_a_lapsed_or_revoked_token_opens_nothing(house: House, url: str) -> None:
    text, id_ = made(house, "ada", "viewer")
    with house.records.writing() as books:
        lapsed, _ = accounts.issue(books, "bob", ["viewer"], by="person:root", now=house.now() - timedelta(days=91))
    assert asked(url, "/api/v1/releases", lapsed)[0] == 401
    assert asked(url, "/api/v1/releases", text)[0] == 200
    root, _ = made(house, "root", "admin")
    assert asked(url, f"/api/v1/tokens/{id_}/revoke", root, act=1)[0] == 200
    limit = time.monotonic() + 30
    while asked(url, "/api/v1/releases", text)[0] != 401:
        assert time.monotonic() < limit, "a token that was revoked still opens"
        time.sleep(0.1)
    assert asked(url, f"/api/v1/tokens/{id_}/revoke", root, act=1)[0] == 409


def test_an_admin_makes_a_token_whose_text_is_shown_once_and_kept_nowhere(house: House, url: str) -> None:
    root, _ = made(house, "root", "admin")
    status, done = asked(url, "/api/v1/tokens", root, name="ci", roles=["developer"], service=True, expires="never")
    assert status == 201
    assert asked(url, "/api/v1/me", done["text"])[1]["actor"] == "service:ci"
    status, listed = asked(url, "/api/v1/tokens", root)
    assert {each["name"] for each in listed["tokens"]} == {"ci", "root"}
    with house.records.reading() as books:
        events = books.events.find(Kind.TOKEN_ISSUED)
        kept = str([listed, [each.facts for each in events], books.notes.all("token")])
    assert events[-1].actor == "person:root"
    assert done["text"] not in kept
    assert root not in kept


def test_only_an_admin_makes_tokens(house: House, url: str) -> None:
    for role in ("viewer", "labeller", "developer", "approver", "operator", "flights:admin"):
        text, _ = made(house, "ada", role)
        assert asked(url, "/api/v1/tokens", text, name="eve", roles=["admin"])[0] == 403


@pytest.mark.parametrize(
    "wrong", [{"name": "a b"}, {"roles": ["king"]}, {"roles": []}, {"expires": "soon"}, {"token": "x"}]
)
def test_a_token_that_makes_no_sense_is_not_made(house: House, url: str, wrong: dict[str, object]) -> None:
    root, _ = made(house, "root", "admin")
    status, said = asked(url, "/api/v1/tokens", root, **{"name": "ada", "roles": ["viewer"], **wrong})
    assert 400 <= status < 500, said
    with house.records.reading() as books:
        assert len(accounts.tokens(books)) == 1


def test_when_a_token_was_last_used_is_known(house: House, url: str) -> None:
    text, _ = made(house, "ada", "viewer")
    asked(url, "/api/v1/releases", text)
    with house.records.reading() as books:
        assert accounts.tokens(books)[0].used_at == house.now()


def test_the_servers_own_token_opens_everything_under_any_name(house: House) -> None:
    made(house, "ada", "viewer")
    with serve_control_plane(house, host="127.0.0.1", port=0, token=TOKEN, stop=threading.Event()) as url:
        assert asked(url, APPROVE, TOKEN, by="eve")[1]["done"]["approved_by"] == "person:eve"


def test_every_route_opens_to_just_the_roles_that_have_its_permission(house: House, url: str) -> None:
    """Every route by every role: 403 where the role lacks what the route asks for, and nowhere else."""
    texts = {role: made(house, "zoe", role)[0] for role in Role}
    told, routes = {}, create_app(house).routes
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        for route in routes:
            wanted = permission_of(route)
            assert isinstance(route, APIRoute)
            assert wanted is not None
            path = re.sub(r"{(\w+)}", lambda found: "3" if found[1] == "number" else "flights", route.path)
            for role, text in texts.items():
                (method,) = route.methods
                sent = {"json": {}} if method == "POST" else {}
                answer = client.request(method, path, headers={"Authorization": f"Bearer {text}"}, **sent)
                if (answer.status_code == 403) != (wanted not in GRANTS[role]):
                    told[f"{method} {path} by {role}"] = answer.status_code
    assert told == {}
    assert len(routes) > 60


def test_a_token_with_scopes_opens_these_alone_of_what_its_roles_grant(house: House, url: str) -> None:
    root, _ = made(house, "root", "admin")
    said = {"name": "zoe", "roles": ["admin"], "scopes": ["view", "approve"], "expires": "1h"}
    status, done = asked(url, "/api/v1/tokens", root, **said)

    assert (status, sorted(done["token"]["scopes"])) == (201, ["approve", "view"])
    assert asked(url, "/api/v1/releases", done["text"])[0] == 200
    assert asked(url, "/api/v1/tokens", done["text"])[0] == 403
    assert asked(url, "/api/v1/projects/flights/run", done["text"], act=1)[0] == 403
    assert asked(url, APPROVE, done["text"], act=1)[0] == 200
    (known,) = [each for each in asked(url, "/api/v1/tokens", root)[1]["tokens"] if each["name"] == "zoe"]
    assert known["expires_at"] is not None
    assert known["used_at"] is not None
    assert asked(url, "/api/v1/tokens", root, name="eve", roles=["viewer"], scopes=["vieww"])[0] == 404
