"""What is known of a run while it goes on: the steps that are over, and its console so far; kept when it was killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kaizenml.core.run import Console, Run
from kaizenml.loop.step_journal import steps_told
from kaizenml.loop.syncing import journals
from kaizenml.loop.wiring import House
from kaizenml.training import console


def console_file(home: Path, run: str) -> Path:
    """Return where the console of a pipeline's run lies until it has ended."""
    return home / "runs" / f"{run}.console"


def live(house: House, run: Run) -> Run:
    """Return a run with the steps that are over by now."""
    if run.is_over or run.steps:
        return run
    return replace(run, steps=steps_told(house.settings.home, run.id))


def console_so_far(house: House, run: Run) -> console.Text:
    """Return what a run wrote to its console: kept where it has ended, else what this machine has of it."""
    if run.console is not None:
        return console.Text(house.blobs.get(run.console.content), run.console.written, run.console.left_out)
    home = house.settings.home
    for file in (console_file(home, run.id), journals(home) / run.id / "console"):
        content, written, left_out = console.read(file)
        if written:
            return console.Text(content, written, left_out)
    return console.Text(b"", 0, 0)


def kept_console(house: House, run: Run) -> Console | None:
    """Keep the console of a pipeline's run whose process is gone; None where there is none."""
    file = console_file(house.settings.home, run.id)
    content, written, left_out = console.read(file)
    kept = Console(house.blobs.put(content), written, left_out) if written else run.console
    file.unlink(missing_ok=True)
    return kept
