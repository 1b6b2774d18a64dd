"""The work that every tool is given: modules of plain functions, written as text."""

from __future__ import annotations

#: How long an item of the fan-out sleeps: nothing that another program on the machine could slow down.
ITEM_SECONDS = 0.01
NAP_SECONDS = 0.1
NAPS = 10


def chain(count: int, first: str = "pass", top: str = "") -> str:
    """Return so many steps, each of which is handed what the one before it gave."""
    parts = [top, f"def s0() -> int:\n    {first}\n    return 0"]
    parts += [
        f"def s{each}(s{each - 1}: int) -> int:\n    {first}\n    return s{each - 1} + 1" for each in range(1, count)
    ]
    return "\n\n".join([*parts, _listed(count)])


def naps() -> str:
    """Return ten steps of 100 ms."""
    return chain(NAPS, f"time.sleep({NAP_SECONDS})", "import time")


def fan(items: int) -> str:
    """Return a fan-out."""
    step = f"def worked(item: int) -> int:\n    time.sleep({ITEM_SECONDS})\n    return item\n"
    return f"import time\n\nITEMS = {items}\n\n{step}"


def imports() -> str:
    """Return ten steps that hand a pandas frame on, with a column that scikit-learn computed."""
    top = "import pandas as pd\nfrom sklearn.linear_model import LinearRegression"
    parts = [top, 'def s0() -> pd.DataFrame:\n    return pd.DataFrame({"x0": range(200), "y": range(200)})']
    parts += [
        f"def s{each}(s{each - 1}: pd.DataFrame) -> pd.DataFrame:\n"
        f'    x = s{each - 1}[["x{each - 1}"]]\n'
        f'    return s{each - 1}.assign(x{each}=LinearRegression().fit(x, s{each - 1}["y"]).predict(x) + 1)'
        for each in range(1, 10)
    ]
    return "\n\n".join([*parts, _listed(10)])


def _listed(count: int) -> str:
    return f"STEPS = [{', '.join(f's{each}' for each in range(count))}]\n"
