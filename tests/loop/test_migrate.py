"""A home's metadata, blobs and tables move to another place and back, and nothing is lost on the way."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from loop_processes import KAIZEN, called, environment

from postgres_server import PostgresServer
from s3_server import S3Server

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


def there(folder: Path, database: str, *words: object, store: str = "") -> Any:
    """Call `kaizen … --json` on a database and a store, in a process of its own, and return the document."""
    own = {"KAIZEN_DATABASE": database} | ({"KAIZEN_STORE": store} if store else {})
    done = subprocess.run(
        [*KAIZEN, *map(str, words), "--json", "--project", str(folder)],
        env=environment(None) | own, capture_output=True, text=True, check=True, timeout=120,
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


def test_a_database_that_holds_something_is_refused(shop: Path, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/new.db"
    called("migrate", "--to", url, "--project", shop)

    assert "not empty" in called("migrate", "--to", url, "--project", shop, code=1)["error"]["message"]
    assert called("migrate", "--to", "mysql://x/y", "--project", shop, code=2)["error"]["hint"]


def test_a_database_out_of_reach_is_refused_and_its_password_told_to_nobody(shop: Path):
    pytest.importorskip("psycopg")
    lost = called("migrate", "--to", "postgresql://ada:correct-horse@127.0.0.1:1/x", "--project", shop, code=3)
    assert "cannot be reached" in lost["error"]["message"]
    assert "correct-horse" not in json.dumps(lost)


def test_a_project_moves_to_a_bucket_works_there_and_moves_back(shop: Path, s3: S3Server, tmp_path: Path):
    database, url, back = f"sqlite:///{shop}/.kaizen/kaizen.db", s3.url(), f"file://{tmp_path}/back"

    moved = there(shop, database, "migrate", "--to", url)
    returned = there(shop, database, "migrate", "--to", back, store=url)

    assert moved["blobs"]["files"] == moved["blobs"]["new"] > 5
    assert moved["tables"]["raw-shop"]["files"] >= 2
    assert {**returned, "to": url} == moved
    out = tmp_path / "scored.csv"
    there(shop, database, "predict", "shop/1", shop / "data" / "t.csv", "--out", out, store=url)
    assert len(out.read_text().splitlines()) == 201


def test_a_move_that_is_killed_is_called_again_and_brings_the_rest(shop: Path, s3: S3Server):
    url = s3.url()
    words = [*KAIZEN, "migrate", "--to", url, "--project", str(shop)]
    for _ in range(2):
        mover = subprocess.Popen(words, env=environment(None), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        assert mover.stderr is not None
        mover.stderr.readline()  # the blobs are there, and not all tables
        mover.kill()
        mover.communicate()

    found = called("migrate", "--to", url, "--project", shop)

    assert found["blobs"]["new"] == 0
    again = called("migrate", "--to", url, "--project", shop)
    assert {name: each["digest"] for name, each in again["tables"].items()} == {
        name: each["digest"] for name, each in found["tables"].items()
    }
    assert sum(each["new"] for each in again["tables"].values()) == 0


def test_a_store_that_cannot_be_moved_to_is_refused(shop: Path):
    here = called("migrate", "--to", f"file://{shop}/.kaizen", "--project", shop, code=2)["error"]
    assert "is where this project keeps its blobs and tables" in here["message"]
    secret = called("migrate", "--to", "s3://ada:correct-horse@shop", "--project", shop, code=2)
    assert "carries a secret" in secret["error"]["message"]
    assert "correct-horse" not in json.dumps(secret)
