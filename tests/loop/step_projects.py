"""Small projects whose pipelines need no data, for tests of how steps are run."""

from __future__ import annotations

import sys
import textwrap

from kaizenml.loop.loading import load_folder
from kaizenml.loop.running import Order, Way, run
from kaizenml.loop.wiring import open_house, read_settings

HEAD = """
import os, signal, sys, time
import kaizenml as kz

project = kz.Project("lab", source=kz.files("none.csv"), target="y")
"""

#: A project whose results are frames, lists of them, numbers by chance, and a set.
TABLES = """
    import polars as pl

    @project.step
    def table(seed):
        return pl.DataFrame({"a": range(50), "b": [f"x{i % 7}" for i in range(50)]})

    @project.step
    def parts(table):
        return [table.filter(pl.col("b") == f"x{i}") for i in range(7)]

    @project.step
    def sizes(rng, part=kz.each("parts")):
        return len(part), float(rng.random())

    @project.step
    def report(sizes, table):
        return {"sizes": sizes, "set": {"a", "b"}, "rows": len(table)}

    project.pipeline("all", report)
"""


def laid(folder, body, **modules):
    """Write a project whose ``project.py`` has this body."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "project.py").write_text(HEAD + textwrap.dedent(body), "utf-8")
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text), "utf-8")
    return folder


def ran(folder, id_="run-1", *, pipeline="all", parameters=None, say=lambda _: None, **way):
    """Run a pipeline of the project in a folder; return the run as it ended."""
    folder = folder.resolve()
    house = open_house(read_settings(folder, {}))
    return run(load_folder(folder), folder, house, Order(id_, "person:ada", parameters or {}, way=Way(pipeline, **way)),
               say)  # fmt: skip


def outputs(done):
    """Return the identities of what the steps gave."""
    return [step.output for step in done.steps]


def states(done):
    return {step.name: str(step.state) for step in done.steps}


def kept(folder, done, name):
    """Return the value that a step of a run gave."""
    from kaizenml.loop.wiring import open_step_cache
    from kaizenml.training.serialize import deserialized

    cache = open_step_cache(read_settings(folder.resolve(), {}))
    story = next(step for step in done.steps if step.name == name)
    found = next(each for each in cache.find(story.key) if each.digest == story.output)
    with load_folder(folder).at_hand():
        return deserialized(cache.get(found.blob))


PYTHON = sys.executable
