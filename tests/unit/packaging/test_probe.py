import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.core.signature import Answer, GoldenRows, Signature
from kaizenml.errors import UnsafeArtefactError
from kaizenml.packaging.bundle import Bundle, Manifest, pack
from kaizenml.packaging.formats import save_model
from kaizenml.packaging.sandbox import Sandbox, try_load


@pytest.fixture(scope="module")
def bundle():
    rows = np.random.default_rng(0).normal(size=(60, 2))
    form, model = save_model(HistGradientBoostingClassifier(max_iter=5).fit(rows, np.arange(60) % 2))
    signature = Signature(Task.BINARY, "late", (Column("hour", ColumnKind.INTEGER),), ("no", "yes"))
    golden = GoldenRows(({"hour": 1},), (Answer("no", (0.9, 0.1)),))
    return pack(Bundle(Manifest("0.1.0", "3.11.7", form), model, signature, golden))


def test_a_good_model_loads_within_the_fences(bundle):
    found = try_load("kaizenml.packaging.probe.bundled_model", bundle, [{"hour": 2}])

    assert found == {
        "kind": "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "rows": 1,
        "golden": 1,
    }


def test_a_broken_bundle_is_refused_with_the_childs_own_words(bundle):
    with pytest.raises(UnsafeArtefactError, match="cut off"):
        try_load("kaizenml.packaging.probe.bundled_model", bundle[:-1])


def test_too_little_memory_is_a_refusal(bundle):
    with pytest.raises(UnsafeArtefactError):
        try_load("kaizenml.packaging.probe.bundled_model", bundle, (), Sandbox(memory_bytes=150 << 20, seconds=30.0))
