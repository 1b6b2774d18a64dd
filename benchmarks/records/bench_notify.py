"""What telling of events costs: events overtaken a second, letters delivered a second, time from event to receiver.

Usage: python benchmarks/records/bench_notify.py [URL]
The receiver is another process on this machine that answers at once. Without a URL, SQLite in a temporary folder.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

from kaizenml.core.event import Draft, Kind
from kaizenml.loop import outbox
from kaizenml.loop.notify_service import LoopNotify
from kaizenml.loop.notifying import deliver, keep_posted
from kaizenml.loop.settings import settings
from kaizenml.loop.wiring import House, open_house

UNWANTED, WANTED, TIMED = 50_000, 2_000, 200


class Handler(BaseHTTPRequestHandler):
    """Answers at once, and prints when something came."""

    def do_POST(self) -> None:
        """Take a letter."""
        sys.stdout.write(f"{time.time()}\n")
        sys.stdout.flush()
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Lets many connect at once."""

    request_queue_size = 128


def receive() -> None:
    """Be the receiver: print the port, then the time of each letter."""
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


def main() -> None:
    """Measure and print."""
    receiver = subprocess.Popen([sys.executable, __file__, "--receive"], stdout=subprocess.PIPE, text=True)
    assert receiver.stdout is not None
    lines, arrived = receiver.stdout, Queue[float]()
    url = f"http://127.0.0.1:{int(lines.readline())}/"
    threading.Thread(target=lambda: [arrived.put(float(line)) for line in lines], daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        of = {"notify_allow": "127.0.0.1"} | ({"database": sys.argv[1]} if len(sys.argv) > 1 else {})
        house = open_house(settings(Path(folder), {}, of))
        LoopNotify(house).add("bench", url, by="person:bench", kinds=["run.failed"])
        _overtaken(house)
        _delivered(house)
        _latency(house, arrived)
        house.records.close()
    receiver.kill()


def _happens(house: House, kind: Kind, count: int) -> None:
    with house.records.writing() as books:
        for _ in range(count):
            books.events.append(Draft("bench", "system:bench", kind, "run:1"), datetime.now(UTC))


def _overtaken(house: House) -> None:
    _happens(house, Kind.WINDOW_WATCHED, UNWANTED)
    began, cpu = time.perf_counter(), time.process_time()
    with house.records.writing() as books:
        while outbox.collect(books, datetime.now(UTC)) or outbox.has_news(books, {})[0]:
            pass
    _said(f"{UNWANTED:,} events that nobody wants: overtaken", UNWANTED, began, cpu)


def _delivered(house: House) -> None:
    _happens(house, Kind.RUN_FAILED, WANTED)
    began, cpu = time.perf_counter(), time.process_time()
    letters = deliver(house)
    assert len(letters) == WANTED
    _said(f"{WANTED:,} letters to one receiver: delivered", WANTED, began, cpu)


def _said(what: str, count: int, began: float, cpu: float) -> None:
    took, used = time.perf_counter() - began, time.process_time() - cpu
    print(f"{what} in {took:.2f} s ({count / took:,.0f}/s), {used / count * 1e6:,.0f} µs of processor each")


def _latency(house: House, arrived: Queue[float]) -> None:
    stop = threading.Event()
    post = threading.Thread(target=keep_posted, args=(house, print), kwargs={"stop": stop})
    post.start()
    time.sleep(1.0)
    took = []
    while not arrived.empty():
        arrived.get()
    for _ in range(TIMED):
        _happens(house, Kind.RUN_FAILED, 1)
        written = time.time()
        took.append(arrived.get() - written)
        time.sleep(0.02)
    stop.set()
    post.join()
    took.sort()
    cuts = f"median {took[len(took) // 2] * 1e3:.0f} ms, p99 {took[int(len(took) * 0.99)] * 1e3:.0f} ms"
    print(f"from an event's commit to the receiver: {cuts}, most {took[-1] * 1e3:.0f} ms")


if __name__ == "__main__":
    receive() if "--receive" in sys.argv else main()
