"""Kill a run at random moments, go on with it, and count how often each step ran: `python step_kills.py FOLDER KILLS`.

The modules are loaded once; every attempt is a fork, so that a thousand kills take a minute or two.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "loop"))

from step_projects import laid, ran

STEPS = 6
BODY = """
def counted(name):
    with open(name + ".ran", "a") as file:
        file.write("x")
    time.sleep(0.004)

@project.step
def s0():
    counted("s0")
    return [0]
""" + "".join(
    f"""
@project.step{"(cache=False)" if each == 3 else ""}
def s{each}(s{each - 1}):
    counted("s{each}")
    return [*s{each - 1}, {each}]
"""
    for each in range(1, STEPS)
) + f'project.pipeline("all", s{STEPS - 1})\n'  # fmt: skip


def attempt(folder: Path, id_: str, resumes: str, rng: random.Random | None) -> bool:
    """Run in a fork, kill it at some moment, mostly while its steps run, and say whether it came to its end."""
    heard, says = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            done = ran(folder, id_, resumes=resumes, say=lambda _: os.write(says, b"."))
            code = 0 if done.state == "finished" else 1
        finally:
            os._exit(code)
    os.close(says)
    if rng is not None:
        if rng.random() < 0.9:
            os.read(heard, 1)  # the first step is over, or the process
        time.sleep(rng.uniform(0.0, 0.05))
        os.kill(child, signal.SIGKILL)
    os.close(heard)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def main(root: Path, kills: int) -> None:
    """Kill so many times in all; fail when a run repeats more than one step for a kill."""
    rng, killed, turn, worst = random.Random(4711), 0, 0, 0
    while killed < kills:
        turn += 1
        folder = laid(root / f"p{turn}", BODY)
        first, count, tries = f"run-{turn}", 0, 0
        while True:
            tries += 1
            kills_on = killed + count < kills and tries < 9
            same = f"{first}-{tries}" if tries > 1 else first
            if attempt(folder, same, first if tries > 1 else "", rng if kills_on else None):
                break
            assert kills_on, "a run that nobody killed did not finish"
            count += 1
        repeats = sum(len((folder / f"s{each}.ran").read_text()) - 1 for each in range(STEPS))
        assert repeats <= count, f"{repeats} steps were repeated for {count} kills"
        worst = max(worst, repeats)
        killed += count
    print(f"{killed} kills in {turn} runs; at most {worst} steps repeated in one of them, never more than one a kill")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
