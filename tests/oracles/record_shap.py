"""Record what `shap` says of a few functions, for `test_shapley_oracle.py`.

It runs in an environment of its own, because the package does not need that library::

    python -m venv shap && shap/bin/pip install shap==0.51.0
    shap/bin/python tests/oracles/record_shap.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import shap
from shapley_functions import FUNCTIONS

ANSWERS = Path(__file__).with_name("shap_answers.json")


def main() -> None:
    """Ask for every function, and write the answers."""
    rng = np.random.default_rng(11)
    found = {}
    for name, (function, count) in FUNCTIONS.items():
        background, row = rng.normal(size=(7, count)), rng.normal(size=count)
        masker = shap.maskers.Independent(background, max_samples=len(background))
        told = shap.explainers.ExactExplainer(function, masker)(row[None])
        found[name] = {
            "background": background.tolist(), "row": row.tolist(),
            "base": float(told.base_values[0]), "values": told.values[0].tolist(),
        }  # fmt: skip
    ANSWERS.write_text(json.dumps({"shap": shap.__version__, "answers": found}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
