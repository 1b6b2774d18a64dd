"""Metaflow, started as its users start it: a flow's file is run, and every step is a process. It has no cache."""

import os
import subprocess
import sys
from pathlib import Path

from driver import main, needs, steps_of

FAN = """
from metaflow import FlowSpec, step
import fan

class Fan(FlowSpec):
    @step
    def start(self):
        self.items = list(range(fan.ITEMS))
        self.next(self.worked, foreach="items")

    @step
    def worked(self):
        self.done = fan.worked(self.input)
        self.next(self.joined)

    @step
    def joined(self, inputs):
        self.total = sum(each.done for each in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Fan()
"""


def _flow(module: str) -> str:
    """Return a flow whose steps are the functions; the first and the last are its start and its end."""
    steps = list(steps_of(module).items())
    lines = ["from metaflow import FlowSpec, step", f"import {module} as work", "", "class Bench(FlowSpec):"]
    names = ["start", *(f"step_{name}" for name, _ in steps[1:-1]), "end"]
    for place, (name, function) in enumerate(steps):
        given = ", ".join(f"self.{each}" for each in needs(function))
        lines += ["    @step", f"    def {names[place]}(self):", f"        self.{name} = work.{name}({given})"]
        lines += [f"        self.next(self.{names[place + 1]})"] if place + 1 < len(steps) else []
    return "\n".join([*lines, 'if __name__ == "__main__":', "    Bench()", ""])


def ran(module: str) -> dict[str, object]:
    """Run a module's steps."""
    Path(f"flow_{module}.py").write_text(FAN if module == "fan" else _flow(module), "utf-8")
    command = [sys.executable, f"flow_{module}.py", "--quiet", "--no-pylint", "run", "--max-workers", "2"]
    environment = os.environ | {"METAFLOW_DATASTORE_SYSROOT_LOCAL": os.getcwd(), "USERNAME": "bench"}
    subprocess.run([*command, "--max-num-splits", "2000"], check=True, env=environment, stdout=subprocess.DEVNULL)
    return {}


if __name__ == "__main__":
    main(ran)
