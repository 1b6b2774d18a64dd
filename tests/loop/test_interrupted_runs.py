"""A run is interrupted where its steps run: it ends as cancelled, leaves no process, and can be gone on with."""

from __future__ import annotations

import pytest
from interrupted_runs import forever, interrupted, left_running
from step_projects import ran, states


@pytest.mark.parametrize("how", ["ctrl-c", "kaizen cancel"])
@pytest.mark.parametrize("runner", ["local", "pool"])
def test_an_interrupted_run_ends_as_cancelled_and_leaves_no_process(tmp_path, runner, how):
    folder = forever(tmp_path / "lab")
    run, said = interrupted(folder, runner, how)

    assert run["state"] == "cancelled"
    assert "slow: failed after" in said  # it stopped by itself, and was not ended for not listening
    assert left_running(folder) == []

    (folder / "go").touch()
    assert states(ran(folder, "next", runner=runner)) == {"first": "cached", "slow": "done"}
