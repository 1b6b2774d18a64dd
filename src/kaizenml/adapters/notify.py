"""Telling people about alerts in the plainest way: one line of JSON each."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from kaizenml.core.alert import Alert


class PrintNotifier:
    """Alerts as sentences on standard error."""

    def send(self, alert: Alert) -> None:
        """Tell of an alert."""
        print(f"[{alert.severity}] {alert.endpoint}: {alert.finding.sentence}", file=sys.stderr, flush=True)


class FileNotifier:
    """Alerts as lines of JSON at the end of a file.

    Parameters
    ----------
    path
        The file; made when it is not there.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)

    def send(self, alert: Alert) -> None:
        """Add the alert to the file."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as handle:
            handle.write(msgspec.json.encode(alert) + b"\n")
