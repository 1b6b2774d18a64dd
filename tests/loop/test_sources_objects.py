"""Files in a real S3: found, loaded once, fetched again only when they changed; refusals told without secrets."""

from __future__ import annotations

import gzip
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from loop_sources import Home, needs

import kaizenml as kz
from kaizenml.errors import SourceError
from s3_server import REGION, SECRET, S3Server, free_port


@pytest.fixture
def shop(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What lies in a bucket, and the way to it in the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.address)
    monkeypatch.setenv("AWS_REGION", REGION)
    return s3.store(bucket="shop")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_objects_are_loaded_once_and_fetched_again_only_when_changed(home: Home, shop: Any, monkeypatch) -> None:
    shop.put("in/a.csv", b"id,y\n1,2\n")
    shop.put("in/b.csv.gz", gzip.compress(b"id,y\n2,3\n"))
    shop.put("in/deep/c.csv", b"id,y\n3,4\n")
    fetched: list[str] = []
    from kaizenml.data import object_source

    real = object_source.fetched
    monkeypatch.setattr(object_source, "fetched", lambda *of: fetched.append(of[2].path) or real(*of))
    source = kz.files("s3://shop/in/*.csv*")

    first, again = home.load(source), home.load(source)
    shop.put("in/a.csv", b"id,y\n1,9\n")
    third = home.load(source)

    assert sorted(first.rows.rows()) == sorted(again.rows.rows()) == [("1", "2"), ("2", "3")]
    assert sorted(third.rows.rows()) == [("1", "9"), ("2", "3")]
    assert fetched == ["in/a.csv", "in/b.csv.gz", "in/a.csv"]
    assert [file.path for file in first.files] == ["s3://shop/in/a.csv", "s3://shop/in/b.csv.gz"]
    assert len(home.load(kz.files("s3://shop/in/**/*.csv")).rows) == 2
    assert SECRET not in home.everything()


def test_parquet_is_read_and_a_half_written_one_is_named(home: Home, shop: Any) -> None:
    pl.DataFrame({"id": range(100), "y": range(100)}).write_parquet(home.folder / "a.parquet")
    whole = (home.folder / "a.parquet").read_bytes()
    shop.put("pq/a.parquet", whole)
    home.load(kz.files("s3://shop/pq/*.parquet"))
    shop.put("pq/b.parquet", whole[:300])

    with pytest.raises(SourceError, match=r"b\.parquet is no Parquet file"):
        home.load(kz.files("s3://shop/pq/*.parquet"))

    assert len(home.load(kz.files("s3://shop/pq/a.parquet")).rows) == 100


def test_a_wrong_secret_is_refused_clearly_and_told_nowhere(home: Home, shop: Any, monkeypatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{SECRET}-wrong")

    with pytest.raises(SourceError, match="refuses the credentials") as refused:
        home.load(kz.files("s3://shop/in/*.csv"))

    assert SECRET not in f"{refused.value}{refused.value.__cause__}{home.everything()}"


def test_what_is_not_there_is_named(home: Home, shop: Any) -> None:
    shop.put("here/flights.csv", b"id,y\n1,2\n")

    with pytest.raises(SourceError, match=r"(?s)No object matches.*here/flights\.csv"):
        home.load(kz.files("s3://shop/here/fligths.csv"))


def test_one_file_comes_over_http(home: Home, tmp_path_factory: pytest.TempPathFactory) -> None:
    needs("obstore")
    folder = tmp_path_factory.mktemp("web")
    (folder / "a.csv").write_text("id,y\n1,2\n")
    port = free_port()
    words = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        assert home.load(kz.files(f"http://127.0.0.1:{port}/a.csv")).rows.rows() == [("1", "2")]
        with pytest.raises(SourceError, match=r"nope\.csv"):
            home.load(kz.files(f"http://127.0.0.1:{port}/nope.csv"))
    finally:
        process.terminate()
        process.wait()
