"""What telling of events costs: events overtaken a second, letters delivered a second, time from event to receiver.

Usage: python benchmarks/records/bench_notify.py [URL]
The receiver is a server on this machine that answers at once. Without a URL, SQLite in a temporary folder.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kaizenml.core.event import Draft, Kind
from kaizenml.loop import outbox
from kaizenml.loop.notify_service import LoopNotify
from kaizenml.loop.notifying import deliver, keep_posted
from kaizenml.loop.settings import settings
from kaizenml.loop.wiring import House, open_house

UNWANTED, WANTED, TIMED = 50_000, 2_000, 200
ARRIVED: list[float] = []


class Handler(BaseHTTPRequestHandler):
    """Notes when something came, and answers at once."""

    def do_POST(self) -> None:
        """Take a letter."""
        ARRIVED.append(time.perf_counter())
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Lets many connect at once."""

    request_queue_size = 128


def main() -> None:
    """Measure and print."""
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        of = {"notify_allow": "127.0.0.1"} | ({"database": sys.argv[1]} if len(sys.argv) > 1 else {})
        house = open_house(settings(Path(folder), {}, of))
        LoopNotify(house).add(
            "bench", f"http://127.0.0.1:{server.server_port}/", by="person:bench", kinds=["run.failed"]
        )
        _overtaken(house)
        _delivered(house)
        _latency(house)
        house.records.close()
    server.shutdown()


def _happens(house: House, kind: Kind, count: int) -> None:
    with house.records.writing() as books:
        for _ in range(count):
            books.events.append(Draft("bench", "system:bench", kind, "run:1"), datetime.now(UTC))


def _overtaken(house: House) -> None:
    _happens(house, Kind.WINDOW_WATCHED, UNWANTED)
    began = time.perf_counter()
    seen: dict[str, int] = {}
    while True:
        with house.records.reading() as books:
            is_news, seen = outbox.has_news(books, seen)
        if not is_news:
            break
        with house.records.writing() as books:
            outbox.collect(books, datetime.now(UTC))
    took = time.perf_counter() - began
    print(f"{UNWANTED:,} events that nobody wants: overtaken in {took:.2f} s ({UNWANTED / took:,.0f}/s)")


def _delivered(house: House) -> None:
    _happens(house, Kind.RUN_FAILED, WANTED)
    began = time.perf_counter()
    letters = deliver(house)
    took = time.perf_counter() - began
    print(f"{len(letters):,} letters to one receiver: delivered in {took:.2f} s ({len(letters) / took:,.0f}/s)")


def _latency(house: House) -> None:
    stop = threading.Event()
    post = threading.Thread(target=keep_posted, args=(house, print), kwargs={"stop": stop})
    post.start()
    time.sleep(1.0)
    took = []
    for _ in range(TIMED):
        ARRIVED.clear()
        _happens(house, Kind.RUN_FAILED, 1)
        written = time.perf_counter()
        while not ARRIVED:
            time.sleep(0.0005)
        took.append(ARRIVED[0] - written)
        time.sleep(0.02)
    stop.set()
    post.join()
    took.sort()
    cuts = f"median {took[len(took) // 2] * 1e3:.0f} ms, p99 {took[int(len(took) * 0.99)] * 1e3:.0f} ms"
    print(f"from an event's commit to the receiver: {cuts}, most {took[-1] * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
