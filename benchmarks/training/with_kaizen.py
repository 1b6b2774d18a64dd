"""KaizenML, in this process: a project whose steps are the functions."""

import shutil
from pathlib import Path
from uuid import uuid4

from driver import main

from kaizenml.loop.loading import load_folder
from kaizenml.loop.running import Order, Way, run
from kaizenml.loop.wiring import open_house, open_step_cache, read_settings
from kaizenml.training.serialize import deserialized

PROJECT = """
import kaizenml as kz
import {0} as work

project = kz.Project("bench", source=kz.files("none.csv"), target="y")
for each in work.STEPS:
    project.step(each)
project.pipeline("all", work.STEPS[-1])
"""
FAN = """
import kaizenml as kz
from fan import ITEMS, worked

project = kz.Project("bench", source=kz.files("none.csv"), target="y")

@project.step
def items():
    return list(range(ITEMS))

@project.step
def done(item=kz.each("items")):
    return worked(item)

@project.step
def total(done):
    return sum(done)

project.pipeline("all", total)
"""


def ran(module: str) -> dict[str, object]:
    """Run a module's steps."""
    folder = Path(module).resolve()
    folder.mkdir(exist_ok=True)
    for each in Path().glob("*.py" if module == "edits" else f"{module}.py"):
        shutil.copy(each, folder)
    if module == "edits":
        shutil.copy("rate.txt", folder)
    (folder / "project.py").write_text(FAN if module == "fan" else PROJECT.format(module), "utf-8")
    settings = read_settings(folder, {"home": str(Path("kaizen").resolve())})
    loaded = load_folder(folder)
    order = Order(f"run-{uuid4().hex}", "person:bench", {}, way=Way("all"))
    done = run(loaded, folder, open_house(settings), order, lambda _: None)
    if module != "edits":
        return {}
    cache = open_step_cache(settings)
    found = {}
    for step in done.steps:
        kept = next(each for each in cache.find(step.key) if each.digest == step.output)
        found[step.name] = deserialized(cache.get(kept.blob) or b"")
    return found


if __name__ == "__main__":
    main(ran)
