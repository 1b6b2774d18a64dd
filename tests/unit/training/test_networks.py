"""A PyTorch module as a model: the same weights each time, the best epoch's, and clear words where it cannot be."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

from kaizenml.core.network import Own, Weights, found_in, own
from kaizenml.errors import IntegrityError, KaizenError, ProjectError, StepFailedError, WrongEnvironmentError
from kaizenml.packaging.formats import load_model, save_model
from kaizenml.packaging.inspection import reachable
from kaizenml.training.network import Network
from kaizenml.training.network import torch as network

lib = pytest.importorskip("torch", reason="kaizenml[torch] is not installed")

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(300, 4))
CODES = np.digitize(ROWS[:, 0] + ROWS[:, 1], (-0.7, 0.7))
VALUES = 1_000 + 50 * np.abs(ROWS[:, 0]) + ROWS[:, 1]


def layers(inputs, outputs, width=16):
    nn = lib.nn
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))


def normed(inputs, outputs):
    nn = lib.nn
    return nn.Sequential(nn.Linear(inputs, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, outputs))


def narrow(inputs):
    return lib.nn.Linear(inputs, 2)


def flat(inputs):
    return lib.nn.Sequential(lib.nn.Linear(inputs, 1), lib.nn.Flatten(0))


def nothing():
    return 7


def pinball(scores, truth):
    apart = truth - scores
    return lib.maximum(0.9 * apart, -0.1 * apart).mean()


def quick(module=layers, **settings):
    return network(module, **{"epochs": 20, "learning_rate": 0.02, "random_state": 3, **settings})


def test_it_learns_classes_and_values():
    classes, values = quick().fit(ROWS, CODES), quick(epochs=60).fit(ROWS, VALUES)

    assert (classes.predict(ROWS) == CODES).mean() > 0.9
    assert np.allclose(classes.predict_proba(ROWS).sum(axis=1), 1)
    assert np.corrcoef(values.predict(ROWS), VALUES)[0, 1] > 0.95


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    same = [save_model(quick(normed).fit(ROWS, CODES))[1] for _ in range(2)]
    lib.rand(5)
    again = save_model(quick(normed).fit(ROWS, CODES))[1]

    assert same[0] == same[1] == again
    assert save_model(quick(normed, random_state=4).fit(ROWS, CODES))[1] != again


def test_training_leaves_the_library_as_it_was():
    lib.manual_seed(1)
    expected = lib.rand(3)
    lib.manual_seed(1)
    threads = lib.get_num_threads()

    quick().fit(ROWS, CODES)

    assert lib.equal(lib.rand(3), expected)
    assert lib.get_num_threads() == threads
    assert not lib.are_deterministic_algorithms_enabled()


def test_a_row_alone_gets_what_it_gets_among_others():
    model = quick(normed).fit(ROWS, VALUES)

    alone = np.concatenate([model.predict(row[None]) for row in ROWS])

    assert np.abs(alone - model.predict(ROWS)).max() < 1e-9


def test_training_stops_early_and_keeps_the_best_epoch():
    noise = RNG.integers(0, 2, 300)
    model = quick(epochs=200, patience=3, learning_rate=0.05).fit(ROWS, noise)

    kept = [seen for _, seen in model.history_]
    assert len(kept) < 200
    assert min(kept) == kept[-4]
    assert all(math.isnan(seen) for _, seen in quick(epochs=2, patience=None).fit(ROWS, noise).history_)


@pytest.mark.parametrize("y", [CODES, VALUES], ids=["classes", "values"])
def test_a_loaded_model_answers_as_the_saved_one_once_its_code_is_there(y):
    model = quick(normed, loss=None).fit(ROWS, y)
    expected = model.predict(ROWS)

    again = load_model(*save_model(model))
    with pytest.raises(WrongEnvironmentError, match="is not loaded"):
        again.predict(ROWS)
    for found in reachable(again):
        if isinstance(found, Own):
            found.function = normed

    assert np.array_equal(again.predict(ROWS), expected)
    assert np.array_equal(copy.deepcopy(again).predict(ROWS), expected)


def test_weights_do_not_fit_another_architecture():
    model = quick().fit(ROWS, CODES)
    model.module.settings["width"] = 9

    with pytest.raises(IntegrityError, match="another network"):
        copy.deepcopy(model).predict(ROWS)


def test_a_loss_of_the_projects_own_is_used():
    model = quick(loss=pinball, epochs=40).fit(ROWS, VALUES)

    assert (model.predict(ROWS) > VALUES).mean() > 0.75  # nine tenths of the truth should lie below


def test_a_module_without_a_last_dimension_predicts_values():
    assert quick(flat).fit(ROWS, VALUES).predict(ROWS).shape == (300,)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: network(lambda: None), "top of a module"),
        (lambda: network("layers"), "cannot be found again"),
        (lambda: network(layers, epochs=0), "epochs=0"),
        (lambda: network(layers, learning_rate=-1), "learning_rate=-1"),
        (lambda: network(layers, batch_size=True), "batch_size=True"),
        (lambda: network(layers, validation=1.0), "validation=1.0"),
        (lambda: network(layers, precision="half"), "half"),
        (lambda: quick(optimiser="Adm").fit(ROWS, CODES), "Did you mean 'Adam'"),
        (lambda: quick(loss="CrossEntropy").fit(ROWS, CODES), "Did you mean 'CrossEntropyLoss'"),
        (lambda: quick(narrow).fit(ROWS, CODES), "3 for each row"),
        (lambda: quick(nothing).fit(ROWS, CODES), "no torch.nn.Module"),
        (lambda: quick().fit(ROWS[:2], CODES[:2]), "too few"),
    ],
)
def test_what_cannot_be_is_said_with_what_to_do(make, said):
    with pytest.raises(KaizenError) as refused:
        make()

    assert said in str(refused.value)
    assert refused.value.hint


def test_a_loss_that_explodes_ends_the_training():
    with pytest.raises(StepFailedError, match=r"became (nan|inf).*epoch"):
        quick(optimiser="SGD", learning_rate=1e12).fit(ROWS, VALUES)


def test_settings_that_cannot_be_written_down_are_refused():
    model = Network(Own("m:f", {"callback": object()}, None))
    model.weights_ = Weights({"a": np.zeros(1, np.float32)})

    with pytest.raises(KaizenError, match="cannot be written down"):
        save_model(model)


def test_code_is_found_by_its_name_in_the_projects_modules_alone():
    import json as module

    wanted = Own("nets:JSONDecoder.decode", {})

    assert found_in(wanted, {"nets": module}) is module.JSONDecoder.decode
    for name in ("nets:no_such", "os:system", "nets:__doc__", "nets"):
        with pytest.raises(WrongEnvironmentError):
            found_in(Own(name, {}), {"nets": module})
    with pytest.raises(ProjectError):
        own(print.__call__, {})
