"""Roles in one project: what they open there, and that of other projects nothing is even said, over real HTTP."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from control_house import NOW, House, filled_house
from fastapi.routing import APIRoute

from kaizenml.core.account import GRANTS, Permission, Role
from kaizenml.core.alert import fingerprint
from kaizenml.core.declaration import Declaration, Delivery
from kaizenml.core.digest import Digest, digest_of
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.event import Draft, Kind
from kaizenml.core.job import Job, Work
from kaizenml.core.model import ModelVersion
from kaizenml.core.prediction import Answered
from kaizenml.core.run import Code, RunState
from kaizenml.core.signature import Signature
from kaizenml.interfaces.http.app import create_app
from kaizenml.interfaces.http.routes import permission_of
from kaizenml.interfaces.http.server import serve_control_plane
from kaizenml.loop import accounts
from kaizenml.loop.collecting import frames_of, predictions_of
from kaizenml.loop.service import LoopService
from kaizenml.loop.wiring import open_house, read_settings
from kaizenml.training.journal import Started, Words, framed

#: Routes that are about no project: a role in one does not open them.
OF_ALL = {"/api/v1/loop", "/api/v1/tokens", "/api/v1/tokens/{id}/revoke", "/api/v1/events/verify", "/api/v1/clock",
          "/api/v1/users", "/api/v1/users/{user}/shut-out", "/api/v1/users/{user}/let-in",
          "/api/v1/users/{user}/sign-out", "/api/v1/users/{user}/forget",
          "/metrics"}  # fmt: skip
#: Routes for everybody who has the permission somewhere, which show or take what is of the caller's projects.
OF_ANY = {"/", "/docs", "/openapi.json", "/api/v1/me", "/api/v1/projects", "/api/v1/models",
          "/api/v1/releases", "/api/v1/endpoints", "/api/v1/alerts", "/api/v1/events", "/api/v1/jobs", "/api/v1/inbox",
          "/api/v1/runs", "/api/v1/blobs", "/api/v1/blobs/joined", "/api/v1/blobs/{digest}",
          "/api/v1/runs/compare", "/api/v1/runs/{id}/journal"}  # fmt: skip
SEEN = {"viewer": "flights:viewer", "developer": "flights:developer", "labeller": "flights:labeller",
        "approver": "flights:approver", "operator": "flights:operator", "admin": "flights:admin"}  # fmt: skip
ALERTS = {name: fingerprint(name, "drift", "dep_delay") for name in ("flights", "taxis", "nothing")}


@pytest.fixture(scope="module")
def house() -> House:
    """Two projects with one of everything each."""
    house = filled_house()
    with house.records.writing() as books:
        books.declarations.save(Declaration("taxis", "/home/eve/secret", "fare", "id", "at", (), Delivery(), ()))
        run = books.runs.get("run-3")
        books.runs.save(replace(run, state=RunState.RUNNING, finished_at=None, id="run-taxis", project="taxis",
                                name="night"))  # fmt: skip
        release = books.releases.get("flights/3")
        books.releases.add(replace(release, project="taxis", run="run-taxis"))
        signature = Signature(release_task(books), "fare", (), ())
        books.models.add(ModelVersion("taxis", 1, "taxis", "run-taxis", "taxis@1", digest_of(9), signature, {}, NOW, 1))
        books.endpoints.save(Endpoint("taxis", "taxis", "taxis/3", "", "", 1, NOW, NOW, NOW), seen=0)
        alert = books.alerts.unresolved()[0]
        books.alerts.save(replace(alert, id=ALERTS["taxis"], endpoint="taxis"))
        books.jobs.enqueue(Job("job-taxis", "key-taxis", "taxis", Work.WATCH, {}, NOW, cause=1))
        facts = {"runs": ["run-3", "run-taxis"]}
        books.jobs.enqueue(Job("job-both", "key-both", "flights", Work.COMPARE, facts, NOW, cause=1))
        books.events.append(Draft("taxis", "person:eve", Kind.PROJECT_CREATED, "project:taxis"), NOW)
    return house


def is_of_all(route: APIRoute) -> bool:
    begins = ("/api/v1/subscriptions", "/api/v1/letters")
    return route.path in OF_ALL or route.path.startswith(begins)


def release_task(books: Any) -> Any:
    return books.models.get("flights:2").signature.task


@pytest.fixture(scope="module")
def url(house: House) -> Iterator[str]:
    with serve_control_plane(house, host="127.0.0.1", port=0, stop=threading.Event()) as address:
        yield address


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        yield client


def token(house: House | LoopService, *roles: str) -> dict[str, str]:
    with house.records.writing() as books:
        text, _ = accounts.issue(books, "zoe", roles, by="person:root", now=house.now())
    return {"Authorization": f"Bearer {text}"}


def path_of(route: APIRoute, project: str) -> str:
    """Return the route's path with the things of a project in it."""
    run = {"flights": "run-3"}.get(project, f"run-{project}")
    things = {"number": "3", "id": run, "job": {"flights": "job-1"}.get(project, f"job-{project}"),
              "digest": "0" * 64, "row": "1", "snapshot": "3"}  # fmt: skip
    if "alerts" in route.path:
        things["id"] = ALERTS[project]
    if "cancel" in route.path:
        things["id"] = things["job"]
    path = re.sub(r"{(\w+)(:path)?}", lambda found: things.get(found[1], project), route.path)
    return path + {
        "/api/v1/lineage": f"?node=run:{run}",
        "/api/v1/lineage/predictions": f"?node=run:{run}",
        "/api/v1/snapshots": f"?project={project}",
    }.get(path, "")


