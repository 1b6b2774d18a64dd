"""Files in a real S3: found, loaded once, fetched again only when they changed; refusals told without secrets."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
from loop_sources import Home, needs

import kaizenml as kz
from kaizenml.errors import SourceError

KEY, SECRET = "kaizen-key", "a-secret-that-must-not-leave"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running S3; gives its address."""
    needs("obstore")
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if weed is None:
        (pytest.fail if os.environ.get("KAIZEN_TEST_REQUIRE") == "all" else pytest.skip)("there is no weed (seaweedfs)")
    folder = tmp_path_factory.mktemp("s3")
    login = {"name": "kaizen", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
    (folder / "keys.json").write_text(json.dumps({"identities": [login]}))
    ports = {name: free_port() for name in ("master.port", "volume.port", "filer.port", "s3.port")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [weed, "mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-admin.ui=false", "-webdav=false",
             "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={folder}/keys.json", f"-dir={folder}",
             *(f"-{name}={port}" for name, port in ports.items())],
            stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{ports['s3.port']}"
        store = store_at(address)
        limit = time.monotonic() + 60
        while True:
            assert process.poll() is None, (folder / "log").read_text()[-2000:]
            with suppress(Exception):
                store.put("ready", b"yes")
                break
            assert time.monotonic() < limit, (folder / "log").read_text()[-2000:]
            time.sleep(0.3)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def store_at(address: str, bucket: str = "shop"):
    import urllib.request

    from obstore.store import S3Store

    store = S3Store(
        bucket, endpoint=address, access_key_id=KEY, secret_access_key=SECRET, region="us-east-1",
        client_options={"allow_http": True}, retry_config={"max_retries": 0},
    )  # fmt: skip
    with suppress(Exception):
        from obstore import sign

        root = S3Store(bucket, endpoint=address, access_key_id=KEY, secret_access_key=SECRET, region="us-east-1",
                       client_options={"allow_http": True})  # fmt: skip
        from datetime import timedelta

        url = sign(root, "PUT", "", expires_in=timedelta(minutes=5))
        urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=5).close()
    return store


@pytest.fixture
def login(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in {
        "AWS_ENDPOINT_URL": s3, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return s3


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_objects_are_loaded_once_and_fetched_again_only_when_changed(home: Home, login: str, monkeypatch) -> None:
    store = store_at(login)
    store.put("in/a.csv", b"id,y\n1,2\n")
    store.put("in/b.csv.gz", gzip.compress(b"id,y\n2,3\n"))
    store.put("in/deep/c.csv", b"id,y\n3,4\n")
    fetched: list[str] = []
    from kaizenml.data import object_source

    real = object_source.fetched
    monkeypatch.setattr(object_source, "fetched", lambda *of: fetched.append(of[2].path) or real(*of))
    source = kz.files("s3://shop/in/*.csv*")

    first, again = home.load(source), home.load(source)
    store.put("in/a.csv", b"id,y\n1,9\n")
    third = home.load(source)

    assert sorted(first.rows.rows()) == sorted(again.rows.rows()) == [("1", "2"), ("2", "3")]
    assert sorted(third.rows.rows()) == [("1", "9"), ("2", "3")]
    assert fetched == ["in/a.csv", "in/b.csv.gz", "in/a.csv"]
    assert [file.path for file in first.files] == ["s3://shop/in/a.csv", "s3://shop/in/b.csv.gz"]
    assert len(home.load(kz.files("s3://shop/in/**/*.csv")).rows) == 2
    assert SECRET not in home.everything()


def test_parquet_is_read_and_a_half_written_one_is_named(home: Home, login: str) -> None:
    store = store_at(login)
    pl.DataFrame({"id": range(100), "y": range(100)}).write_parquet(home.folder / "a.parquet")
    whole = (home.folder / "a.parquet").read_bytes()
    store.put("pq/a.parquet", whole)
    home.load(kz.files("s3://shop/pq/*.parquet"))
    store.put("pq/b.parquet", whole[:300])

    with pytest.raises(SourceError, match=r"b\.parquet is no Parquet file"):
        home.load(kz.files("s3://shop/pq/*.parquet"))

    assert len(home.load(kz.files("s3://shop/pq/a.parquet")).rows) == 100


def test_a_wrong_secret_is_refused_clearly_and_told_nowhere(home: Home, login: str, monkeypatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{SECRET}-wrong")

    with pytest.raises(SourceError, match="refuses the credentials") as refused:
        home.load(kz.files("s3://shop/in/*.csv"))

    assert SECRET not in f"{refused.value}{refused.value.__cause__}{home.everything()}"


def test_what_is_not_there_is_named(home: Home, login: str) -> None:
    store_at(login).put("here/flights.csv", b"id,y\n1,2\n")

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
