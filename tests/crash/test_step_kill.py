"""A run that is killed at any moment repeats at most one step when it is gone on with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

#: `KAIZEN_TEST_KILLS=1000` for the whole of it.
KILLS = os.environ.get("KAIZEN_TEST_KILLS", "40")


def test_a_killed_run_repeats_at_most_one_step(tmp_path):
    script = Path(__file__).with_name("step_kills.py")

    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), KILLS], capture_output=True, text=True, check=False,
        timeout=max(280, 7 * int(KILLS)),
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-2000:]
    assert f"{KILLS} kills" in done.stdout
