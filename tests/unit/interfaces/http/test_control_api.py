"""What the control plane shows and does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from control_house import CLIENT, NOW, TOKEN, House, filled_house, serving

from kaizenml.core.account import Permission
from kaizenml.errors import SettingError
from kaizenml.interfaces.http.access import Access
from kaizenml.interfaces.http.app import create_app
from kaizenml.interfaces.http.routes import check_routes


@pytest.fixture(scope="module")
def house() -> House:
    return filled_house()


@pytest.fixture(scope="module")
def url(house: House) -> Iterator[str]:
    with serving(house) as address:
        yield address


def shown(url: str, path: str) -> Any:
    answer = CLIENT.get(f"{url}/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("projects", 1),
        ("runs", 1),
        ("runs?project=taxis", 0),
        ("models", 1),
        ("models?model=taxis", 0),
        ("releases?limit=2", 2),
        ("releases", 3),
        ("endpoints", 1),
        ("alerts", 1),
        ("events", 10),
        ("events?after=8", 2),
        ("events?limit=3", 3),
        ("jobs", 1),
        ("snapshots?project=flights", 1),
    ],
)
def test_lists_show_what_the_books_hold(url: str, path: str, count: int) -> None:
    noun = path.partition("?")[0]

    assert len(shown(url, path)[noun]) == count


def test_a_project_shows_what_is_newest_of_it(url: str) -> None:
    project = shown(url, "projects")["projects"][0]

    assert project["champion"] == "flights/2"
    assert project["release"]["name"] == "flights/3"
    assert project["run"]["id"] == "run-3"
    assert "folder" not in project


def test_a_run_shows_all_of_itself_and_nan_as_null(url: str) -> None:
    run = shown(url, "runs/run-3")

    assert run["environment"]["packages"] == {"polars": "2.1.0"}
    assert run["metrics"]["nan"]["value"] is None


def test_a_release_shows_its_verdict(url: str) -> None:
    release = shown(url, "releases/flights/2")

    assert (release["name"], release["state"]) == ("flights/2", "live")
    assert len(release["verdict"]["checks"]) == 2


def test_an_endpoint_shows_rollouts_windows_and_alerts(url: str) -> None:
    endpoint = shown(url, "endpoints/flights")

    assert endpoint["rollouts"][0]["share"] == 0.25
    assert [window["rows"] for window in endpoint["windows"]] == [900] * 20
    assert endpoint["alerts"][0]["is_open"]


def test_the_loop_and_the_chain_are_shown(url: str) -> None:
    assert shown(url, "loop") == {"controller": "running", "workers": 1}
    assert CLIENT.post(f"{url}/api/v1/events/verify").json() == {"events": 10, "is_intact": True}


@pytest.mark.parametrize("path", ["runs/run-4", "releases/flights/9", "endpoints/flight"])
def test_what_is_not_there_gets_an_offer(url: str, path: str) -> None:
    answer = CLIENT.get(f"{url}/api/v1/{path}")

    assert answer.status_code == 404
    assert "Did you mean" in answer.json()["error"]["hint"]


def test_a_snapshots_list_needs_its_project(url: str) -> None:
    error = CLIENT.get(f"{url}/api/v1/snapshots").json()["error"]

    assert error["code"] == "invalid"
    assert error["details"]["problems"] == [{"where": "query.project", "problem": "Field required"}]


def test_the_author_is_refused_and_another_approves() -> None:
    with serving(filled_house()) as url:
        path = f"{url}/api/v1/releases/flights/3/approve"
        refused = CLIENT.post(path, json={"by": "ada"})
        granted = CLIENT.post(path, json={"by": "eve"})
        again = CLIENT.post(path, json={"by": "eve"})

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "approval")
    assert granted.json()["done"]["approved_by"] == "person:eve"
    assert (again.status_code, again.json()["error"]["code"]) == (409, "state")


def test_acts_reach_the_loop_as_they_were_asked_for() -> None:
    house = filled_house()
    with serving(house) as url:
        release = f"{url}/api/v1/releases/flights/3"
        asked = [
            CLIENT.post(f"{release}/ship", json={"canary": [5, 100], "shadow": True, "by": "ada"}),
            CLIENT.post(f"{release}/ship"),
            CLIENT.post(f"{release}/decline", json={"because": "too slow"}),
            CLIENT.post(f"{url}/api/v1/endpoints/flights/rollback"),
            CLIENT.post(f"{url}/api/v1/projects/flights/run", json={"reason": "curious"}),
            CLIENT.post(f"{url}/api/v1/alerts/abc/acknowledge", json={"by": "eve"}),
            CLIENT.post(f"{url}/api/v1/clock", json={"to": "2026-03-01T13:00:00+01:00"}),
        ]

    assert [answer.status_code for answer in asked] == [200, 200, 200, 200, 202, 200, 200]
    assert house.acts == [
        ("ship", "flights/3", (5, 100), True, "person:ada"),
        ("ship", "flights/3", None, False, "person:local"),
        ("decline", "flights/3", "person:local", "too slow"),
        ("rollback", "flights", "person:local"),
        ("trigger", "flights", "person:local", "curious"),
        ("acknowledge", "abc", "person:eve"),
        ("clock", NOW, "person:local"),
    ]


def test_metrics_are_prometheus_text(url: str) -> None:
    answer = CLIENT.get(f"{url}/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert "kaizen_events_total 10" in lines
    assert 'kaizen_jobs{state="queued"} 1' in lines
    assert 'kaizen_alerts_firing{endpoint="flights"} 1' in lines
    assert 'kaizen_champion_info{endpoint="flights",release="flights/2"} 1' in lines
    assert 'kaizen_model_age_seconds{endpoint="flights"} 259200' in lines


def test_the_documentation_lists_every_route_with_its_permission(url: str) -> None:
    page, api = CLIENT.get(f"{url}/docs").text, CLIENT.get(f"{url}/openapi.json").json()

    for path, operations in api["paths"].items():
        assert f"<code>{path}</code>" in page
        assert all(operation["x-permission"] in set(Permission) for operation in operations.values())
    assert "http://" not in page
    assert "https://" not in page


def test_a_server_starts_only_when_every_route_says_its_permission() -> None:
    app = create_app(filled_house())
    app.add_api_route("/open", lambda: None)

    with pytest.raises(SettingError, match="/open"):
        check_routes(app)


def test_nothing_but_health_may_be_public() -> None:
    def more(routes: Any, _service: object) -> None:
        routes.get("/api/v1/secrets", lambda: None, permission=Permission.PUBLIC)

    with pytest.raises(SettingError, match="/api/v1/secrets"):
        create_app(filled_house(), more=[more])


def test_further_parts_add_routes_of_their_own() -> None:
    def more(routes: Any, _service: object) -> None:
        routes.get("/api/2.0/hello", lambda: {"hello": "world"}, permission=Permission.VIEW)

    with serving(filled_house(), Access(token=TOKEN), more=[more]) as url:
        assert CLIENT.get(f"{url}/api/2.0/hello").status_code == 401
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert CLIENT.get(f"{url}/api/2.0/hello", headers=headers).json() == {"hello": "world"}


def test_a_server_for_everybody_needs_a_token() -> None:
    with pytest.raises(SettingError, match="open to everybody"):
        Access(host="0.0.0.0")
    with pytest.raises(SettingError, match="16 or more"):
        Access(host="0.0.0.0", token="short")
    assert Access(host="0.0.0.0", token=TOKEN).knows_host("kaizen.example")
    assert not Access(host="0.0.0.0", token=TOKEN, names=("kaizen.example",)).knows_host("evil.example")
