import subprocess
import sys

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from kaizenml.errors import UnsafeArtefactError, UsageError
from kaizenml.packaging.formats import load_model, save_model
from kaizenml.packaging.inspection import is_quick_pattern

ROWS = np.random.default_rng(0).normal(size=(50, 3))
LABELS = np.arange(50) % 2
SCRIPT = """
import hashlib
from sklearn.feature_extraction.text import TfidfVectorizer
from kaizenml.packaging.formats import save_model
words = TfidfVectorizer(stop_words="english").fit(["some words", "and other words"])
print(hashlib.sha256(save_model(words)[1]).hexdigest())
"""


def test_saving_what_was_loaded_gives_the_same_bytes():
    content = save_model(RandomForestClassifier(5, random_state=0).fit(ROWS, LABELS))[1]

    assert save_model(load_model("skops", content))[1] == content


def test_two_processes_save_the_same_bytes():
    outputs = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }

    assert len(outputs) == 1


@pytest.mark.parametrize("thing", [None, 3, "model", {"a": 1}, object(), LogisticRegression])
def test_what_is_no_estimator_has_no_format(thing):
    with pytest.raises(UsageError, match="No format"):
        save_model(thing)


def test_a_pipeline_that_keeps_pickles_is_not_saved(tmp_path):
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(), memory=str(tmp_path / "cache")).fit(ROWS, LABELS)

    with pytest.raises(UnsafeArtefactError, match="memory=None"):
        save_model(pipeline)


def test_a_model_that_holds_itself_is_not_saved():
    estimator = LogisticRegression().fit(ROWS, LABELS)
    estimator.itself_ = estimator

    with pytest.raises(UsageError, match="cannot be saved"):
        save_model(estimator)


def test_a_model_that_holds_an_open_file_is_not_saved(tmp_path):
    with open(tmp_path / "x", "w") as file, pytest.raises((UsageError, UnsafeArtefactError)):
        save_model(FunctionTransformer(kw_args={"file": file}))


@pytest.mark.parametrize(
    ("pattern", "is_quick"),
    [
        (r"(?u)\b\w\w+\b", True),
        (r"[a-z]+(-[a-z]{1,20})?", True),
        (r"\S+", True),
        (r"(a+)+", False),
        (r"(a|a)*b*(c*)*", False),
        (r"((ab)*c)*", False),
        (r"(", False),
        ("a" * 2_000, False),
        (7, False),
    ],
)
def test_patterns_that_repeat_what_repeats_are_not_quick(pattern, is_quick):
    assert is_quick_pattern(pattern) is is_quick
