"""The clock on the wall, and telling people plainly."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "contracts"))

from record_samples import alert

from kaizenml.adapters.clock import SystemClock
from kaizenml.adapters.notify import FileNotifier, PrintNotifier


def test_the_clock_says_what_time_it_is_in_utc() -> None:
    now = SystemClock().now()

    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


def test_alerts_are_lines_of_json_in_a_file(tmp_path: Path) -> None:
    notifier = FileNotifier(tmp_path / "new" / "alerts.jsonl")

    notifier.send(alert(subject="hour"))
    notifier.send(alert(subject="day"))

    lines = (tmp_path / "new" / "alerts.jsonl").read_text().splitlines()
    assert [json.loads(line)["subject"] for line in lines] == ["hour", "day"]


def test_alerts_are_sentences_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    PrintNotifier().send(alert())

    assert capsys.readouterr().err == "[warning] flights: hour moved by 0.31\n"
