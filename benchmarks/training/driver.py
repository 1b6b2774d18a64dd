"""What every tool is asked to do: run the steps of a module, and say how long it took. Each tool's file says how.

A module of work has `STEPS`: functions in order, whose arguments are named after the steps that they are from; or, of a
fan-out, `ITEMS` and `worked`, which is called with every number below it.
"""

import inspect
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

MARK = "@result "
Function = Callable[..., object]
#: Runs the steps of the module of this name; returns what they gave, by name; and, under `STEPS_ALONE`, the seconds
#: that they took, where a tool waits for something else at the end.
Run = Callable[[str], Mapping[str, object]]
STEPS_ALONE = "@seconds"


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of its children that are over."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


def timed(run: Run, module: str) -> list[object]:
    """Return the seconds that a run took, its CPU seconds, and the seconds of its steps alone."""
    cpu, began = cpu_seconds(), time.perf_counter()
    found = run(module)
    whole = time.perf_counter() - began
    return [whole, cpu_seconds() - cpu, found.get(STEPS_ALONE, whole)]


def steps_of(module: str) -> dict[str, Function]:
    """Return the functions of a module of work by name, in order."""
    return {each.__name__: each for each in import_module(module).STEPS}


def needs(function: Function) -> list[str]:
    """Return the names of the steps that a function takes its arguments from."""
    return list(inspect.signature(function).parameters)


def main(run: Run) -> None:
    """Do what the command line asks: ``MEASURE FOLDER``, where the folder has the modules of work."""
    measure, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    sys.path.insert(0, str(folder))
    os.chdir(folder)
    found: object
    if measure == "overhead":
        run("warm")
        found = {each: [timed(run, each), timed(run, each)] for each in ("small", "big")}
    elif measure == "edits":
        found = dict(run("edits"))
    else:
        if measure != "imports":
            run("warm")
        found = timed(run, measure)
    print(f"\n{MARK}{json.dumps(found)}", flush=True)