def said(client: httpx.Client, route: APIRoute, project: str, headers: dict[str, str]) -> tuple[int, str]:
    (method,) = route.methods
    sent = {"json": {}} if method == "POST" else {}
    answer = client.request(method, path_of(route, project), headers=headers, **sent)
    return answer.status_code, re.sub(rf"{project}|{ALERTS[project]}", "…", answer.text)


def test_every_route_opens_in_the_own_project_by_its_role_and_in_no_other(house: House, client: httpx.Client) -> None:
    """Every route by every role in one project, for a thing there, of another project, and of none that there is."""
    wrong, routes = {}, [each for each in create_app(house).routes if isinstance(each, APIRoute)]
    told = {role: token(house, said_as) for role, said_as in SEEN.items()}
    for route in routes:
        wanted = permission_of(route)
        for role, headers in told.items():
            may = wanted in GRANTS[Role(role)]
            own, other, absent = (said(client, route, each, headers) for each in ("flights", "taxis", "nothing"))
            is_shut = is_of_all(route) and wanted is not Permission.PUBLIC
            if (own[0] == 403) != (is_shut or not may):
                wrong[f"{route.path} {role} own"] = own
            if route.path in OF_ANY or wanted is Permission.PUBLIC:
                continue
            if other[0] not in (403, 404) or other != absent:
                wrong[f"{route.path} {role} other"] = other, absent
    assert wrong == {}
    assert len(routes) > 60
    assert {each.path for each in routes} >= OF_ALL | OF_ANY


def test_lists_show_what_is_of_the_callers_project(house: House, client: httpx.Client) -> None:
    mine, all_ = token(house, "flights:viewer"), token(house, "viewer")
    for name in ("projects", "models", "releases", "endpoints", "alerts", "events", "jobs", "inbox", "runs"):
        seen, known = (client.get(f"/api/v1/{name}", headers=each).json()[name] for each in (mine, all_))
        assert seen, name
        assert "taxis" not in str(seen), name
        assert "taxis" in str(known), name
    page = client.get("/", headers=mine).text
    assert "flights" in page
    assert "taxis" not in page


