"""The parts of a model that are kept in a format of their own: their library has a better one than a tree of types.

Adding one is a line of `NATIVE`: the type that is taken out, how it is saved and loaded, and which types of its library
may then stand around it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kaizenml.core.network import Own, Weights
from kaizenml.errors import UnsafeArtefactError, UsageError
from kaizenml.packaging import lightgbm_format, safetensors, xgboost_format
from kaizenml.packaging.archive import check_depth


@dataclass(frozen=True, slots=True)
class Native:
    """How one kind of part is kept.

    ``kind`` is the full name of the type that is taken out; ``around`` are the types of its library that hold it;
    ``modules`` have to be importable where the model is loaded.
    """

    name: str
    kind: str
    suffix: str
    save: Callable[[Any], bytes]
    load: Callable[[bytes], object]
    around: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()
    check: Callable[[Any], None] | None = None


def _save_own(own: Own) -> bytes:
    try:
        return json.dumps({"name": own.name, "settings": own.settings}, sort_keys=True, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{own.name} is given what cannot be written down: {error}.", "Give it numbers, texts and booleans."
        ) from error


def _load_own(content: bytes) -> Own:
    check_depth(content, 16, "a name of the project's code")
    try:
        facts = json.loads(content)
        name, settings = facts["name"], facts["settings"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnsafeArtefactError("The model names its own code wrongly.", "It is damaged or forged.") from error
    if not isinstance(name, str) or not isinstance(settings, dict):
        raise UnsafeArtefactError("The model names its own code wrongly.", "It is damaged or forged.")
    return Own(name, settings)


def _types(module: str, names: str) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for name in names.split())


NATIVE = (
    Native(
        "lightgbm",
        "lightgbm.basic.Booster",
        "txt",
        lightgbm_format.save,
        lightgbm_format.load,
        _types("lightgbm.sklearn", "LGBMClassifier LGBMModel LGBMRanker LGBMRegressor") | {"collections.OrderedDict"},
        frozenset({"lightgbm"}),
        lightgbm_format.check_estimator,
    ),
    Native(
        "xgboost",
        "xgboost.core.Booster",
        "json",
        xgboost_format.save,
        xgboost_format.load,
        _types("xgboost.sklearn", "XGBClassifier XGBModel XGBRanker XGBRFClassifier XGBRFRegressor XGBRegressor"),
        frozenset({"xgboost"}),
        xgboost_format.check_estimator,
    ),
    Native(
        "weights",
        "kaizenml.core.network.Weights",
        "safetensors",
        lambda weights: safetensors.write(weights.arrays),
        lambda content: Weights(safetensors.read(content)),
        _types("kaizenml.training.network", "Network"),
        frozenset({"torch"}),
    ),
    Native("own", "kaizenml.core.network.Own", "json", _save_own, _load_own),
)
BY_KIND: Mapping[str, Native] = {native.kind: native for native in NATIVE}


def native_of(thing: object) -> Native | None:
    """Return how a thing is kept, if it is a part with a format of its own; nothing is imported to find out."""
    kind = type(thing)
    return BY_KIND.get(f"{kind.__module__}.{kind.__qualname__}")
