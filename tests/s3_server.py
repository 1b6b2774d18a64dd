"""An S3 server for the tests, and folders of their own in it."""

from __future__ import annotations

import json
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kaizenml.adapters.object_uploads import request
from kaizenml.core.place import Bucket

KEY, SECRET, REGION, BUCKET = "kaizen-key", "a-secret-that-must-not-leave", "us-east-1", "kaizen"
#: What a process needs in its environment to be let in.
LOGIN = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}


class S3Server:
    """A running server; `LOGIN` is let in."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.address = f"http://127.0.0.1:{port}"

    def url(self, bucket: str = BUCKET) -> str:
        """Return the URL of a store of its own, in which nothing is yet."""
        return f"s3://{bucket}/{uuid.uuid4().hex[:12]}?endpoint={self.address}"

    def store(self, prefix: str = "", bucket: str = BUCKET) -> Any:
        """Return a client for what lies below a prefix."""
        store = pytest.importorskip("obstore.store")
        return store.S3Store(
            bucket, prefix=prefix or None, endpoint=self.address, access_key_id=KEY, secret_access_key=SECRET,
            region=REGION, client_options={"allow_http": True}, retry_config={"max_retries": 0},
        )  # fmt: skip

    def ask(self, method: str, path: str, **words: str) -> bytes:
        """Send a signed request of S3's own, as clients without a word for it cannot."""
        place = Bucket(BUCKET, endpoint=self.address, region=REGION)
        keys = {"access_key_id": KEY, "secret_access_key": SECRET}
        return request(place, keys, method, path, words, now=datetime.now(UTC))


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run a server, with one bucket, for as long as the block lasts."""
    pytest.importorskip("obstore")
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if weed is None:
        pytest.skip("there is no weed (seaweedfs)")
    folder = Path(tempfile.mkdtemp(prefix="kaizen-s3-"))
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
        server = S3Server(ports["s3.port"])
        _await(server, process, folder / "log")
        yield server
    finally:
        process.kill()  # at once: what it has is not needed any more
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _await(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + 60
    while True:
        said = log.read_text(errors="replace")[-2000:]
        assert process.poll() is None, said
        with suppress(Exception):
            server.ask("PUT", f"/{BUCKET}")
            server.store().put("ready", b"yes")
            return
        assert time.monotonic() < limit, said
        time.sleep(0.2)


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class LostAnswers:
    """A way to a server on which the answers to chosen requests get lost after the server has done what was asked."""

    def __init__(self, server: S3Server, is_lost: Callable[[bytes], bool]) -> None:
        self._to, self._is_lost, self.lost = server.port, is_lost, 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._socket.accept()[0],), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Pass on one request after the other, until an answer gets lost."""
        with suppress(OSError), client, socket.create_connection(("127.0.0.1", self._to)) as server:
            while True:
                ready, _, _ = select.select([client, server], [], [], 30)
                if not ready:
                    return
                for each in ready:
                    if not (said := each.recv(1 << 16)):
                        return
                    if each is client:
                        line = said.partition(b"\r\n")[0]
                        is_lost = self._is_lost(line) if b" HTTP/1.1" in line else False
                        server.sendall(said)
                        if is_lost:
                            server.recv(1 << 16)
                            self.lost += 1
                            return
                    else:
                        client.sendall(said)
