"""Is this sample malignant?"""

from sklearn.linear_model import LogisticRegression

import kaizenml as kz

project = kz.Project("breast_cancer", source=kz.files("data/*.csv"), target="is_malignant", id="sample")


@project.step
def estimator(C: float = 0.5) -> LogisticRegression:  # noqa: N803  scikit-learn's word
    """Return the unfitted estimator; scaling is put in front of it."""
    return LogisticRegression(C=C, max_iter=1000)


project.gate(kz.at_least("recall", 0.9), kz.at_least("roc_auc", 0.97), kz.beats_baselines("roc_auc"))
