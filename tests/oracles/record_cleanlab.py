"""Record what `cleanlab` says of simulated labels, for `test_label_errors.py`.

It runs in an environment of its own, because the package does not need that library::

    python -m venv cleanlab && cleanlab/bin/pip install cleanlab==2.9.0 pandas==3.1.1 scikit-learn==1.9.1
    cleanlab/bin/python tests/oracles/record_cleanlab.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

ANSWERS = Path(__file__).with_name("cleanlab_answers.json")
#: rows, classes, how well the model separates them, share of flipped labels, seed
CASES = (
    (300, 2, 2.0, 0.05, 1), (300, 2, 0.5, 0.05, 2), (500, 3, 1.5, 0.05, 3), (500, 5, 1.0, 0.1, 4), (60, 4, 1.0, 0.2, 5),
    (2000, 10, 2.0, 0.05, 6), (1000, 3, 0.0, 0.3, 7), (40, 3, 3.0, 0.05, 8),
)  # fmt: skip


def simulated(
    rows: int, classes: int, separation: float, flips: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return probabilities (rows, classes), given labels, and which of them were flipped."""
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(classes, 3.0))
    truth = rng.choice(classes, rows, p=share)
    logits = rng.normal(0, 1, (rows, classes)) + separation * 1.5 * np.eye(classes)[truth]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    flipped = rng.random(rows) < flips
    given = np.where(flipped, (truth + rng.integers(1, classes, rows)) % classes, truth)
    return p, given, flipped


def main() -> None:
    """Write the answers."""
    from cleanlab import __version__
    from cleanlab.count import compute_confident_joint
    from cleanlab.filter import find_label_issues

    answers = []
    for case in CASES:
        p, given, _ = simulated(*case)
        issues = find_label_issues(given, p, filter_by="prune_by_noise_rate", n_jobs=1)
        joint = compute_confident_joint(given, p)
        answers.append({"case": case, "joint": joint.tolist(), "issues": np.flatnonzero(issues).tolist()})
    ANSWERS.write_text(json.dumps({"cleanlab": __version__, "answers": answers}) + "\n")


if __name__ == "__main__":
    main()
