"""Clients of every age do with our server what they do with their own; asked for by `make test-mlflow-clients`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from conftest import CLIENTS, ENVIRONMENT, made

PROGRAM = Path(__file__).parent / "programs" / "clients.py"
TABLE = Path(__file__).parents[2] / "docs" / "how-to" / "move-from-mlflow.md"


@pytest.mark.parametrize("version", CLIENTS)
def test_a_client_works(version: str, our_server: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(made(version)), str(PROGRAM), our_server],
        cwd=tmp_path, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    print(json.dumps(seen))
    assert seen.pop("version") == version
    assert len(seen) == 9
    assert set(seen.values()) == {"works"}, done.stderr[-3000:]
    assert f"| {version} |" in TABLE.read_text()
