"""redun with a SQLite file: tasks are values hashed by source and arguments; a fan-out runs in two threads."""

from importlib import import_module

from driver import main, needs, steps_of
from redun import Scheduler, task
from redun.config import Config

SETTINGS = {
    "backend": {"db_uri": "sqlite:///redun.db"},
    "executors.default": {"type": "local", "max_workers": "2", "mode": "thread"},
}


def ran(module: str) -> dict[str, object]:
    """Run a module's steps."""
    scheduler = Scheduler(config=Config(SETTINGS))
    scheduler.load()
    if module == "fan":
        work = import_module("fan")
        worked = task(namespace=module)(work.worked)
        return {"done": scheduler.run([worked(each) for each in range(work.ITEMS)])}
    given: dict[str, object] = {}
    for name, step in steps_of(module).items():
        given[name] = task(namespace=module)(step)(*(given[each] for each in needs(step)))
    return dict(scheduler.run(given))


if __name__ == "__main__":
    main(ran)
