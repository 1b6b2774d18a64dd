"""A run of an MLflow client is shown with what its client told, and nothing made up beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kaizenml.interfaces.cli.run_page import print_page
from kaizenml.loop.showing import shown

if TYPE_CHECKING:
    from conftest import Wire


def test_what_the_client_did_not_tell_is_left_out(wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    run = wire.run()
    wire.post("runs/log-metric", run_id=run, key="loss", value="NaN", timestamp=1, step=0)
    print_page(shown(wire.house, run))
    bare = capsys.readouterr().out
    wire.post("runs/set-tag", run_id=run, key="mlflow.source.git.commit", value="0123456789abcdef")
    print_page(shown(wire.house, run))

    assert "mlflow of default by person:ada" in bare
    assert "loss" in bare
    for made_up in ("Python", "cpus", "commit", "repository"):
        assert made_up not in bare
    assert "commit 0123456789ab, as its client told" in capsys.readouterr().out