def test_a_list_is_cut_after_what_is_not_seen_was_left_out(house: House, client: httpx.Client) -> None:
    mine = token(house, "taxis:viewer")
    events = client.get("/api/v1/events?limit=1", headers=mine).json()["events"]
    assert [each["project"] for each in events] == ["taxis"]
    jobs = client.get("/api/v1/jobs?limit=1", headers=mine).json()["jobs"]
    assert [each["id"] for each in jobs] == ["job-taxis"]
    runs = client.get("/api/v1/runs?limit=1", headers=mine).json()["runs"]
    assert [each["project"] for each in runs] == ["taxis"]


def test_a_question_about_runs_reaches_no_other_project(house: House, client: httpx.Client) -> None:
    mine = token(house, "flights:viewer")
    for question in ("project = 'taxis'", "project = 'taxis' or project = 'flights'", "not project = 'flights'"):
        runs = client.get("/api/v1/runs", params={"q": question}, headers=mine).json()["runs"]
        assert {each["project"] for each in runs} <= {"flights"}, question


def test_what_is_of_two_projects_needs_a_role_in_both(house: House, client: httpx.Client) -> None:
    one, both = token(house, "flights:developer"), token(house, "flights:developer", "taxis:developer")
    compared = {"runs": ["run-3", "night"]}
    assert client.post("/api/v1/runs/compare", json=compared, headers=one).status_code == 404
    assert client.post("/api/v1/runs/compare", json=compared, headers=both).status_code == 202
    assert client.get("/api/v1/jobs/job-both/found", headers=one).status_code == 404
    assert client.get("/api/v1/jobs/job-both/found", headers=both).status_code == 200


def test_who_sees_everything_and_runs_in_one_project_is_told_why_not_elsewhere(
    house: House, client: httpx.Client
) -> None:
    mixed = token(house, "viewer", "flights:developer")
    refused = client.post("/api/v1/runs/run-taxis/rerun", headers=mixed)
    assert refused.status_code == 403
    assert refused.json()["error"]["message"] == "This needs the permission to run in taxis."
    assert client.post("/api/v1/runs/run-3/rerun", headers=mixed).status_code == 202
    refused = client.post("/api/v1/runs/compare", json={"runs": ["run-3", "night"]}, headers=mixed)
    assert refused.status_code == 403


def test_a_model_is_registered_in_the_callers_project(house: House, client: httpx.Client) -> None:
    mine, both = token(house, "flights:developer"), token(house, "flights:developer", "taxis:developer")
    viewer, all_ = token(house, "flights:viewer", "taxis:developer"), token(house, "developer")

    def made(headers: dict[str, str], name: str, **more: str) -> tuple[int, str]:
        answer = client.post("/api/v1/models", json={"name": name, **more}, headers=headers)
        return answer.status_code, answer.json().get("project", answer.json().get("error", {}).get("message"))

    assert made(mine, "late") == (201, "flights")
    assert made(mine, "theirs", project="taxis") == (403, "This needs the permission to run in taxis.")
    assert made(both, "whose")[0] == 403
    assert made(both, "whose", project="taxis") == (201, "taxis")
    assert made(viewer, "cabs") == (201, "taxis")
    assert made(viewer, "seen", project="flights")[0] == 403
    assert made(all_, "anyone's") == (201, "")
    assert made(all_, "told", project="flights") == (201, "flights")
    assert client.get("/api/v1/models/whose", headers=mine).status_code == 404
    assert client.patch("/api/v1/models/late", json={"description": "x"}, headers=mine).status_code == 200


def test_names_of_other_projects_runs_are_not_offered_for_a_misspelt_one(house: House, client: httpx.Client) -> None:
    mine = token(house, "flights:developer")
    for word in ("run-taxi", "run-", "nigt"):
        text = client.post(f"/api/v1/runs/{word}/rerun", headers=mine).text
        assert "run-taxis" not in text
        assert "night" not in text


