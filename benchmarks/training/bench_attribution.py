"""How long a score takes to be shared out among its columns, and how far from exact it is where orders are drawn.

Usage: python benchmarks/training/bench_attribution.py
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import polars as pl

from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.training import shapley
from kaizenml.training.contributions import shared
from kaizenml.training.fit import fit

ROWS, BACKGROUND = 20_000, 100


def main() -> None:
    """Measure and print."""
    for count in (8, 10, 20, 40):
        rows, y = _rows(count)
        columns = [Column(name, ColumnKind.NUMBER) for name in rows.columns]
        for name, estimator in _estimators().items():
            fitted = fit(estimator, rows, y, columns=columns, task=Task.BINARY, classes=("a", "b"), seed=0)
            row, background = rows[[7]], rows[100 : 100 + BACKGROUND]
            began = time.process_time()
            found = shared(fitted.pipeline, row, background, Task.BINARY, 2, 1, 0)
            took = time.process_time() - began
            apart = ""
            if found.method == "shapley" and count <= shapley.MOST_EXACT:
                drawn = _drawn(fitted.pipeline, row, background)
                apart = f"; drawn instead: {np.abs(drawn.values - found.values).max():.4f} from it at the most"
                apart += f", said to be {drawn.errors.max():.4f}"
            error = f", largest standard error {found.errors.max():.4f}" if found.errors.any() else ""
            print(f"{count} columns, {name}: {found.method}, processor {took * 1e3:,.0f} ms{error}{apart}")


def _drawn(pipeline: Any, row: pl.DataFrame, background: pl.DataFrame) -> Any:
    before, shapley.MOST_EXACT = shapley.MOST_EXACT, 0
    try:
        return shared(pipeline, row, background, Task.BINARY, 2, 1, 0)
    finally:
        shapley.MOST_EXACT = before


def _rows(count: int) -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(ROWS, count))
    margin = values[:, 0] * values[:, 1] + np.sin(values[:, 2] * 2) + values[:, 3] + rng.normal(size=ROWS) * 0.3
    return pl.DataFrame({f"x{n}": values[:, n] for n in range(count)}), (margin > 0).astype(float)


def _estimators() -> dict[str, Any]:
    from lightgbm import LGBMClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    return {
        "logistic regression": LogisticRegression(),
        "LightGBM": LGBMClassifier(verbose=-1),
        "histogram gradient boosting": HistGradientBoostingClassifier(random_state=0),
        "random forest of 100 trees": RandomForestClassifier(random_state=0, n_jobs=1),
    }


if __name__ == "__main__":
    main()
