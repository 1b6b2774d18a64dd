"""Nobody gets past the token, and every route says what it asks of its caller."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from control_house import serving

from kaizenml.core.account import Permission
from kaizenml.interfaces.http.access import Access
from kaizenml.interfaces.http.guard import GRANTED
from kaizenml.interfaces.http.mlflow.dialect import mlflow_table
from kaizenml.loop.service import LoopService
from kaizenml.loop.wiring import open_house, read_settings

TOKEN = "a-token-of-some-length"


@pytest.fixture
def service(tmp_path: Path) -> LoopService:
    return LoopService(open_house(read_settings(tmp_path)))


def test_only_health_is_public_and_what_writes_asks_for_more_than_a_look(service: LoopService) -> None:
    declared = list(mlflow_table(service).declared())
    reads = [(method, path) for method, path, permission in declared if permission is Permission.VIEW]

    assert len(declared) >= 45
    assert [path for _, path, permission in declared if permission is Permission.PUBLIC] == ["/health"]
    assert [each for each in reads if each[0] in ("PUT", "PATCH", "DELETE")] == []
    posts = [path.rpartition("/")[2] for method, path in reads if method == "POST"]
    assert [each for each in posts if "search" not in each and not each.startswith("get-")] == []


def test_a_caller_who_may_only_look_writes_nothing(service: LoopService) -> None:
    table, said = mlflow_table(service), []

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}"}

    for method, path, permission in table.declared():
        if permission in (Permission.PUBLIC, Permission.VIEW):
            continue
        scope = {"type": "http", "method": method, "path": path.replace(":rest", ""), "query_string": b"",
                 "headers": [], GRANTED: frozenset({Permission.PUBLIC, Permission.VIEW})}  # fmt: skip
        asyncio.run(table(scope, receive, send))

    starts = [message["status"] for message in said if message["type"] == "http.response.start"]
    assert len(starts) >= 20
    assert set(starts) == {403}
    assert all(b"PERMISSION_DENIED" in message["body"] for message in said if "body" in message)


def test_parts_of_a_file_are_sent_with_the_callers_own_word(service: LoopService) -> None:
    with serving(service, Access(token=TOKEN)) as url:  # type: ignore[arg-type]
        mpu, auth = f"{url}/api/2.0/mlflow-artifacts/mpu", ("ada", TOKEN)
        begun = httpx.post(f"{mpu}/create/0/d", json={"path": "a", "num_parts": 1}, auth=auth).json()
        part = begun["credentials"][0]
        assert httpx.put(part["url"], content=b"one").status_code == 401
        etag = httpx.put(part["url"], content=b"one", headers=part["headers"]).headers["etag"]
        told = {"path": "a", "upload_id": begun["upload_id"], "parts": [{"part_number": 1, "etag": etag}]}
        assert httpx.post(f"{mpu}/complete/0/d", json=told, auth=auth).status_code == 200
        found = httpx.get(
            f"{url}/api/2.0/mlflow-artifacts/artifacts/0/d/a", headers={"Authorization": f"Bearer {TOKEN}"}
        )

    assert found.content == b"one"


@pytest.mark.parametrize("path", ["mlflow/experiments/search", "mlflow/nothing", "mlflow-artifacts/artifacts/a"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic !!!"}])
def test_without_the_token_nothing_is_said(service: LoopService, path: str, headers: dict[str, str]) -> None:
    with serving(service, Access(token=TOKEN)) as url:  # type: ignore[arg-type]
        for method in ("GET", "POST", "PUT", "DELETE"):
            found = httpx.request(method, f"{url}/api/2.0/{path}", headers=headers, json={})
            assert (found.status_code, found.json()["error_code"]) == (401, "UNAUTHENTICATED")


def test_a_page_of_another_site_writes_nothing(service: LoopService) -> None:
    with serving(service) as url:  # type: ignore[arg-type]
        found = httpx.post(
            f"{url}/api/2.0/mlflow/experiments/create", json={"name": "x"}, headers={"Origin": "https://evil.example"}
        )

    assert found.status_code == 403
    assert found.json()["error_code"] == "PERMISSION_DENIED"
