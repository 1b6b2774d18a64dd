"""What is said at the end of a run: about simpler models, and what there is to do with the release."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kaizenml.core.approval import Review
from kaizenml.core.digest import Digest
from kaizenml.core.gate import Check, Verdict
from kaizenml.core.metric import Estimate
from kaizenml.core.release import Parts, Release, ReleaseState
from kaizenml.core.run import Code, Environment, Run, RunState
from kaizenml.interfaces.cli.run_report import print_run, simpler_is_better

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PASSED = Verdict((Check("at_least(f1)", True, 0.9, 0.8, "f1 is 0.9."),))


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
        (("r2", -0.2, {"dummy": 0.0, "linear": -0.1, "tree": -0.1}), "dummy, linear and tree do better"),
        (("roc_auc", 0.7, {"dummy": 0.5, "linear": 0.65, "tree": 0.75}), "tree does better"),
        (("root_mean_squared_error", 3.0, {"dummy": 9.0, "linear": 2.0}), "linear does better"),
        (("roc_auc", 0.8, {"dummy": 0.5, "linear": 0.77}), ""),
        (("root_mean_squared_error", 1.0, {"dummy": 9.0, "linear": 2.0}), ""),
    ],
    ids=["two", "three", "one", "loss", "none", "no loss"],
)
def test_a_simpler_model_that_does_better_is_pointed_out(done: tuple[str, float, dict[str, float]], begins: str):
    metric, ours, baselines = done

    said = simpler_is_better(run(metric, ours, **baselines))

    assert said.startswith(begins)
    assert bool(said) == bool(begins)


@pytest.mark.parametrize(
    ("state", "needed", "then"),
    [
        (ReleaseState.PACKAGED, 0, "Next: kaizen up"),
        (ReleaseState.GATED, 1, "Next: somebody else approves it: kaizen approve shop/1"),
        (ReleaseState.GATED, 2, "Next: 2 others approve it: kaizen approve shop/1"),
    ],
    ids=["policy", "person", "people"],
)
def test_a_release_that_waits_for_people_is_said_to(
    capsys: pytest.CaptureFixture[str], state: ReleaseState, needed: int, then: str
):
    done = replace(run("roc_auc", 0.8), release="shop/1", snapshot="shop@1")
    parts = Parts(*(Digest(letter * 64) for letter in "abcde"))
    release = Release("shop", 1, parts, parts.digest, "shop:1", "run", "person:ada", state, PASSED, NOW,
                      review=Review(needed))  # fmt: skip

    print_run(done, release, explain=False, as_json=False)

    assert capsys.readouterr().out.strip().endswith(then)
