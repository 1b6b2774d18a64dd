"""What `kaizen ci` leaves: a page, JUnit XML, the plots, and the same as JSON."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from kaizenml.loop.ci import Change, Trial
from kaizenml.loop.ci_junit import junit
from kaizenml.loop.ci_markdown import markdown
from kaizenml.loop.evaluation_report import spelled_out

PAGE, XML, FACTS = "report.md", "junit.xml", "report.json"
#: GitHub takes no more than this of a step's summary.
_MOST_BYTES = 1_000_000


def write(trial: Trial, folder: Path) -> dict[str, Path]:
    """Write the report into a folder; return where each file is."""
    plots = _plots(trial, folder)
    contents = {
        PAGE: markdown(trial.change, plots).encode(),
        XML: junit(trial.change),
        FACTS: msgspec.json.format(msgspec.json.encode(facts(trial.change)), indent=2) + b"\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents}


def summarize(change: Change, summary: Path) -> None:
    """Append the page to a file that a CI system shows, which has no pictures."""
    content = markdown(change, {}).encode()
    if len(content) > _MOST_BYTES:
        content = content[:_MOST_BYTES].decode(errors="ignore").encode() + "\n\n… cut short.\n".encode()
    with summary.open("ab") as file:
        file.write(content)


def facts(change: Change) -> dict[str, object]:
    """Return the change as plain values."""
    run = change.run
    return {
        "project": change.project,
        "passed": change.has_passed,
        "error": change.error,
        "hint": change.hint,
        "run": run.id if run else None,
        "against": None if change.beside is None else {
            "name": change.beside.called,
            "run": change.beside.run.id if change.beside.run else None,
            "error": change.beside.error,
        },
        "checks": _plain(change.checks),
        "metrics": _plain(run.metrics if run else {}),
        "differences": _plain(change.metrics),
        "slices": _plain(change.slices),
        "steps": _plain(run.steps if run else ()),
        "data": _plain(change.data),
        "environment": _plain(change.environment),
        "dependencies": change.dependencies,
    }  # fmt: skip


def _plain(value: object) -> object:
    return spelled_out(msgspec.to_builtins(value))


def _plots(trial: Trial, folder: Path) -> dict[str, str]:
    run = trial.change.run
    drawn = {} if run is None else {n: digest for n, digest in run.artefacts.items() if n.endswith(".svg")}
    shutil.rmtree(folder / "plots", ignore_errors=True)  # of an earlier report
    for name, digest in drawn.items():
        (folder / "plots").mkdir(parents=True, exist_ok=True)
        (folder / "plots" / name).write_bytes(trial.house.blobs.get(digest))
    return {name.removesuffix(".svg"): f"plots/{name}" for name in drawn}
