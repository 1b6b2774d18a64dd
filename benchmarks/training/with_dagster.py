"""Dagster, in this process, its events kept in the folder; a fan-out is a DynamicOut in two processes. No cache."""

import os
from pathlib import Path

from dagster import DagsterInstance, execute_job, job, op, reconstructable
from dagster_fan import fanned
from driver import main, needs, steps_of


def ran(module: str) -> dict[str, object]:
    """Run a module's steps."""
    home = Path("dagster").resolve()
    home.mkdir(exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(home)
    with DagsterInstance.get() as instance:
        if module == "fan":
            config = {"execution": {"config": {"multiprocess": {"max_concurrent": 2}}}}
            with execute_job(reconstructable(fanned), instance=instance, run_config=config) as done:
                assert done.success
            return {}
        operations = {name: op(name=name)(step) for name, step in steps_of(module).items()}

        @job(name=module)
        def steps() -> None:
            given: dict[str, object] = {}
            for name, step in steps_of(module).items():
                given[name] = operations[name](*(given[each] for each in needs(step)))

        assert steps.execute_in_process(instance=instance).success
    return {}


if __name__ == "__main__":
    main(ran)
