"""Webhooks of an unmodified MLflow client: what our server tells is what MLflow's own server tells, field by field."""

from __future__ import annotations

import base64
import hmac
import json
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from conftest import ENVIRONMENT, folder_in_memory, mlflow_server, serving
from kaizenml.core.mlflow.hooks import ACTIONS
from kaizenml.loop.notifying import deliver
from kaizenml.loop.wiring import open_house, read_settings
from receivers import Got, Receiver, receiving

PROGRAM = Path(__file__).parent / "programs" / "hooks.py"
SECRETS = {"/told": "a s3cret, as one likes: ☃", "/tags": "second"}
#: What MLflow's server needs to call this machine: for ours it is `notify_allow`.
OPEN = {"MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true", "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_CACHE_TTL": "0"}  # fmt: skip
NAMES = {f"{entity}.{action}" for entity, actions in ACTIONS.items() for action in actions}
#: MLflow's server tells of a version that is a logged model without the run that made it, which it knows; ours with it.
KNOWN_RUN = ('"run_id": null, "source": "models:/<model>"', '"run_id": "<run>", "source": "models:/<model>"')
pytestmark = pytest.mark.timeout(1200)  # the other server is slow where others work, too


def answered(request: Got) -> tuple[int, dict[str, str]]:
    return (404 if request.path == "/refused" else 204), {}


@dataclass(frozen=True)
class Side:
    """What a program saw of a server, and what that server told."""

    seen: dict[str, Any]
    got: list[Got]

    def told(self, path: str) -> list[str]:
        """Return what came to a path, without times and in an order that both servers share."""
        found = []
        for each in self.got:
            if each.path == path:
                text = each.body.decode()
                for word, id_ in zip(("run", "model"), self.seen["ids"], strict=True):
                    text = text.replace(id_, f"<{word}>")
                found.append(json.dumps(json.loads(text) | {"timestamp": None}, sort_keys=True))
        return sorted(found)


def ran(python: Path, folder: Path, url: str, deliver_all: Callable[[list[Got]], object]) -> Side:
    folder.mkdir()
    with receiving(Receiver(answered)) as receiver:
        with (folder / "log").open("w") as log, subprocess.Popen(
            [str(python), str(PROGRAM), url, f"http://127.0.0.1:{receiver.port}"], cwd=folder, stderr=log, text=True,
            env={**os.environ, **ENVIRONMENT}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as program:  # fmt: skip
            assert program.stdin is not None
            assert program.stdout is not None
            last = ""
            for line in program.stdout:
                if line.strip() == "told?":
                    deliver_all(receiver.got)
                    program.stdin.write("yes\n")
                    program.stdin.flush()
                last = line
        assert program.returncode == 0, (folder / "log").read_text()[-3000:]
        return Side(json.loads(last), list(receiver.got))


def of_mlflow(python: Path, tmp: Path) -> Side:
    def settled(got: list[Got]) -> None:
        """Wait for what its threads have under way: they tell in any order, and of the end nobody says."""
        limit, before = time.monotonic() + 120, -1
        while len(got) != before and time.monotonic() < limit:
            before = len(got)
            time.sleep(3)

    with folder_in_memory() as folder, mlflow_server(python, folder, OPEN) as url:
        return ran(python, tmp / "real", url, settled)


def of_ours(python: Path, tmp: Path) -> Side:
    with folder_in_memory() as folder:
        (folder / "kaizen.toml").write_text('notify_allow = ["127.0.0.1"]\n')
        house = open_house(read_settings(folder))
        with serving(folder) as url:
            side = ran(python, tmp / "ours", url, lambda _: deliver(house))
        house.records.close()
    return side


@pytest.fixture(scope="module")
def sides(mlflow_python: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Side, Side]:
    """MLflow's server and ours, after the same program."""
    tmp = tmp_path_factory.mktemp("hooks")
    with ThreadPoolExecutor(2) as pool:
        real, ours = pool.submit(of_mlflow, mlflow_python, tmp), pool.submit(of_ours, mlflow_python, tmp)
        return real.result(), ours.result()


def test_a_client_sees_the_same_webhooks_of_both_servers(sides: tuple[Side, Side]) -> None:
    real, ours = (dict(each.seen) for each in sides)

    assert real.pop("ids") != ours.pop("ids")
    assert ours == real
    assert ours["tested"] == [[True, 204, None]] * len(NAMES)


@pytest.mark.parametrize("path", ["/told", "/unsigned", "/tags", "/off", "/refused"])
def test_what_is_told_is_what_mlflow_tells_field_by_field(sides: tuple[Side, Side], path: str) -> None:
    real, ours = (each.told(path) for each in sides)

    assert ours == sorted(each.replace(*KNOWN_RUN) for each in real)
    assert ours


def test_every_event_is_told_of_what_happened_and_as_an_example(sides: tuple[Side, Side]) -> None:
    bodies = [json.loads(each) for each in sides[1].told("/told")]
    names = [f"{each['entity']}.{each['action']}" for each in bodies]

    assert set(names) == NAMES
    assert {each for each in NAMES if names.count(each) == 1} == {"budget_policy.exceeded"}
    assert {each.path for each in sides[1].got} == {"/told", "/unsigned", "/tags", "/off", "/refused"}


def test_both_sign_alike_and_only_with_a_secret(sides: tuple[Side, Side]) -> None:
    for each in (one for side in sides for one in side.got):
        id_, stamp = each.headers["x-mlflow-delivery-id"], each.headers["x-mlflow-timestamp"]
        secret = SECRETS.get(each.path)
        signed = f"{id_}.{stamp}.{each.body.decode()}".encode()
        made = base64.b64encode(hmac.digest((secret or "").encode(), signed, "sha256")).decode()
        assert each.headers.get("x-mlflow-signature") == (f"v1,{made}" if secret else None)
        assert each.headers["content-type"] == "application/json"
        assert datetime.fromisoformat(json.loads(each.body)["timestamp"]).utcoffset() is not None
        assert stamp.isdigit()
    assert len({each.id for each in sides[1].got}) == len(sides[1].got)
