"""The evaluation of a run, read back: as values, and as a page. Loads no model."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec

from kaizenml.core.assessment import ASSESSMENT, Assessment
from kaizenml.core.ports import Blobs
from kaizenml.core.run import Run
from kaizenml.errors import StateError
from kaizenml.loop.run_names import found_run
from kaizenml.loop.wiring import House
from kaizenml.training.report_page import page

#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(Assessment),)


def run_of(house: House, name: str = "") -> Run:
    """Return a run as `found_run` knows it; without a name the newest evaluated one.

    Raises
    ------
    NotFoundError
        When there is no such run.
    StateError
        When no run has been evaluated yet.
    """
    with house.records.reading() as books:
        if name:
            return found_run(books, name)
        for run in books.runs.newest(limit=1000):
            if ASSESSMENT in run.artefacts:
                return run
    raise StateError("No run has been evaluated yet.", "Make one: `kaizen run`.")


def assessment_of(run: Run, blobs: Blobs) -> Assessment:
    """Return what the evaluation of a run found.

    Raises
    ------
    StateError
        When it has none: it failed before, or trained no model.
    """
    if ASSESSMENT not in run.artefacts:
        why = f": {run.error}" if run.error else ""
        raise StateError(f"The run {run.id} has no evaluation; it is {run.state}{why}.", "`kaizen runs` lists others.")
    return decoded(blobs.get(run.artefacts[ASSESSMENT]))


def encoded(found: Assessment) -> bytes:
    """Return what was found as JSON; numbers that are not finite, as JSON has none, are ``"nan"`` and ``"inf"``."""
    return msgspec.json.encode(spelled_out(msgspec.to_builtins(found)))


def decoded(content: bytes) -> Assessment:
    """Return what `encoded` wrote."""
    return msgspec.json.decode(content, type=Assessment, strict=False)


def report(run: Run, blobs: Blobs) -> str:
    """Return the report of a run as one HTML page."""
    facts = {"run": run.id, "state": run.state.value}
    facts |= {"model version": run.model_version} if run.model_version else {}
    facts |= {"data": run.snapshot} if run.snapshot else {}
    title = f"{run.release or run.project}: evaluation"
    return page(title, facts, assessment_of(run, blobs), run.verdict)


def spelled_out(value: object) -> object:
    """Return plain values without numbers that JSON lacks: those that are not finite as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: spelled_out(item) for key, item in value.items()}
    return [spelled_out(item) for item in value] if isinstance(value, list | tuple) else value


def written(run: Run, blobs: Blobs, path: Path) -> Path:
    """Write the report of a run, and return where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report(run, blobs), "utf-8")
    return path
