"""What an MLflow client costs the server: processor time for each request, memory, time until it is ready.

Ours and MLflow's own server are measured in one run, one after the other, with the same requests. MLflow is taken from
the interpreter that KAIZEN_TEST_MLFLOW names, or from the environment that the tests have made; without either, only
ours is measured.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

OURS = """
import sys, threading
from pathlib import Path
from kaizenml.interfaces.http.server import serve_control_plane
from kaizenml.loop.service import LoopService
from kaizenml.loop.wiring import open_house, read_settings
house = open_house(read_settings(Path(sys.argv[2])))
with serve_control_plane(LoopService(house), host="127.0.0.1", port=int(sys.argv[1])):
    threading.Event().wait()
"""
#: Milliseconds of processor time that a request may cost.
LIMITS = {
    "log-metric": 0.8, "log-batch of 1,000 points": 6.0, "search 100 of 1,000 runs": 3.0, "search 1,000 runs": 20.0,
    "idle memory (MB)": 150.0, "ready after (s)": 3.0,
}  # fmt: skip


def main() -> int:
    """Measure, print a table, and return 1 when ours costs more than it may."""
    found = {"kaizenml": measured(ours)}
    python = mlflow_python()
    if python is not None:
        found["mlflow"] = measured(lambda port, folder: mlflow(python, port, folder))
    print(f"{'':28}" + "".join(f"{name:>12}" for name in found) + f"{'at most':>12}")
    names = list(found["kaizenml"])
    for name in names:
        print(f"{name:28}" + "".join(f"{each[name]:12.2f}" for each in found.values()) + f"{LIMITS.get(name, 0):12.1f}")
    late = [name for name in names if name in LIMITS and found["kaizenml"][name] > LIMITS[name]]
    if late:
        print(f"More than it may be: {', '.join(late)}", file=sys.stderr)
    return bool(late)


def mlflow_python() -> Path | None:
    """Return an interpreter that has MLflow, if there is one."""
    given = os.environ.get("KAIZEN_TEST_MLFLOW")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kaizenml-tests"
    known = [Path(given)] if given else sorted(cache.glob("mlflow-3.17*/bin/python"))
    return known[0] if known else None


def ours(port: int, folder: Path) -> list[str]:
    """Return how our server is started."""
    return [sys.executable, "-c", OURS, str(port), str(folder)]


def mlflow(python: Path, port: int, folder: Path) -> list[str]:
    """Return how MLflow's is started, with one worker."""
    return [
        str(python), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files"),
    ]  # fmt: skip


def measured(command: Callable[[int, Path], list[str]]) -> dict[str, float]:
    """Return the costs of a server, by name."""
    with (
        tempfile.TemporaryDirectory() as folder,
        started(command, Path(folder)) as (url, pid, ready),
        httpx.Client(base_url=f"{url}/api/2.0/mlflow/", timeout=120) as client,
    ):
        experiment = _post(client, "experiments/create", {"name": "costs"})["experiment_id"]
        found = {"ready after (s)": ready, "idle memory (MB)": memory(pid)}
        found |= writes(client, pid, _run(client, experiment, 0))
        many = _post(client, "experiments/create", {"name": "many"})["experiment_id"]
        for number in range(1000):
            _fill(client, _run(client, many, number), number)
        found |= searches(client, pid, many)
        found["memory afterwards (MB)"] = memory(pid)
        return found


def writes(client: httpx.Client, pid: int, run: str) -> dict[str, float]:
    """Return what writing costs, in milliseconds."""

    def metric(number: int) -> None:
        body = {"run_id": run, "key": "loss", "value": number / 7, "timestamp": 1_000 + number, "step": number}
        _post(client, "runs/log-metric", body)

    def batch(number: int) -> None:
        points = [
            {"key": f"m{index % 10}", "value": index / 3, "timestamp": 10**9 + number * 1000 + index,
             "step": number * 1000 + index}
            for index in range(1000)
        ]  # fmt: skip
        _post(client, "runs/log-batch", {"run_id": run, "metrics": points})

    return {"log-metric": cost(pid, 300, metric), "log-batch of 1,000 points": cost(pid, 20, batch)}


def searches(client: httpx.Client, pid: int, experiment: str) -> dict[str, float]:
    """Return what searching costs, in milliseconds."""

    def search(most: int, **more: object) -> Callable[[int], None]:
        body = {"experiment_ids": [experiment], "max_results": most, **more}
        return lambda _: _check(_post(client, "runs/search", body), most)

    filtered = search(100, filter="metrics.m1 > 10", order_by=["metrics.m1 DESC"])
    return {
        "search 100 of 1,000 runs": cost(pid, 30, search(100)),
        "… by a metric, filtered": cost(pid, 30, filtered),
        "search 1,000 runs": cost(pid, 10, search(1000)),
    }


def cost(pid: int, times: int, ask: Callable[[int], None]) -> float:
    """Return how many milliseconds of processor time the server uses for each request."""
    for number in range(3):
        ask(-1 - number)
    before = processor(pid)
    for number in range(times):
        ask(number)
    return 1000 * (processor(pid) - before) / times


@contextmanager
def started(command: Callable[[int, Path], list[str]], folder: Path) -> Iterator[tuple[str, int, float]]:
    """Start a server; give its address, process and the seconds until it answered."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    begun, url = time.monotonic(), f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            command(port, folder), cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            while not _answers(url):
                if server.poll() is not None:
                    raise RuntimeError((folder / "log").read_text()[-2000:])
                time.sleep(0.02)
            yield url, server.pid, time.monotonic() - begun
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)


def processor(pid: int) -> float:
    """Return the seconds of processor time that a process and its children have used."""
    ticks = 0
    for each in _family(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Return the memory of a process and its children, in MB, with what they share counted once (PSS)."""
    total = 0
    for each in _family(pid):
        lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1000


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def _post(client: httpx.Client, path: str, body: object) -> dict[str, str]:
    answer = client.post(path, json=body)
    answer.raise_for_status()
    found: dict[str, str] = answer.json()
    return found


def _run(client: httpx.Client, experiment: str, start: int) -> str:
    body = {"experiment_id": experiment, "user_id": "ada", "start_time": start}
    run: dict[str, dict[str, str]] = _post(client, "runs/create", body)["run"]  # type: ignore[assignment]
    return run["info"]["run_id"]


def _fill(client: httpx.Client, run: str, number: int) -> None:
    body = {
        "run_id": run,
        "metrics": [{"key": f"m{index}", "value": index * number, "timestamp": 1, "step": 0} for index in range(10)],
        "params": [{"key": f"p{index}", "value": str(index)} for index in range(10)],
        "tags": [{"key": f"t{index}", "value": "x"} for index in range(5)],
    }
    _post(client, "runs/log-batch", body)


def _check(found: dict[str, str], count: int) -> None:
    if len(found["runs"]) != count:
        raise RuntimeError(f"{len(found['runs'])} runs were found, not {count}")


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    sys.exit(main())
