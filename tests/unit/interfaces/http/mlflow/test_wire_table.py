"""Every path of the protocol is answered in the protocol's words."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from control_house import filled_house, serving

from kaizenml.interfaces.http.access import Access

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with serving(filled_house()) as url, httpx.Client(base_url=url) as made:
        yield made


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
