"""The loop with metadata in PostgreSQL and rows and bytes in a bucket, by two settings and nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from loop_processes import Up, call, soon, up
from loop_shop import DAYS, START, rows_of_day, write_shop

from kaizenml.adapters.delta_bucket import BucketTables
from kaizenml.adapters.tables import DeltaTables
from kaizenml.core.place import Bucket, place_of
from postgres_server import PostgresServer
from s3_server import SECRET, S3Server


@pytest.fixture
def elsewhere(s3: S3Server, postgres: PostgresServer, tmp_path: Path) -> tuple[Path, Bucket]:
    """A project that keeps nothing here, and the place of what it keeps."""
    folder, url = write_shop(tmp_path / "shop"), s3.url()
    with (folder / "kaizen.toml").open("a") as file:
        file.write(f'store = "{url}"\ndatabase = "{postgres.database()}"\n')
    place = place_of(url)
    assert isinstance(place, Bucket)
    return folder, place


def told(folder: Path, *words: object, code: int = 0) -> Any:
    """Call `kaizen … --json` in a process of its own, and return the document."""
    done = call(*words, "--project", folder, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr
    return json.loads(done.stdout)


def ids(place: Bucket, folder: Path, table: str) -> list[str]:
    tables = DeltaTables(BucketTables(place.at("tables"), folder))
    return sorted(tables.read(table, columns=["id"])["id"].to_list())


def is_collected(running: Up) -> bool:
    return running.get("/api/v1/loop")["is_idle"] and not list((running.folder / ".kaizen/serving/log").glob("*"))


def test_the_whole_loop_runs_with_a_bucket_and_postgresql_by_settings_alone(elsewhere, s3: S3Server) -> None:
    folder, place = elsewhere

    made = told(folder, "run")
    told(folder, "ship", "shop/1")
    with up(folder) as running:
        soon(lambda: running.is_serving("shop"), within=90)
        day = START + timedelta(days=DAYS)
        rows = rows_of_day(day)
        asked = [{name: cell for name, cell in row.items() if name != "late"} for row in rows]
        assert running.predict("shop", asked, at=rows[-1]["at"]).json()["release"] == "shop/1"
        labels = [{"id": row["parcel"], "value": row["late"], "at": row["at"]} for row in rows]
        assert running.feedback("shop", labels).json() == {"accepted": len(rows)}
        running.post("/api/v1/clock", {"to": (day + timedelta(days=1)).isoformat()})
        soon(lambda: is_collected(running), within=60)
        again = told(folder, "run", "--set", "estimator.strength=0.5")

    answered = sorted(row["parcel"] for row in rows)
    assert (made["release"], again["release"]) == ("shop/1", "shop/2")
    assert (made["snapshot"], again["snapshot"]) == ("shop@1", "shop@2")
    assert ids(place, folder, "labels-shop") == answered
    assert ids(place, folder, "predictions-shop") == answered
    assert told(folder, "gc")
    out = folder.parent / "scored.csv"
    told(folder, "predict", "shop/1", folder / "data" / "parcels.csv", "--out", out)
    assert len(out.read_text().splitlines()) == 1 + 72 * DAYS
    kept = sorted({path.relative_to(folder / ".kaizen").parts[0] for path in (folder / ".kaizen").rglob("*")})
    assert not {"blobs", "tables", "kaizen.db"} & set(kept)
    here = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert SECRET.encode() not in here


def test_what_a_home_elsewhere_cannot_do_is_said_with_the_way_out(elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = elsewhere

    refused = told(folder, "backup", folder.parent / "copy", code=1)["error"]
    assert "kaizen migrate --to file:///" in refused["hint"]
    assert not (folder.parent / "copy").exists()

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{SECRET}-wrong")
    assert "refuses the credentials" in told(folder, "gc", code=3)["error"]["message"]
