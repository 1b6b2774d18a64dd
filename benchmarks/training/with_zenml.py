"""ZenML on its local stack, cached as it is by default; a fan-out is as many steps, one after the other."""

import os
from importlib import import_module

os.environ |= {
    "ZENML_CONFIG_PATH": os.path.abspath(os.environ["BENCH_STATE"]),
    "ZENML_LOCAL_STORES_PATH": os.path.abspath(os.environ["BENCH_STATE"] + "/stores"),
    "ZENML_ANALYTICS_OPT_IN": "false",
    "ZENML_LOGGING_VERBOSITY": "ERROR",
    "ZENML_ENABLE_REPO_INIT_WARNINGS": "false",
    "AUTO_OPEN_DASHBOARD": "false",
}

from driver import main, needs, steps_of
from zenml import pipeline, step
from zenml.client import Client


def ran(module: str) -> dict[str, object]:
    """Run a module's steps."""
    Client()

    @pipeline(name=module)
    def steps() -> None:
        given: dict[str, object] = {}
        for name, function in steps_of(module).items():
            given[name] = step(function, name=name)(*(given[each] for each in needs(function)))

    @pipeline(name=module)
    def fan() -> None:
        work = import_module("fan")
        for each in range(work.ITEMS):
            step(work.worked)(each)

    done = (fan if module == "fan" else steps)()
    if module != "edits":
        return {}
    return {name: each.output.load() for name, each in done.steps.items()}


if __name__ == "__main__":
    main(ran)
