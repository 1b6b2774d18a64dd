"""The `kaizen` command as a user has it: called, answered in JSON, and `kaizen up` kept running for a while."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from kaizenml.interfaces.cli.main import kaizen
from kaizenml.interfaces.cli.output import told

T = TypeVar("T")
KAIZEN = (sys.executable, "-m", "kaizenml")


def environment(home: Path | None) -> dict[str, str]:
    """Return this process's environment without its own settings, with a home of its own and a bounded appetite."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("KAIZEN_")}
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2"}
    return own | threads | ({"KAIZEN_HOME": str(home)} if home else {})


def call(*words: object, home: Path | None = None, within: float = 120) -> subprocess.CompletedProcess[str]:
    """Call `kaizen` in a process of its own."""
    return subprocess.run(
        [*KAIZEN, *map(str, words)], env=environment(home), capture_output=True, text=True, timeout=within, check=False
    )


def called(*words: object, home: Path | None = None, code: int = 0) -> Any:
    """Call `kaizen … --json` within this process, expect an exit code, and return the document."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(io.StringIO()), _home(home):
        given = told(lambda: kaizen.main([*map(str, words), "--json"], standalone_mode=False), as_json=True)
    assert given == code, printed.getvalue()
    return json.loads(printed.getvalue())


@contextmanager
def _home(home: Path | None) -> Iterator[None]:
    before = os.environ.pop("KAIZEN_HOME", None)
    if home:
        os.environ["KAIZEN_HOME"] = str(home)
    try:
        yield
    finally:
        os.environ.pop("KAIZEN_HOME", None)
        if before is not None:
            os.environ["KAIZEN_HOME"] = before


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def soon(what: Callable[[], T], *, within: float = 30, every: float = 0.05) -> T:
    """Return what the call returns as soon as it is true; a connection that is refused is not yet true."""
    limit = time.monotonic() + within
    while True:
        found = None
        with suppress(httpx.HTTPError):
            found = what()
        if found:
            return found
        assert time.monotonic() < limit, f"not within {within} s; last: {found!r}"
        time.sleep(every)


@dataclass
class Up:
    """A `kaizen up` that runs."""

    folder: Path
    home: Path | None
    port: int
    predict_port: int
    process: subprocess.Popen[bytes]
    log: Path
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    @property
    def control(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> str:
        return f"http://127.0.0.1:{self.predict_port}"

    def get(self, path: str) -> Any:
        """Return a document of the control plane."""
        answer = self.http.get(f"{self.control}{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: object) -> httpx.Response:
        """Send JSON to the control plane."""
        return self.http.post(f"{self.control}{path}", json=body)

    def predict(self, endpoint: str, rows: Sequence[Mapping[str, Any]], **more: Any) -> httpx.Response:
        """Send rows to an endpoint."""
        return self.http.post(f"{self.data}/endpoints/{endpoint}/predict", json={"rows": list(rows), **more})

    def feedback(self, endpoint: str, labels: Sequence[Mapping[str, Any]]) -> httpx.Response:
        """Send labels to an endpoint."""
        return self.http.post(f"{self.data}/endpoints/{endpoint}/feedback", json={"labels": list(labels)})

    def endpoint(self, name: str) -> Any:
        return self.get(f"/api/v1/endpoints/{name}")

    def children(self) -> list[int]:
        """Return the processes that this one has started."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def is_serving(self, endpoint: str) -> bool:
        return self.http.get(f"{self.data}/endpoints/{endpoint}/schema").status_code == 200


def begin(folder: Path, home: Path | None = None, ports: Sequence[int] = ()) -> Up:
    """Start `kaizen up` and wait until both planes listen."""
    port, predict_port = ports or free_ports(2)
    log = folder / f"up-{time.time_ns()}.log"
    with log.open("wb") as out:
        words = ["up", "--project", str(folder), "--port", str(port), "--predict-port", str(predict_port)]
        process = subprocess.Popen([*KAIZEN, *words], stdout=out, stderr=out, env=environment(home))
    running = Up(folder, home, port, predict_port, process, log)
    try:
        soon(lambda: running.http.get(f"{running.control}/health/live").status_code == 200)
        soon(lambda: running.http.get(f"{running.data}/health/live").status_code == 200)
    except BaseException:
        finish(running)
        raise
    return running


def finish(running: Up) -> None:
    """End it in good order, and see that nothing of it is left."""
    running.http.close()
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGTERM)
        try:
            running.process.wait(40)
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.process.wait()


@contextmanager
def up(folder: Path, home: Path | None = None) -> Iterator[Up]:
    """Keep `kaizen up` running for as long as the block lasts."""
    running = begin(folder, home)
    try:
        yield running
    finally:
        finish(running)


def is_alive(pid: int) -> bool:
    """Say whether a process lives; one that nobody has buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
