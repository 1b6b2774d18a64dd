"""Files come and go whole, or not at all."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
from control_house import serving

from kaizenml.adapters.blobs import DirectoryBlobs
from kaizenml.core.digest import Digest
from kaizenml.loop.service import LoopService
from kaizenml.loop.wiring import open_house, read_settings

if TYPE_CHECKING:
    from conftest import Wire

FILES = "/api/2.0/mlflow-artifacts/artifacts"
MPU = "/api/2.0/mlflow-artifacts/mpu"


def test_a_file_larger_than_any_other_request_may_be_comes_back_as_it_was(wire: Wire) -> None:
    content = bytes(range(256)) * 20_000  # 5 MB

    def chunks() -> Iterator[bytes]:
        for at in range(0, len(content), 70_000):
            yield content[at : at + 70_000]

    assert wire.client.put(f"{FILES}/0/a/big.bin", content=chunks()).status_code == 200
    found = wire.client.get(f"{FILES}/0/a/big.bin")

    assert hashlib.sha256(found.content).digest() == hashlib.sha256(content).digest()
    assert found.headers["content-length"] == str(len(content))
    assert found.headers["content-disposition"].startswith("attachment")
    assert found.headers["x-content-type-options"] == "nosniff"


def test_an_empty_file_is_a_file(wire: Wire) -> None:
    wire.client.put(f"{FILES}/0/empty", content=b"")

    assert wire.client.get(f"{FILES}/0/empty").content == b""
    assert wire.client.get(FILES, params={"path": "0"}).json() == {
        "files": [{"path": "empty", "is_dir": False, "file_size": 0}]
    }


def test_a_client_that_dies_during_an_upload_leaves_nothing(wire: Wire) -> None:
    parts = urlsplit(wire.url)
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        head = f"PUT {FILES}/0/half HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 1000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 1000)
    assert wire.client.put(f"{FILES}/0/whole", content=b"1").status_code == 200

    assert wire.client.get(f"{FILES}/0/half").status_code == 404
    assert [path.name for path in wire.folder.rglob("coming/*") if path.stat().st_size > 999] == []


def test_nothing_more_is_read_for_a_client_that_went_away(tmp_path: Path) -> None:
    class Read(DirectoryBlobs):
        """Blobs that count the chunks that were read, and say when nobody wants any more."""

        def open(self, digest: Digest) -> Generator[bytes]:
            try:
                for chunk in super().open(digest):
                    self.chunks += 1
                    yield chunk
            finally:
                self.is_over.set()

    house = open_house(read_settings(tmp_path))
    blobs = Read(tmp_path / "blobs")
    blobs.chunks, blobs.is_over = 0, Event()
    with serving(LoopService(replace(house, blobs=blobs))) as url:  # type: ignore[arg-type]
        httpx.put(f"{url}{FILES}/0/big", content=bytes(64 << 20)).raise_for_status()
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            connection.sendall(f"GET {FILES}/0/big HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 200")

        assert blobs.is_over.wait(60)
    assert 0 < blobs.chunks < 64


@pytest.mark.parametrize(
    "path", ["%2e%2e/x", "a/%2e%2e/%2e%2e/x", "%252e%252e/x", "a\\b", "a%5cb", "a%23b", "C:/x", "/etc/passwd"]
)
def test_a_path_that_leads_elsewhere_is_refused(wire: Wire, path: str) -> None:
    request = wire.client.build_request("PUT", f"{wire.url}{FILES}/x", content=b"1")
    request.url = httpx.URL(f"{wire.url}{FILES}/").copy_with(raw_path=f"{FILES}/{path}".encode())

    found = wire.client.send(request)

    assert found.status_code == 400, found.text
    assert found.json()["message"] == "Invalid path"


def test_a_name_with_a_newline_is_kept_without_it(wire: Wire) -> None:
    wire.client.put(f"{FILES}/0/a%0Ab", content=b"1")

    assert wire.client.get(FILES, params={"path": "0"}).json()["files"][0]["path"] == "a%0Ab"


@pytest.mark.parametrize("before", [0, 5_000_000], ids=["small", "large"])
def test_a_damaged_file_is_not_served(wire: Wire, before: int) -> None:
    wire.client.put(f"{FILES}/0/a", content=bytes(before) + b"content")
    digest = hashlib.sha256(bytes(before) + b"content").hexdigest()
    next(wire.folder.rglob(digest[4:])).write_bytes(bytes(before) + b"c0ntent")

    found = wire.client.get(f"{FILES}/0/a")

    assert found.status_code == 500
    assert found.json()["error_code"] == "DATA_LOSS"
    assert len(found.content) < 1000
    assert "c0ntent" not in found.text


def test_a_disk_that_refuses_is_said_in_their_words(wire: Wire) -> None:
    (wire.folder / ".kaizen" / "blobs").mkdir(exist_ok=True)
    (wire.folder / ".kaizen" / "blobs" / "coming").write_bytes(b"a file where the folder should be")

    found = wire.client.put(f"{FILES}/0/a", content=b"content")

    assert found.status_code == 500
    assert found.json()["error_code"] == "INTERNAL_ERROR"
    assert "Check the disk" in found.json()["message"]
    assert wire.client.get(f"{FILES}/0/a").status_code == 404


def test_a_file_in_parts_is_one_file(wire: Wire) -> None:
    begun = wire.client.post(f"{MPU}/create/0/dir", json={"path": "/tmp/big.bin", "num_parts": 3}).json()
    sent = []
    for each, content in zip(begun["credentials"], (b"one", b"two", b"three"), strict=True):
        etag = httpx.put(each["url"], content=content, headers=each["headers"]).headers["etag"]
        sent.append({"part_number": each["part_number"], "etag": etag, "url": each["url"]})
    told = {"path": "/tmp/big.bin", "upload_id": begun["upload_id"], "parts": sent}
    assert wire.client.post(f"{MPU}/complete/0/dir", json=told).json() == {}

    assert wire.client.get(f"{FILES}/0/dir/big.bin").content == b"onetwothree"
    assert wire.client.post(f"{MPU}/complete/0/dir", json=told).status_code == 404


def test_a_file_lacks_no_part(wire: Wire) -> None:
    begun = wire.client.post(f"{MPU}/create/0/dir", json={"path": "a", "num_parts": 2}).json()
    etag = httpx.put(begun["credentials"][0]["url"], content=b"one").headers["etag"]
    one = {"part_number": 1, "etag": etag}
    told = {"path": "a", "upload_id": begun["upload_id"], "parts": [one]}

    lacking = wire.client.post(f"{MPU}/complete/0/dir", json=told)
    httpx.put(begun["credentials"][1]["url"], content=b"two")
    other = wire.client.post(f"{MPU}/complete/0/dir", json=told | {"parts": [one, {"part_number": 2, "etag": "x"}]})
    assert wire.client.post(f"{MPU}/abort/0/dir", json=told).status_code == 200

    assert "lacks the parts [2]" in lacking.json()["message"]
    assert "other parts" in other.json()["message"]
    assert wire.client.get(f"{FILES}/0/dir/a").status_code == 404
    assert httpx.put(begun["credentials"][1]["url"], content=b"two").status_code == 404


def test_files_of_a_run_are_its_artefacts(wire: Wire) -> None:
    run = wire.run()
    wire.client.put(f"{FILES}/0/{run}/artifacts/a/b.json", content=b"{}")
    wire.post("runs/update", run_id=run, status="FINISHED", end_time=1_700_000_001_000)
    wire.client.put(f"{FILES}/0/{run}/artifacts/late.txt", content=b"late")

    found = wire.client.get(f"/api/v1/runs/{run}/artefacts").json()["artefacts"]

    assert [each["path"] for each in found] == ["a/b.json", "late.txt"]
    assert wire.client.get(f"/api/v1/runs/{run}/artefacts/a/b.json").content == b"{}"
    inside = wire.client.get("/api/2.0/mlflow/artifacts/list", params={"run_id": run, "path": "a"}).json()
    assert inside["files"][0]["path"] == "a/b.json"
