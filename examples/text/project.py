"""Which library says this of one of its functions?"""

from sklearn.linear_model import LogisticRegression

import kaizenml as kz

project = kz.Project("text", source=kz.files("data/*.csv"), target="library", id="text_id")


@project.step
def estimator(strength: float = 10.0) -> LogisticRegression:
    """Return the unfitted estimator: a weight for each word and library."""
    return LogisticRegression(C=strength, max_iter=500, class_weight="balanced")


project.gate(kz.at_least("balanced_accuracy", 0.8), kz.beats_baselines("log_loss"))
project.serve(approval="policy")
