"""Functions of a few numbers whose shares are known from elsewhere: rows (n, k) to values (n,)."""

from __future__ import annotations

import numpy as np

FUNCTIONS = {
    "sum": (lambda rows: rows @ np.arange(1.0, 5.0) - 3, 4),
    "product": (lambda rows: rows[:, 0] * rows[:, 1] * rows[:, 2], 3),
    "steps": (lambda rows: np.where(rows[:, 0] > 0, rows[:, 1], np.abs(rows[:, 2])) + (rows[:, 3] > rows[:, 4]), 5),
    "sigmoid": (lambda rows: 1 / (1 + np.exp(-rows[:, :3].sum(axis=1) * rows[:, 3] + rows[:, 4] * rows[:, 5])), 6),
}
