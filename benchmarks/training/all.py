"""What a step costs, and what the cache gets right, beside other tools: all in the same run, on the same work.

Usage: python benchmarks/training/all.py [--times | --edits] [TOOL …]

Nothing is asserted: machines differ. Seconds on a shared machine differ from hour to hour; ratios in one run, and the
CPU seconds beside them, less so.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import edits
import work
from measure import Bench, Found, beside, corpus, times
from tools import ALL, Tool, python_of

_EDITS = [each.name for each in edits.ALL]
#: What is not measured by then is told as such: the times first, then the edits. Environments are made once, before.
TIMES_SECONDS, ALL_SECONDS = 330, 570


def main(words: list[str]) -> int:
    """Measure the named tools (none: all); return how many are unknown."""
    names = [each for each in words if not each.startswith("--")]
    unknown = [each for each in names if each not in {tool.name for tool in ALL}]
    if unknown:
        print(f"No such tool: {', '.join(unknown)}. There are {', '.join(tool.name for tool in ALL)}.", file=sys.stderr)
        return len(unknown)
    with ExitStack() as around:
        found = {tool.name: Found() for tool in ALL if not names or tool.name in names}
        laid = [each for tool in ALL if tool.name in found and (each := prepared(tool, found[tool.name], around))]
        began = time.monotonic()
        if "--edits" not in words:
            for place, bench in enumerate(laid):
                left = began + TIMES_SECONDS - time.monotonic()
                times(
                    replace(bench, until=time.monotonic() + max(20, left / (len(laid) - place))), found[bench.tool.name]
                )
                _say(f"{bench.tool.name}: times are measured", began)
        if "--times" not in words:  # two at once: nothing is timed
            until = began + ALL_SECONDS
            with ThreadPoolExecutor(2) as threads:
                list(threads.map(lambda each: corpus(replace(each, until=until), found[each.tool.name]), laid))
            _say("edits are tried", began)
    print("\n".join(tables(found, words)))
    return 0


def prepared(tool: Tool, found: Found, around: ExitStack) -> Bench | None:
    """Return a tool ready to be measured; None where that cannot be, which is told in its row."""
    folder = Path(mkdtemp(prefix=f"bench-{tool.name}-")).resolve()
    around.callback(shutil.rmtree, folder, ignore_errors=True)
    try:
        python = python_of(tool)
        bench = Bench(tool, python, folder, around.enter_context(beside(tool, python, folder)), 0.0)
        bench.lay()
        return bench
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or str(error)).strip().splitlines()
        found.problems.append(f"cannot be installed: {lines[-1][:200]}")
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        found.problems.append(str(error)[:200])
    return None


def tables(found: dict[str, Found], words: list[str]) -> Iterator[str]:
    """Return what was found, as text."""
    if "--edits" not in words:
        yield table_of_times(found)
    if "--times" not in words:
        yield table_of_edits(found)
    for name, each in found.items():
        yield from (f"{name}: {problem}" for problem in each.problems)


def _say(what: str, began: float) -> None:
    print(f"{time.monotonic() - began:4.0f} s  {what}", file=sys.stderr, flush=True)


def table_of_times(found: dict[str, Found]) -> str:
    """Return the times as a table; in brackets CPU, and after × how many times ours."""
    ours = found.get("kaizen", Found())
    lines = [
        "",
        "| | step, cold | step, cached | a run besides "
        "| ten 100 ms steps, over 1 s of work [without what a run costs besides] "
        "| ten pandas + scikit-learn steps, whole process | 1,000 × 10 ms on 2 cores, over its work |",
        "|---|---|---|---|---|---|---|",
    ]
    for tool in ALL:
        if tool.name in found:
            each = found[tool.name]
            cached = "no cache" if tool.no_cache else _text(each.cached, ours.cached, "ms")
            lines.append(
                f"| {tool.name} {tool.version} | {_text(each.cold, ours.cold, 'ms')} | {cached} "
                f"| {'–' if each.fixed is None else f'{each.fixed * 1000:.0f} ms'} "
                f"| {_naps(each)} "
                f"| {_text(each.imports, ours.imports, 's')} | {_text(each.fan, ours.fan, 's')} |"
            )
    return "\n".join(lines)


def _naps(found: Found) -> str:
    if found.naps is None:
        return "–"
    alone = "" if found.fixed is None else f" [{found.naps[0] - found.fixed / (work.NAPS * work.NAP_SECONDS):.3f}]"
    return f"{found.naps[0]:.3f}{alone}"


def _text(value: tuple[float, float] | None, ours: tuple[float, float] | None, unit: str) -> str:
    if value is None:
        return "–"
    scale = 1000 if unit == "ms" else 1
    shown = [f"{each * scale:.2f}" if abs(each * scale) < 10 else f"{each * scale:,.0f}" for each in value]
    ratio = f" ×{value[0] / ours[0]:,.1f}" if ours is not None and ours is not value and ours[0] > 0 else ""
    return f"{shown[0]} {unit} [{shown[1]}]{ratio}"


def table_of_edits(found: dict[str, Found]) -> str:
    """Return what became of a step after each edit; +n: so many others ran for nothing."""
    names = [tool.name for tool in ALL if tool.name in found and tool.name != "plain"]
    lines = ["", f"| edit | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    lines += [f"| {edit} | {' | '.join(found[n].cells.get(edit, '–') for n in names)} |" for edit in _EDITS]
    rights = [sum(cell in ("re-ran", "kept") for cell in found[name].cells.values()) for name in names]
    return "\n".join([*lines, f"| right, of {len(_EDITS)} | {' | '.join(map(str, rights))} |"])


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
