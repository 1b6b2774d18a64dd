"""LightGBM and XGBoost: kept in their own text, equal to the last bit, and looked at before machine code reads them."""

from __future__ import annotations

import json
import re
from importlib import import_module

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kaizenml.errors import KaizenError, UnsafeArtefactError
from kaizenml.packaging import lightgbm_format, xgboost_format
from kaizenml.packaging.archive import read_archive, write_archive
from kaizenml.packaging.environment import captured, needed
from kaizenml.packaging.formats import load_model, save_model

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(300, 4))
TWO = (ROWS[:, 0] > 0).astype(int)
THREE = np.digitize(ROWS[:, 0], (-0.5, 0.5))


def made(library, kind, **settings):
    module = pytest.importorskip(library, reason=f"kaizenml[{library}] is not installed")
    quiet = {"verbose": -1} if library == "lightgbm" else {}
    return getattr(module, kind)(n_estimators=12, **quiet, **settings)


def answers(model):
    return model.predict_proba(ROWS) if hasattr(model, "predict_proba") else model.predict(ROWS)


MODELS = {
    "lightgbm, two classes": lambda: (made("lightgbm", "LGBMClassifier"), TWO),
    "lightgbm, three classes": lambda: (made("lightgbm", "LGBMClassifier"), THREE),
    "lightgbm, values": lambda: (made("lightgbm", "LGBMRegressor"), ROWS[:, 0]),
    "lightgbm, forest": lambda: (
        made("lightgbm", "LGBMClassifier", boosting_type="rf", subsample=0.5, subsample_freq=1), TWO
    ),
    "lightgbm, linear trees": lambda: (made("lightgbm", "LGBMRegressor", linear_tree=True), ROWS[:, 0]),
    "lightgbm, within a calibration": lambda: (CalibratedClassifierCV(made("lightgbm", "LGBMClassifier"), cv=3), TWO),
    "xgboost, two classes": lambda: (made("xgboost", "XGBClassifier"), TWO),
    "xgboost, three classes": lambda: (made("xgboost", "XGBClassifier"), THREE),
    "xgboost, values": lambda: (made("xgboost", "XGBRegressor"), ROWS[:, 0]),
    "xgboost, dart": lambda: (made("xgboost", "XGBRegressor", booster="dart"), ROWS[:, 0]),
    "xgboost, linear": lambda: (made("xgboost", "XGBRegressor", booster="gblinear"), ROWS[:, 0]),
    "both, voting": lambda: (
        VotingClassifier(
            [("a", made("lightgbm", "LGBMClassifier")), ("b", made("xgboost", "XGBClassifier"))], voting="soft"
        ),
        TWO,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_answers_as_the_saved_one_and_saves_to_the_same_bytes(name):
    model, y = MODELS[name]()
    pipeline = make_pipeline(StandardScaler(), model).fit(ROWS, y)

    form, content = save_model(pipeline)
    again = load_model(form, content)

    assert form == "mixed"
    assert np.array_equal(answers(again), answers(pipeline))
    assert save_model(again)[1] == content


@pytest.mark.parametrize(("library", "kind"), [("lightgbm", "LGBMClassifier"), ("xgboost", "XGBClassifier")])
def test_the_booster_is_text_and_nothing_in_it_is_a_pickle(library, kind):
    members = read_archive(save_model(made(library, kind).fit(ROWS, TWO))[1])

    part = next(content for name, content in members.items() if f".{library}." in name)
    assert set(members) == {"rest.skops", f"0.{library}.{'txt' if library == 'lightgbm' else 'json'}"}
    assert part.decode().isprintable() or part.startswith(b"tree\n")


@pytest.mark.parametrize(("library", "kind"), [("lightgbm", "LGBMClassifier"), ("xgboost", "XGBClassifier")])
def test_its_library_is_needed_and_pinned_in_the_installed_version(library, kind):
    form, content = save_model(make_pipeline(StandardScaler(), made(library, kind)).fit(ROWS, TWO))

    pins = needed(content, {}, captured(), form)

    name = next(name for name in pins if name.startswith(library))
    assert pins[name] == import_module(library).__version__
    assert {"scikit-learn", "skops", "numpy"} <= set(pins)
    assert not ({"torch", "lightgbm", "xgboost", "xgboost-cpu"} - {name}) & set(pins)


def test_a_model_of_scikit_learn_alone_is_kept_as_before():
    assert save_model(LogisticRegression().fit(ROWS, TWO))[0] == "skops"


def text_of_lightgbm():
    return lightgbm_format.save(made("lightgbm", "LGBMClassifier").fit(ROWS, TWO).booster_).decode()


def first(name, value):
    """Replace the first number of the first list of this name."""
    return lambda text: re.sub(rf"^({name}=)\S+", rf"\g<1>{value}", text, count=1, flags=re.MULTILINE)


FORGED_LIGHTGBM = {
    "a feature outside": first("split_feature", 99),
    "a negative feature": first("split_feature", -1),
    "a child outside": first("left_child", 5_000),
    "a child before its parent": first("right_child", 0),
    "a leaf outside": first("left_child", -5_000),
    "a category outside": first("decision_type", 1),
    "fewer columns": first("max_feature_idx", 0),
    "more leaves": first("num_leaves", 400),
    "sizes of trees": lambda text: text.replace("\nTree=0", "\ntree_sizes=1 2 3\nTree=0", 1),
    "cut off": lambda text: text[: len(text) // 2],
    "no model": lambda _: "hello",
    "leaves that are no numbers": first("leaf_value", "x"),
}


@pytest.mark.parametrize("how", FORGED_LIGHTGBM)
def test_a_forged_lightgbm_model_is_refused(how):
    text = text_of_lightgbm()
    forged = FORGED_LIGHTGBM[how](text)
    assert forged != text

    with pytest.raises(UnsafeArtefactError):
        lightgbm_format.load(forged.encode())


def change(*path, value):
    def changed(document):
        at = document["learner"]["gradient_booster"]["model"]["trees"][0]
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
        return document

    return changed


FORGED_XGBOOST = {
    "a feature outside": change("split_indices", 0, value=99),
    "a child outside": change("left_children", 0, value=5_000),
    "a child before its parent": change("left_children", 0, value=0),
    "half a leaf": change("right_children", 0, value=-1),
    "a parent outside": change("parents", 1, value=77),
    "a list too short": change("split_conditions", value=[0.0]),
    "categories outside": change("categories_segments", value=[3]),
    "no trees": lambda _: {"learner": {}},
    "another thing": lambda _: [1, 2],
}


@pytest.mark.parametrize("how", FORGED_XGBOOST)
def test_a_forged_xgboost_model_is_refused(how):
    booster = made("xgboost", "XGBClassifier").fit(ROWS, TWO).get_booster()
    forged = FORGED_XGBOOST[how](json.loads(xgboost_format.save(booster)))

    with pytest.raises(UnsafeArtefactError):
        xgboost_format.load(json.dumps(forged).encode())


def members_of_lightgbm(model):
    return dict(read_archive(save_model(model)[1]))


def without_its_part(members):
    members.pop("0.lightgbm.txt")


def with_a_pickle(members):
    members["1.weights.pkl"] = b"\x80\x04."


def with_another_part(members):
    members["1.lightgbm.txt"] = members["0.lightgbm.txt"]


def with_another_name(members):
    members["0.xgboost.json"] = members.pop("0.lightgbm.txt")


def with_a_wider_booster(members):
    wide = made("lightgbm", "LGBMClassifier").fit(np.hstack([ROWS, ROWS]), TWO)
    members["0.lightgbm.txt"] = lightgbm_format.save(wide.booster_)


@pytest.mark.parametrize(
    "forge", [without_its_part, with_a_pickle, with_another_part, with_another_name, with_a_wider_booster]
)
def test_an_archive_of_other_parts_than_it_asks_for_is_refused(forge):
    members = members_of_lightgbm(made("lightgbm", "LGBMClassifier").fit(ROWS, TWO))
    forge(members)

    with pytest.raises(UnsafeArtefactError):
        load_model("mixed", write_archive(members))


def test_a_lightgbm_model_that_does_not_count_its_columns_is_refused():
    model = made("lightgbm", "LGBMClassifier", predict_disable_shape_check=True).fit(ROWS, TWO)

    with pytest.raises(UnsafeArtefactError, match="check of its columns"):
        save_model(model)


def test_an_objective_of_ones_own_is_not_saved_and_named():
    model = made("lightgbm", "LGBMRegressor", objective=lambda y, p: (p - y, np.ones_like(y))).fit(ROWS, ROWS[:, 0])

    with pytest.raises(KaizenError, match="lambda"):
        save_model(model)
