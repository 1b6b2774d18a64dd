"""Seeding every generator of random numbers that a program has loaded."""

from __future__ import annotations

import random
import sys


def sow(seed: int) -> None:
    """Seed Python's own generator, NumPy's global one and PyTorch's, of those that are loaded.

    Generators that a program makes itself (``np.random.default_rng``) are its own to seed.
    """
    random.seed(seed)
    if "numpy" in sys.modules:
        import numpy as np

        np.random.seed(seed % 2**32)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
