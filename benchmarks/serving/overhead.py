"""What the data plane costs around a scorer: requests a second, and CPU microseconds a request.

The scorer answers at once, so that what is measured is HTTP, checks, routing, the queue, the log and the metrics. The
server runs in a process of its own; CPU is what the kernel charged it. Nothing is asserted: machines differ.

Usage: python benchmarks/serving/overhead.py [SECONDS]
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import uvicorn

from kaizenml.core.endpoint import Route, Routes
from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.core.signature import Answer, Signature
from kaizenml.serving.app import DataPlane
from kaizenml.serving.limits import Limits
from kaizenml.serving.server import serve

COLUMNS = tuple(Column(f"x{number}", ColumnKind.NUMBER, example=number + 0.5) for number in range(10))
ROW = {column.name: column.example for column in COLUMNS}
TOKEN = "benchmark"


class NoScorer:
    """Answers at once."""

    signature = Signature(Task.BINARY, "y", COLUMNS, ("no", "yes"))

    def answer(self, rows):
        """Return the same answer for every row."""
        return (Answer("yes", (0.25, 0.75)),) * len(rows)


def run_server(folder: str, limits: Limits) -> None:
    """Serve until the parent is gone."""
    place = Path(folder)
    plane = DataPlane(
        place / "routes.json", place / "served.json", place / "spool", lambda *_: NoScorer(), token=TOKEN, limits=limits
    )
    serve(plane, port=0, parent=os.getppid(), announce=lambda url: print(url, flush=True))


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of all threads of a process."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def request_bytes(rows: int) -> bytes:
    """Return a whole HTTP request."""
    body = json.dumps({"rows": [ROW] * rows}).encode()
    head = (
        "POST /endpoints/bench/predict HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {TOKEN}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Client(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, request: bytes, until: float, latencies: list[float]) -> None:
        self._request, self._until, self._latencies = request, until, latencies
        self._left = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        """Ask for the first time."""
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Take the answer, and ask again."""
        if not self._left:
            assert data.startswith(b"HTTP/1.1 200"), data
            head, _, body = data.partition(b"\r\n\r\n")
            self._left = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) - len(body)
        else:
            self._left -= len(data)
        if self._left:
            return
        now = time.perf_counter()
        self._latencies.append(now - self._started)
        if now < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, _error):
        """Say that it is over."""
        self.done.set_result(None)


async def measure(port: int, pid: int, clients: int, rows: int, seconds: float) -> None:
    """Ask for some seconds, and print what came of it."""
    latencies: list[float] = []
    request, started, before = request_bytes(rows), time.perf_counter(), cpu_seconds(pid)
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Client(request, started + seconds, latencies), "127.0.0.1", port)
        for _ in range(clients)
    ]
    await asyncio.gather(*(client.done for _, client in made))
    elapsed, cpu = time.perf_counter() - started, cpu_seconds(pid) - before
    latencies.sort()
    middle, late = latencies[len(latencies) // 2] * 1e3, latencies[int(len(latencies) * 0.99)] * 1e3
    print(
        f"{clients:3d} clients, {rows:5d} rows: {len(latencies) / elapsed:8.0f} requests/s  "
        f"{cpu / len(latencies) * 1e6:8.1f} us CPU/request  p50 {middle:7.2f} ms  p99 {late:7.2f} ms"
    )


async def answer_nothing(scope, receive, send) -> None:
    """Answer every request with the same bytes: what the HTTP server alone costs."""
    if scope["type"] != "http":
        return
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


def run_floor() -> None:
    """Serve nothing, on the same server."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(2048)
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        config = uvicorn.Config(
            answer_nothing, loop="uvloop", http="httptools", lifespan="off", log_config=None, access_log=False
        )
        uvicorn.Server(config).run([listener])


def measure_all(name: str, options: list[str], loads: list[tuple[int, int]], seconds: float) -> None:
    """Start a server, measure it under each load, stop it."""
    print(name)
    with subprocess.Popen([sys.executable, __file__, *options], stdout=subprocess.PIPE, text=True) as server:
        port = int(server.stdout.readline().rsplit(":", 1)[1])
        time.sleep(0.5)
        for clients, rows in loads:
            asyncio.run(measure(port, server.pid, clients, rows, seconds))
        server.terminate()


def main(seconds: float) -> None:
    """Measure the HTTP server alone, then the data plane on it."""
    with tempfile.TemporaryDirectory() as folder:
        routes = Routes(1, (Route("bench", "bench/1"),), {"bench/1": "0" * 64})
        Path(folder, "routes.json").write_bytes(msgspec.json.encode(routes))
        measure_all("uvicorn alone", ["--floor"], [(1, 1), (32, 1)], seconds)
        loads = [(1, 1), (32, 1), (8, 100), (2, 5000)]
        measure_all("scored where it is asked", ["--serve", folder], loads, seconds)
        measure_all("scored on the thread", ["--threaded", folder], loads[:2], seconds)
        logged = sum(path.stat().st_size for path in Path(folder, "spool").iterdir())
        print(f"logged {logged / 1e6:.1f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--floor"]:
        run_floor()
    elif sys.argv[1:2] == ["--serve"]:
        run_server(sys.argv[2], Limits())
    elif sys.argv[1:2] == ["--threaded"]:
        run_server(sys.argv[2], Limits(inline_seconds=0.0))
    else:
        main(float(sys.argv[1]) if sys.argv[1:] else 2.0)
