"""What a run uses of the machine is what its processes use, those that it starts too."""

from __future__ import annotations

import subprocess
import sys
import time

from kaizenml.training.system import sampled, usage

SPIN = """
import time
until = time.process_time() + 0.5
while time.process_time() < until: pass
print(flush=True)
input()
"""


def test_a_child_that_still_runs_is_counted():
    before = usage()
    with subprocess.Popen([sys.executable, "-c", SPIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        used = usage().cpu_seconds - before.cpu_seconds
        child.stdin.close()

    assert used >= 0.45


def test_a_block_that_is_over_at_once_has_one_sample():
    samples = []
    with sampled(samples.append):
        pass

    assert len(samples) == 1
    assert samples[0]["system/memory_bytes"] > 1_000_000


def test_samples_come_every_few_moments_and_name_what_was_used():
    samples = []
    with sampled(samples.append, seconds=0.05):
        until = time.monotonic() + 10
        while len(samples) < 3:
            assert time.monotonic() < until
            time.sleep(0.01)

    named = {"system/cpu_percent", "system/memory_bytes", "system/disk_read_bytes", "system/disk_written_bytes"}
    assert all(each.keys() >= named for each in samples)
