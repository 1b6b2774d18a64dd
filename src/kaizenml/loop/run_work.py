"""Comparisons and repetitions of runs, as a worker does them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kaizenml.core.job import Job, Work
from kaizenml.loop.comparing import compare
from kaizenml.loop.evaluation_report import spelled_out
from kaizenml.loop.rerunning import rerun
from kaizenml.loop.wiring import House, Say


def perform(house: House, job: Job, say: Say) -> Mapping[str, object]:
    """Do the work; what it finds lies among the blobs, and the result says where."""
    runs = msgspec.convert(job.facts["runs"], list[str])
    if job.work is Work.COMPARE:
        found = msgspec.to_builtins(compare(house, runs))
        return {"document": house.blobs.put(msgspec.json.encode(spelled_out(found)))}
    done = rerun(house, runs[0], say, author=str(job.facts["author"]), anyway=bool(job.facts.get("anyway")))
    told = {**msgspec.to_builtins(done), "largest": done.largest}
    return {"run": done.run, "document": house.blobs.put(msgspec.json.encode(spelled_out(told)))}
