import os
import socket
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kaizenml.errors import UnsafeArtefactError, WrongEnvironmentError
from kaizenml.packaging.sandbox import Sandbox, try_load

QUICK = Sandbox(memory_bytes=512 << 20, cpu_seconds=5, seconds=20.0, written_bytes=1 << 20)
HERE = f"{__name__}."


def measure(content, rows):
    print("noise on standard output")
    return {"bytes": len(content), "rows": rows}


def crash(content, rows):
    os.abort()


def leave(content, rows):
    os._exit(7)


def eat(content, rows):
    return len(bytearray(4 << 30))


def spin(content, rows):
    while True:
        pass


def sleep(content, rows):
    time.sleep(60)


def flood(content, rows):
    return "x" * (2 << 20)


def write(content, rows):
    with open(content.decode(), "w") as file:
        file.write("was here")


def scribble(content, rows):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "note").write_bytes(content)
        return len((Path(folder) / "note").read_bytes())


def delete(content, rows):
    os.remove(content.decode())


def connect(content, rows):
    socket.create_connection(("127.0.0.1", int(content)), timeout=2)


def shell(content, rows):
    os.system(f"touch {content.decode()}")


def spawn(content, rows):
    os.posix_spawn("/bin/true", ["true"], {})


def environment(content, rows):
    return dict(os.environ)


def nan(content, rows):
    return float("nan")


def mismatch(content, rows):
    raise WrongEnvironmentError("numpy is older.", "Install numpy 2.")


def fail(content, rows):
    raise ValueError("no")


@pytest.fixture
def attempt(monkeypatch):
    """Call one of the functions of this module in the sandbox."""
    monkeypatch.syspath_prepend(os.path.dirname(__file__))
    return lambda function, content=b"", sandbox=QUICK: try_load(
        f"{__name__}.{function.__name__}", content, [{"a": 1}], sandbox
    )


def test_the_answer_of_the_function_comes_back_as_json(attempt):
    assert attempt(measure, b"\x00\n\xff" * 1000) == {"bytes": 3000, "rows": [{"a": 1}]}


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (crash, "SIGABRT"),
        (leave, "ended the process with 7"),
        (eat, "memory"),
        (flood, r"gave no answer|ended"),
        (nan, "ValueError"),
        (fail, "ValueError: no"),
        (shell, r"os\.system"),
        (spawn, r"os\.posix_spawn"),
    ],
)
def test_what_goes_wrong_in_the_child_is_named(attempt, function, reason):
    with pytest.raises(UnsafeArtefactError, match=reason):
        attempt(function)


def test_endless_work_ends_with_its_processor_time(attempt):
    with pytest.raises(UnsafeArtefactError, match=r"processor time|SIGKILL"):
        attempt(spin, sandbox=replace(QUICK, cpu_seconds=1))


def test_endless_waiting_ends_with_its_deadline(attempt):
    started = time.monotonic()

    with pytest.raises(UnsafeArtefactError, match="longer than 1 s"):
        attempt(sleep, sandbox=replace(QUICK, seconds=1.0))

    assert time.monotonic() - started < 10


def test_no_file_is_written(attempt, tmp_path):
    canary = tmp_path / "canary"

    with pytest.raises(UnsafeArtefactError, match="tried to write"):
        attempt(write, str(canary).encode())

    assert not canary.exists()


def test_no_file_is_deleted(attempt, tmp_path):
    canary = tmp_path / "canary"
    canary.touch()

    with pytest.raises(UnsafeArtefactError, match=r"os\.remove"):
        attempt(delete, str(canary).encode())

    assert canary.exists()


def test_its_own_temporary_folder_may_be_written(attempt):
    assert attempt(scribble, b"abc") == 3


def test_no_socket_is_opened(attempt):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)

        with pytest.raises(UnsafeArtefactError, match="socket"):
            attempt(connect, str(server.getsockname()[1]).encode())
        with pytest.raises(TimeoutError):
            server.accept()


def test_no_variable_of_ours_is_seen(attempt, monkeypatch):
    monkeypatch.setenv("KAIZEN_TOKEN", "secret")

    assert "KAIZEN_TOKEN" not in attempt(environment)


def test_a_wrong_environment_in_the_child_is_told_as_such(attempt):
    with pytest.raises(WrongEnvironmentError, match="numpy is older"):
        attempt(mismatch)


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_a_function_that_does_not_exist_is_refused(attempt):
    with pytest.raises(UnsafeArtefactError, match="ModuleNotFoundError"):
        try_load("nowhere.to_be_found", b"", (), QUICK)
