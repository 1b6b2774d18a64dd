"""The routes of files: streamed in and out, whatever their size."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from kaizenml.core.account import Permission
from kaizenml.core.digest import Digest
from kaizenml.core.mlflow.errors import WireError
from kaizenml.core.mlflow.paths import safe_path
from kaizenml.core.mlflow.rows import File
from kaizenml.core.stores import CHUNK_BYTES
from kaizenml.interfaces.http.mlflow import owners
from kaizenml.interfaces.http.mlflow.desk import Desk
from kaizenml.interfaces.http.mlflow.reading import Message, Whole
from kaizenml.interfaces.http.mlflow.run_messages import OfRun
from kaizenml.interfaces.http.mlflow.table import Caller, Table
from kaizenml.loop import mlflow_files as files
from kaizenml.loop import mlflow_runs as runs
from kaizenml.loop.mlflow_mirror import root_of

_ROOT = "/api/2.0/mlflow-artifacts"
#: How many files may come and go at the same time; a slow client holds a thread.
_AT_ONCE = 64


class Folder(Message):
    """A folder."""

    path: str | None = None


class Path(Message):
    """A path, from the route."""

    path: str = ""


class RunFolder(OfRun):
    """A folder of a run."""

    path: str | None = None
    page_token: str | None = None


class Part(Message):
    """A part that was sent."""

    part_number: Whole | None = None
    etag: str | None = None
    url: str | None = None


class Upload(Message):
    """A file that comes in parts; ``folder`` is from the route."""

    needed = ("path",)

    folder: str = ""
    path: str = ""
    num_parts: Whole | None = None
    upload_id: str | None = None
    parts: list[Part] | None = None
    caller: Caller | None = None

    @property
    def whole(self) -> str:
        """The path of the file."""
        return safe_path(posixpath.join(self.folder, posixpath.basename(self.path)))


def add_artefacts(table: Table, desk: Desk) -> None:
    """Add the routes."""
    of = Artefacts(desk)
    see, do = Permission.VIEW, Permission.RUN
    table.call("GET", f"{_ROOT}/artifacts", of.listed, Folder, permission=see, of=owners.path)
    table.stream("GET", f"{_ROOT}/artifacts/{{path:rest}}", of.download, permission=see, of=owners.path)
    table.stream("PUT", f"{_ROOT}/artifacts/{{path:rest}}", of.upload, permission=do, of=owners.path)
    table.call("DELETE", f"{_ROOT}/artifacts/{{path:rest}}", of.delete, Path, permission=do, of=owners.path)
    table.call("POST", f"{_ROOT}/mpu/create/{{folder:rest}}", of.begin, Upload, permission=do, of=owners.whole)
    table.call("POST", f"{_ROOT}/mpu/complete/{{folder:rest}}", of.complete, Upload, permission=do, of=owners.whole)
    table.call("POST", f"{_ROOT}/mpu/abort/{{folder:rest}}", of.abort, Upload, permission=do, of=owners.upload)
    table.stream("PUT", f"{_ROOT}/mpu/part/{{upload_id}}/{{number}}", of.part, permission=do, of=owners.upload)
    table.call("GET", f"{_ROOT}/presigned/{{path:rest}}", of.presigned, Path, permission=see, of=owners.anybody)
    table.call("GET", "/api/2.0/mlflow/artifacts/list", of.of_run, RunFolder, permission=see, of=owners.run)


class Artefacts:
    """One method for each route."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="artefacts")

    def listed(self, told: Folder) -> object:
        """Return what lies in a folder."""
        folder = safe_path(told.path or "")
        found = self._desk.read(lambda books: files.listed(books, folder))
        return {"files": found} if found else {}

    def of_run(self, told: RunFolder) -> object:
        """Return what lies in a folder of a run."""
        folder = safe_path(told.path or "")
        run = self._desk.read(lambda books: runs.get(books, told.run))
        root = root_of(run.info.artifact_uri)
        found = self._desk.read(lambda books: files.beneath(books, root, folder))
        return {"root_uri": run.info.artifact_uri} | ({"files": found} if found else {})

    def delete(self, told: Path) -> None:
        """Forget a file or folder."""
        path = safe_path(told.path)
        self._desk.write(lambda books: files.drop(books, self._desk.now(), path))

    def begin(self, told: Upload) -> object:
        """Begin a file that comes in parts, which are sent here, too."""
        count, caller = told.num_parts or 0, told.caller
        upload = self._desk.write(lambda books: files.begin_parts(books, told.whole, count))
        base = f"{caller.base if caller else ''}{_ROOT}/mpu/part/{upload}"
        headers = {"Authorization": caller.authorization} if caller and caller.authorization else {}
        parts = [{"url": f"{base}/{number}", "part_number": number, "headers": headers}
                 for number in range(1, count + 1)]  # fmt: skip
        return {"upload_id": upload, "credentials": parts}

    def complete(self, told: Upload) -> None:
        """Make one file of the parts."""
        given = [(each.part_number or 0, each.etag or "") for each in told.parts or ()]
        upload, path = told.upload_id or "", told.whole
        parts = self._desk.read(lambda books: files.parts_of(books, upload, path, given))
        digest, size = files.joined(self._desk.blobs, parts)
        self._desk.write(lambda books: files.keep(books, self._desk.now(), path, digest, size))
        self._desk.write(lambda books: files.forget_parts(books, upload))

    def abort(self, told: Upload) -> None:
        """Forget the parts."""
        self._desk.write(lambda books: files.forget_parts(books, told.upload_id or ""))

    def presigned(self, _told: Path) -> None:
        """Say that files are got from here alone."""
        raise WireError("NOT_IMPLEMENTED", "Multipart download is not supported for the current artifact repository")

    async def download(self, _scope: Scope, receive: Receive, send: Send, parts: Mapping[str, str]) -> None:
        """Send a file once all of it has been checked; nothing more is read for who has gone."""
        loop = asyncio.get_running_loop()
        file = await loop.run_in_executor(self._threads, self._file, safe_path(parts["path"]))
        chunks = await loop.run_in_executor(self._threads, self._desk.blobs.open, file.digest)
        first = await loop.run_in_executor(self._threads, next, chunks, b"")
        name = quote(posixpath.basename(file.path))
        headers = [
            (b"content-type", b"application/octet-stream"),
            (b"content-length", str(file.size_bytes).encode()),
            (b"content-disposition", f"attachment; filename*=UTF-8''{name}".encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.ensure_future(_gone(receive))
        chunk: bytes | None = first
        try:
            while chunk is not None and not gone.done():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                chunk = await loop.run_in_executor(self._threads, next, chunks, None)
            if not gone.done():
                await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            await loop.run_in_executor(self._threads, chunks.close)

    async def upload(self, _scope: Scope, receive: Receive, send: Send, parts: Mapping[str, str]) -> None:
        """Keep a file."""
        path = safe_path(parts["path"])
        loop = asyncio.get_running_loop()

        def kept() -> None:
            size = _Size()
            digest = self._desk.blobs.put_from(size.counted(_received(receive, loop)))
            self._desk.write(lambda books: files.keep(books, self._desk.now(), path, digest, size.bytes))

        await loop.run_in_executor(self._threads, kept)
        await _said(send, b"")

    async def part(self, _scope: Scope, receive: Receive, send: Send, parts: Mapping[str, str]) -> None:
        """Keep a part of a file."""
        number, loop = parts["number"], asyncio.get_running_loop()
        if not number.isascii() or not number.isdigit():
            raise WireError("INVALID_PARAMETER_VALUE", f"Invalid part number {number[:20]}.")

        def kept() -> Digest:
            digest = self._desk.blobs.put_from(_received(receive, loop))
            self._desk.write(lambda books: files.keep_part(books, parts["upload_id"], int(number), digest))
            return digest

        digest = await loop.run_in_executor(self._threads, kept)
        await _said(send, b"", (b"etag", f'"{digest}"'.encode()))

    def _file(self, path: str) -> File:
        return self._desk.read(lambda books: files.find(books, path))


class _Size:
    """Counts the bytes that go through."""

    def __init__(self) -> None:
        self.bytes = 0

    def counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.bytes += len(chunk)
            yield chunk


def _received(receive: Receive, loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
    """Give a body as it comes, to a thread, in chunks of about a megabyte.

    Raises
    ------
    ConnectionError
        When the client goes away before its end.
    """
    is_over = False

    async def chunk() -> bytes:
        nonlocal is_over
        parts, size = [], 0
        while not is_over and size < CHUNK_BYTES:
            message: Any = await receive()
            if message["type"] == "http.disconnect":
                raise WireError("CANCELLED", "The client went away before the end of the file; nothing was kept.")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            is_over = not message.get("more_body", False)
        return b"".join(parts)

    while not is_over:
        yield asyncio.run_coroutine_threadsafe(chunk(), loop).result()


async def _gone(receive: Receive) -> None:
    """Wait until the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _said(send: Send, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    kind = (b"content-type", b"application/json")
    await send({"type": "http.response.start", "status": 200, "headers": [kind, length, *headers]})
    await send({"type": "http.response.body", "body": body})
