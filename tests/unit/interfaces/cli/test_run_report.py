"""What is said at the end of a run about simpler models."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kaizenml.core.digest import Digest
from kaizenml.core.metric import Estimate
from kaizenml.core.run import Code, Environment, Run, RunState
from kaizenml.interfaces.cli.run_report import simpler_is_better

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def run(metric: str, ours: float, **baselines: float) -> Run:
    def estimate(value: float) -> Estimate:
        return Estimate(value, value - 0.05, value + 0.05)

    code = Code(Digest("a" * 64))
    environment = Environment("3.11", "linux", {}, 2, 2**30)
    simple = {name: {metric: estimate(value)} for name, value in baselines.items()}
    return Run("shop-1", "shop", RunState.FINISHED, NOW, code, environment,
               metrics={metric: estimate(ours)}, baselines=simple)  # fmt: skip


@pytest.mark.parametrize(
    ("done", "begins"),
    [
        (("roc_auc", 0.7, {"dummy": 0.5, "linear": 0.77, "tree": 0.75}), "linear and tree do better"),
        (("roc_auc", 0.7, {"dummy": 0.5, "linear": 0.65, "tree": 0.75}), "tree does better"),
        (("root_mean_squared_error", 3.0, {"dummy": 9.0, "linear": 2.0}), "linear does better"),
        (("roc_auc", 0.8, {"dummy": 0.5, "linear": 0.77}), ""),
        (("root_mean_squared_error", 1.0, {"dummy": 9.0, "linear": 2.0}), ""),
    ],
    ids=["two", "one", "loss", "none", "no loss"],
)
def test_a_simpler_model_that_does_better_is_pointed_out(done: tuple[str, float, dict[str, float]], begins: str):
    metric, ours, baselines = done

    said = simpler_is_better(run(metric, ours, **baselines))

    assert said.startswith(begins)
    assert bool(said) == bool(begins)
