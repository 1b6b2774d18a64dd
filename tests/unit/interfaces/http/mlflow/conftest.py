"""A house on disk, served, with an experiment and a run in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from control_house import serving

from kaizenml.loop.service import LoopService
from kaizenml.loop.wiring import House, open_house, read_settings

ROOT = "/api/2.0/mlflow"


@dataclass
class Wire:
    """A server as a client sees it, and the house behind it."""

    client: httpx.Client
    house: House
    folder: Path
    url: str

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.client.post(f"{ROOT}/{path}", json=body)

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.client.get(f"{ROOT}/{path}", params=query)

    def run(self) -> str:
        made = self.post("runs/create", experiment_id="0", user_id="ada", start_time=1_700_000_000_000)
        id_: str = made.json()["run"]["info"]["run_id"]
        return id_


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    house = open_house(read_settings(tmp_path))
    with serving(LoopService(house)) as url, httpx.Client(base_url=url, timeout=60) as client:  # type: ignore[arg-type]
        yield Wire(client, house, tmp_path, url)
