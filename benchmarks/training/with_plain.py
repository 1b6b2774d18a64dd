"""No tool at all: the functions are called one after the other, a fan-out in two threads. What nothing can go below."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

from driver import main, needs, steps_of


def ran(module: str) -> Mapping[str, object]:
    """Call a module's functions."""
    if module == "fan":
        work = import_module("fan")
        with ThreadPoolExecutor(2) as threads:
            return {"total": sum(threads.map(work.worked, range(work.ITEMS)))}
    given: dict[str, object] = {}
    for name, step in steps_of(module).items():
        given[name] = step(*(given[each] for each in needs(step)))
    return given


if __name__ == "__main__":
    main(ran)
