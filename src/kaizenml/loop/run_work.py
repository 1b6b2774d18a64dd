"""Comparisons and repetitions of runs, and the acceptance of changed code, as a worker does them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from kaizenml.core.job import Job, Work
from kaizenml.loop.accepting import accept
from kaizenml.loop.comparing import compare
from kaizenml.loop.evaluation_report import spelled_out
from kaizenml.loop.loading import load_folder
from kaizenml.loop.order import Order
from kaizenml.loop.rerunning import rerun
from kaizenml.loop.wiring import House, Say


def perform(house: House, job: Job, say: Say) -> Mapping[str, object]:
    """Do the work; what it finds lies among the blobs, and the result says where."""
    if job.work is Work.ACCEPT:
        return {"document": house.blobs.put(msgspec.json.encode(_accepted(house, job)))}
    runs = msgspec.convert(job.facts["runs"], list[str])
    if job.work is Work.COMPARE:
        found = msgspec.to_builtins(compare(house, runs))
        return {"document": house.blobs.put(msgspec.json.encode(spelled_out(found)))}
    done = rerun(house, runs[0], say, author=str(job.facts["author"]), anyway=bool(job.facts.get("anyway")))
    told = {**msgspec.to_builtins(done), "largest": done.largest}
    return {"run": done.run, "document": house.blobs.put(msgspec.json.encode(spelled_out(told)))}


def _accepted(house: House, job: Job) -> dict[str, object]:
    step, by = str(job.facts["step"]), str(job.facts["author"])
    loaded = load_folder(Path(str(job.facts["folder"])))
    because = str(job.facts["because"])
    changed = accept(loaded, house, step, by=by, because=because, order=Order("", by, {}))
    return {"step": step, "accepted": list(changed)}
