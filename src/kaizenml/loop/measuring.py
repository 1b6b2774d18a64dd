"""What a model costs to serve, measured where it was made: the time of a single row, and the size of its bundle."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kaizenml.core.assessment import Serving
from kaizenml.loop.scoring import LoadedScorer
from kaizenml.packaging.bundle import Bundle, pack
from kaizenml.training.lowered import lowered

#: How long single rows are answered, and how many at the most.
SECONDS, MOST = 0.3, 300
_WARM_UP = 5


def serving_cost(
    scorer: LoadedScorer, bundle: Bundle, *, seconds: float = SECONDS, clock: Callable[[], float] = time.perf_counter
) -> Serving:
    """Return how long single rows take as an endpoint prepares and answers them, without HTTP, on one thread."""
    from threadpoolctl import threadpool_limits

    served = replace(scorer, lowered=lowered(scorer.pipeline.named_steps["prepare"]))
    rows = bundle.golden.rows
    taken: list[float] = []
    with threadpool_limits(limits=1):
        for at in range(_WARM_UP):
            served.answer([rows[at % len(rows)]])
        end = clock() + seconds
        while len(taken) < MOST and (clock() < end or len(taken) < len(rows)):
            begun = clock()
            served.answer([rows[len(taken) % len(rows)]])
            taken.append(clock() - begun)
    half, most = np.quantile(taken, (0.5, 0.99))
    return Serving(float(half), float(most), len(taken), len(pack(bundle)))