def test_lineage_ends_where_another_project_begins(house: House, tmp_path: Path) -> None:
    service = LoopService(open_house(read_settings(tmp_path)))
    with house.records.reading() as known, service.records.writing() as books:
        books.runs.save(known.runs.get("run-taxis"))
        books.runs.save(replace(known.runs.get("run-3"), id="run-child", parent="run-taxis", name="child"))
        for project in ("flights", "taxis"):
            books.releases.add(replace(known.releases.get("flights/3"), project=project, model_version="",
                                       run="run-child" if project == "flights" else "run-taxis"))  # fmt: skip
            books.endpoints.save(Endpoint(project, project, f"{project}/3", "", "", 1, NOW, NOW, NOW), seen=0)
    for project in ("flights", "taxis"):
        line = Answered(NOW, NOW, project, f"{project}/3", "answer", (f"{project}-row",), ({},), (1,), (), 0.1)
        rows = frames_of([line])[0][1]
        service.house.tables.append(predictions_of(project), rows, key="a")
    with (
        serve_control_plane(service, host="127.0.0.1", port=0, stop=threading.Event()) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):

        def answered(headers: dict[str, str], path: str) -> Any:
            return client.get(f"/api/v1/lineage{path}", headers=headers).json()

        mine, all_ = token(service, "flights:viewer"), token(service, "viewer")
        seen, known_of = (answered(each, "?node=run:run-child") for each in (mine, all_))
        assert "run:run-taxis" in str(known_of)
        assert "taxis" not in str(seen)
        assert seen["start"] == "run:run-child"
        assert [each["endpoint"] for each in seen["predictions"]] == ["flights"]
        wide = answered(all_, "/predictions?node=run:run-taxis")["predictions"]
        assert sorted(each["id"] for each in wide) == ["flights-row", "taxis-row"]
        assert "taxis" not in str(answered(mine, "/predictions?node=run:run-child"))
        assert answered(mine, "?node=prediction:flights/flights-row")["start"] == "prediction:flights/flights-row"
        for node in ("prediction:taxis/taxis-row", "taxis-row", "run:run-taxis"):
            assert answered(mine, f"?node={node}")["error"]["code"] == "not_found"
            assert answered(mine, f"/predictions?node={node}")["error"]["code"] == "not_found"


def test_a_journal_begins_and_continues_runs_in_the_callers_projects_only(house: House, tmp_path: Path) -> None:
    service = LoopService(open_house(read_settings(tmp_path)))
    with house.records.reading() as books:
        run = replace(books.runs.get("run-taxis"), code=Code(Digest("")))
    begun = {id_: framed(Started(replace(run, id=id_, project=project)))
             for id_, project in (("mine", "flights"), ("new", "taxis"), ("theirs", "taxis"))}  # fmt: skip
    more = framed(Words({"x": 1}, {}))
    with (
        serve_control_plane(service, host="127.0.0.1", port=0, stop=threading.Event()) as url,
        httpx.Client(base_url=f"{url}/api/v1/runs", trust_env=False, timeout=30) as client,
    ):

        def sent(id_: str, content: bytes, headers: dict[str, str], start: int = 0) -> int:
            return client.post(f"{id_}/journal?start={start}", content=content, headers=headers).status_code

        ours, mine = token(service, "developer"), token(service, "flights:developer")
        assert sent("theirs", begun["theirs"], ours) == 200
        assert sent("mine", begun["mine"], mine) == 200
        assert sent("mine", more, mine, len(begun["mine"])) == 200
        assert sent("new", begun["new"], mine) == 404
        assert sent("theirs", more, mine, len(begun["theirs"])) == 404
        assert sent("theirs", begun["theirs"] + more, mine) == 404
        assert sent("mine", more, token(service, "flights:viewer"), len(begun["mine"])) == 403
    with service.records.reading() as books:
        assert books.runs.find("new") is None
        assert books.runs.get("theirs").parameters == run.parameters
        assert books.runs.get("mine").parameters == {**run.parameters, "x": 1}


def test_me_says_what_one_may_in_which_project(house: House, client: httpx.Client) -> None:
    me = client.get("/api/v1/me", headers=token(house, "flights:approver", "taxis:viewer")).json()
    assert me["actor"] == "person:zoe"
    assert me["permissions"] == ["public"]
    assert me["projects"] == {"flights": ["approve", "public", "view"], "taxis": ["public", "view"]}
