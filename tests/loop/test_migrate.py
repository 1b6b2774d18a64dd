"""A home's metadata move to another database and back, and nothing is lost on the way."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from loop_processes import KAIZEN, called, environment

from postgres_server import PostgresServer

CODE = """
import kaizenml as kz
from sklearn.linear_model import LogisticRegression

project = kz.Project("shop", source=kz.files("data/*.csv"), target="late", id="id")


@project.step
def estimator() -> LogisticRegression:
    return LogisticRegression()


project.serve(approval="policy")
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrate") / "shop"
    (folder / "data").mkdir(parents=True)
    (folder / "project.py").write_text(CODE)
    rng = random.Random(2)
    rows = [(number, rng.random(), rng.random()) for number in range(200)]
    lines = [f"{n},{a:.4f},{b:.4f},{'yes' if a + b > 1 else 'no'}" for n, a, b in rows]
    (folder / "data" / "t.csv").write_text("\n".join(["id,a,b,late", *lines]) + "\n")
    called("run", "--project", folder)
    return folder


def there(folder: Path, database: str, *words: object) -> Any:
    """Call `kaizen … --json` on a database, in a process of its own, and return the document."""
    done = subprocess.run(
        [*KAIZEN, *map(str, words), "--json", "--project", str(folder)],
        env={**environment(None), "KAIZEN_DATABASE": database}, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return json.loads(done.stdout)


def told(folder: Path, database: str) -> str:
    words = ("runs", "releases", "events")
    lists = [there(folder, database, word) for word in words]
    return json.dumps(lists, sort_keys=True)


def test_metadata_move_to_postgresql_and_the_project_goes_on_there(shop: Path, postgres: PostgresServer):
    old, new = f"sqlite:///{shop}/.kaizen/kaizen.db", postgres.database()

    found = there(shop, old, "migrate", "--to", new)

    assert found["tables"]["events"]["rows"] == len(there(shop, new, "events", "--limit", 1000)["events"]) > 5
    assert told(shop, new) == told(shop, old)
    assert there(shop, new, "verify")["is_intact"] is True
    assert there(shop, new, "run")["release"] == "shop/2"
    assert len(there(shop, new, "jobs")["jobs"]) == 2
    assert len(there(shop, old, "releases")["releases"]) == 1


def test_metadata_move_back_with_the_same_digests(shop: Path, postgres: PostgresServer, tmp_path: Path):
    url, back = postgres.database(), f"sqlite:///{tmp_path}/back.db"
    moved = called("migrate", "--to", url, "--project", shop)

    home = there(shop, url, "migrate", "--to", back)

    assert home["tables"] == moved["tables"]


def test_a_database_that_holds_something_and_one_out_of_reach_are_refused(shop: Path, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/new.db"
    called("migrate", "--to", url, "--project", shop)

    assert "not empty" in called("migrate", "--to", url, "--project", shop, code=1)["error"]["message"]
    assert called("migrate", "--to", "mysql://x/y", "--project", shop, code=2)["error"]["hint"]
    lost = called("migrate", "--to", "postgresql://ada:correct-horse@127.0.0.1:1/x", "--project", shop, code=3)
    assert "cannot be reached" in lost["error"]["message"]
    assert "correct-horse" not in json.dumps(lost)
