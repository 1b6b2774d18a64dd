"""MLflow itself, unmodified, in an environment of its own: its client, and its server to compare with."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from kaizenml.interfaces.http.app import create_app
from kaizenml.loop.service import LoopService
from kaizenml.loop.wiring import open_house, read_settings

VERSION = "3.17.2"
#: Clients that are tried with our server by `make test-mlflow-clients`, which says so in the environment.
CLIENTS = ("2.9.2", "2.14.3", "2.22.2", "3.1.4", "3.10.1", VERSION)
ARE_ASKED_FOR = "KAIZEN_TEST_MLFLOW_CLIENTS"
collect_ignore = [] if os.environ.get(ARE_ASKED_FOR) else ["test_client_versions.py"]
#: What a program of MLflow's is run with: no telemetry, no minutes of trying again or of looking for requirements.
ENVIRONMENT = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eight processes that wait for jobs nobody sends
    "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "PYTHONDONTWRITEBYTECODE": "",  # each of its processes takes 6 s longer to compile what it imports
    "PYTHONWARNINGS": "ignore", "MLFLOW_LOCK_MODEL_DEPENDENCIES": "false", "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "1",
}  # fmt: skip


def made(version: str = VERSION) -> Path:
    """Return the interpreter of an environment that has a version of MLflow; made once, and kept for the next time."""
    given = os.environ.get("KAIZEN_TEST_MLFLOW")
    if given and version == VERSION:
        return Path(given)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kaizenml-tests"
    folder = cache / f"mlflow-{version}-{sys.version_info.major}.{sys.version_info.minor}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
            if uv is None:
                pytest.skip("uv, which makes the environment of MLflow, is not installed")
            for words in (
                ["venv", "--quiet", "--python", sys.executable, str(folder)],
                ["pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *_packages(version)],
            ):
                done = subprocess.run([uv, *words], capture_output=True, text=True, timeout=600)
                if done.returncode:
                    pytest.skip(f"the environment of MLflow {version} could not be made: {done.stderr[-500:]}")
            (folder / "ready").touch()
    return folder / "bin" / "python"


@pytest.fixture(scope="session")
def mlflow_python() -> Path:
    """An interpreter with MLflow 3.17.2."""
    return made()


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A new folder, in memory where there is one: what is compared here are answers, not disks."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def real_server(mlflow_python: Path) -> Iterator[str]:
    """MLflow's own server, on a database and a folder of its own."""
    with folder_in_memory() as folder, mlflow_server(mlflow_python, folder) as url:
        yield url


@contextmanager
def mlflow_server(mlflow_python: Path, folder: Path, more: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run MLflow's own server on a folder, with ``more`` in its environment; give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        str(mlflow_python), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files"),
    ]  # fmt: skip
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            words,
            cwd=folder,
            stdout=log,
            stderr=log,
            env={**os.environ, **ENVIRONMENT, **(more or {})},
            start_new_session=True,
        )
        try:
            url, limit = f"http://127.0.0.1:{port}", time.monotonic() + 270
            while not _answers(url):
                assert server.poll() is None, (folder / "log").read_text()[-2000:]
                assert time.monotonic() < limit, "MLflow's server did not start"
                time.sleep(0.1)
            yield url
        finally:
            os.killpg(server.pid, signal.SIGKILL)  # its workers take seconds to end, and nothing of it is needed
            server.wait(30)


@pytest.fixture(scope="module")
def our_server() -> Iterator[str]:
    """Our server, on a home of its own."""
    with folder_in_memory() as folder, serving(folder) as url:
        yield url


def _packages(version: str) -> list[str]:
    """Return what an environment needs; clients before 3 import a part of setuptools that newer ones have not."""
    return [f"mlflow=={version}", "scikit-learn", "pandas", *(["setuptools<81"] if version != VERSION else [])]


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the control plane of a folder on a free port; give its address."""
    app = create_app(LoopService(open_house(read_settings(folder))))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
