"""Every path of the protocol is answered in the protocol's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from control_house import filled_house, serving

from kaizenml.interfaces.http.access import Access

if TYPE_CHECKING:
    from conftest import Wire

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with serving(filled_house()) as url, httpx.Client(base_url=url) as made:
        yield made


#: What an unmodified client calls for its work: experiments, runs, logged models, registry, artifacts.
ESSENTIAL = """
POST experiments/create
GET experiments/get
GET experiments/get-by-name
POST experiments/search
POST runs/create
GET runs/get
POST runs/update
POST runs/search
POST runs/log-metric
POST runs/log-parameter
POST runs/set-tag
POST runs/log-batch
POST runs/log-inputs
POST runs/outputs
GET metrics/get-history
POST logged-models
GET logged-models/m-1
PATCH logged-models/m-1
POST logged-models/search
PATCH logged-models/m-1/tags
POST logged-models/m-1/params
POST registered-models/create
GET registered-models/get
GET registered-models/search
POST registered-models/alias
GET registered-models/alias
DELETE registered-models/alias
POST model-versions/create
GET model-versions/get
GET model-versions/search
GET model-versions/get-download-uri
PUT -artifacts/artifacts/1/a
GET -artifacts/artifacts/1/a
GET -artifacts/artifacts
"""
#: What is called less often.
COMMON = """
POST experiments/update
POST experiments/delete
POST experiments/restore
POST experiments/set-experiment-tag
POST experiments/delete-experiment-tag
POST runs/delete
POST runs/restore
POST runs/delete-tag
DELETE logged-models/m-1
DELETE logged-models/m-1/tags/k
PATCH registered-models/update
PATCH model-versions/update
POST registered-models/rename
POST registered-models/set-tag
POST model-versions/set-tag
POST model-versions/transition-stage
POST registered-models/get-latest-versions
GET registered-models/get-latest-versions
DELETE registered-models/delete
DELETE registered-models/delete-tag
DELETE model-versions/delete
DELETE model-versions/delete-tag
POST webhooks
GET webhooks
GET webhooks/w-1
PATCH webhooks/w-1
DELETE webhooks/w-1
POST webhooks/w-1/test
DELETE -artifacts/artifacts/1/a
POST -artifacts/mpu/create/1
POST -artifacts/mpu/complete/1
POST -artifacts/mpu/abort/1
GET -artifacts/presigned/1/a
GET artifacts/list
GET /api/3.0/mlflow/server-info
GET /version
"""


def calls(listed: str) -> list[tuple[str, str]]:
    """Return method and path of each line: below the protocol's root, or below that of its files, or as it is."""
    found = []
    for line in listed.split("\n")[1:-1]:
        method, _, path = line.partition(" ")
        root = "" if path.startswith("/") else "/api/2.0/mlflow" + ("" if path.startswith("-") else "/")
        found.append((method, root + path))
    return found


def test_every_essential_and_every_common_route_is_there(wire: Wire) -> None:
    routes = {"essential": calls(ESSENTIAL), "common": calls(COMMON)}
    absent = []
    for method, path in [*routes["essential"], *routes["common"], ("GET", "/health")]:
        body = {} if method == "GET" else {"json": {}}
        answer = wire.client.request(method, path, **body)
        if "ENDPOINT_NOT_FOUND" in answer.text or answer.status_code in (405, 500):
            absent.append((method, path, answer.status_code, answer.text))

    assert {kind: len(set(each)) for kind, each in routes.items()} == {"essential": 34, "common": 36}
    assert absent == []


@pytest.mark.parametrize("root", ["/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/2.0/mlflow-artifacts"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_an_unknown_path_is_said_to_be_no_endpoint(client: httpx.Client, root: str, method: str) -> None:
    found = client.request(method, f"{root}/nothing/here", json={})

    assert found.status_code == 404
    assert found.json()["error_code"] == "ENDPOINT_NOT_FOUND"
    assert found.headers["content-type"] == "application/json"


def test_health_and_version_are_plain_text(client: httpx.Client) -> None:
    assert client.get("/health").text == "OK"
    assert client.get("/version").text == "3.17.2"


def test_the_server_tells_what_it_can_do(client: httpx.Client) -> None:
    told = client.get("/api/3.0/mlflow/server-info").json()

    assert told["store_type"] == "SqlStore"
    assert told["workspaces_enabled"] is False
    assert told["artifact_serving_enabled"] is True


def test_without_token_only_health_is_open_and_the_refusal_is_in_their_words() -> None:
    with serving(filled_house(), Access(token=TOKEN)) as url:
        assert httpx.get(f"{url}/health").text == "OK"
        refused = httpx.get(f"{url}/api/3.0/mlflow/server-info")
        assert refused.status_code == 401
        assert refused.json()["error_code"] == "UNAUTHENTICATED"
        assert "Basic" in refused.headers["www-authenticate"]
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert httpx.get(f"{url}/version", headers=bearer).status_code == 200
        assert httpx.get(f"{url}/version", auth=("anybody", TOKEN)).status_code == 200


def test_a_body_that_is_too_large_is_refused_in_their_words(client: httpx.Client) -> None:
    found = client.post("/api/2.0/mlflow/nothing", content=b"x" * 25_000_000)

    assert found.status_code == 400
    assert "larger than 24,000,000 bytes" in found.json()["message"]
