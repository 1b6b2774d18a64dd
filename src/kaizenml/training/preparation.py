"""Which scikit-learn steps prepare which columns: by kind, skewness, gaps and cardinality, or as the project says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.preparation import Encode, Missing, Preparation, Scale
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.errors import ProjectError

NUMBERS = (ColumnKind.NUMBER, ColumnKind.INTEGER, ColumnKind.BOOLEAN)
#: Up to this many categories get a column each; more are replaced by what they say about the target.
MOST_ONE_HOT = 10
#: Positive numbers whose sample skewness is above this are put on a logarithmic scale where scale counts.
MOST_SKEW = 2.0
#: That a number is missing becomes a column of its own from this share of the rows on: below, it is noise.
LEAST_FLAGGED = 0.01

Part = tuple[str, Any, list[str]]


def skewness(values: NDArray[np.float64]) -> float:
    """Return the sample skewness g1 = m3 / m2^(3/2) of the finite values, shape (n,); 0 for a constant.

    Notes
    -----
    m_k is the k-th central moment with 1/n. An exponential distribution has 2, a normal one 0.

    Source: D. N. Joanes and C. A. Gill, "Comparing measures of sample skewness and kurtosis", The Statistician 47
    (1998), equation for g1. That |g1| above 2 is far from normal: J. F. Curran, S. G. West and J. F. Finch, "The
    robustness of test statistics to nonnormality", Psychological Methods 1 (1996).
    """
    known = values[np.isfinite(values)]
    if len(known) == 0 or known.min() == known.max():
        return 0.0
    scale = float(np.abs(known).max())
    away = known / scale - np.mean(known / scale)
    spread = float(np.mean(away**2))
    return float(np.mean(away**3)) / spread**1.5 if spread**1.5 > 0 else 0.0


def number_parts(
    columns: Sequence[Column],
    rows: pl.DataFrame,
    said: Mapping[str, Preparation],
    *,
    takes_missing: bool,
    scales: bool,
) -> list[Part]:
    """Return the steps for numbers; those that are prepared alike stand together, in their order.

    Parameters
    ----------
    rows
        The training rows as `design.matrix` makes them: NaN where a number is missing.
    takes_missing, scales
        What suits the estimator; see `design.preprocessor`.

    Raises
    ------
    ProjectError
        When a gap is to stay that the estimator does not cope with.
    """
    groups: dict[tuple[Scale, Missing], list[str]] = {}
    for column in columns:
        asked = said.get(column.name, Preparation(column.name))
        if asked.encode not in (None, Encode.DROP):
            raise _unfit(column, f"encode={str(asked.encode)!r}", "`scale` and `missing`")
        values = rows[column.name].to_numpy()
        missing = asked.missing or _missing(values, takes_missing=takes_missing)
        if missing is Missing.NONE and not takes_missing:
            raise ProjectError(
                f"missing='none' of {column.name}, and the model copes with no gaps.",
                'Say missing="median", "zero" or "flag", or choose a model that takes missing values.',
            )
        groups.setdefault((asked.scale or _scale(column, values, scales=scales), missing), []).append(column.name)
    usual = Scale.STANDARD if scales else Scale.NONE
    return [
        (
            "numbers" if scale is usual and len(groups) == 1 else f"numbers-{scale}-{missing}",
            _steps(scale, missing),
            names,
        )
        for (scale, missing), names in groups.items()
    ]


def text_parts(
    columns: Sequence[Column], rows: pl.DataFrame, said: Mapping[str, Preparation], means: Any
) -> list[Part]:
    """Return the steps for categories: a column each where they are few, else what they say about the target.

    Parameters
    ----------
    means
        An unfitted TargetEncoder that suits the task.
    """
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

    kinds: dict[Encode, list[str]] = {Encode.ONE_HOT: [], Encode.TARGET: [], Encode.ORDINAL: []}
    for column in columns:
        asked = said.get(column.name, Preparation(column.name))
        if asked.scale is not None or asked.missing is not None:
            raise _unfit(column, asked.text, "`encode`")
        few = rows[column.name].n_unique() <= MOST_ONE_HOT
        kinds[asked.encode or (Encode.ONE_HOT if few else Encode.TARGET)].append(column.name)
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return [
        ("few", OneHotEncoder(handle_unknown="ignore", sparse_output=False), kinds[Encode.ONE_HOT]),
        ("many", means, kinds[Encode.TARGET]),
        ("ordinal", ordinal, kinds[Encode.ORDINAL]),
    ]


def _unfit(column: Column, asked: str, instead: str) -> ProjectError:
    return ProjectError(f"{asked} of {column.name}, which is a {column.kind}.", f"It takes {instead}.")


def _missing(values: NDArray[np.float64], *, takes_missing: bool) -> Missing:
    if takes_missing:
        return Missing.NONE
    return Missing.FLAG if np.mean(np.isnan(values)) >= LEAST_FLAGGED else Missing.MEDIAN


def _scale(column: Column, values: NDArray[np.float64], *, scales: bool) -> Scale:
    if not scales:
        return Scale.NONE
    is_positive = column.kind is not ColumnKind.BOOLEAN and not np.any(values < 0)
    return Scale.LOG if is_positive and skewness(values) > MOST_SKEW else Scale.STANDARD


def _steps(scale: Scale, missing: Missing) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, PowerTransformer, StandardScaler

    steps: list[tuple[str, Any]] = []
    if missing is Missing.ZERO:
        steps.append(("impute", SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True)))
    elif missing is not Missing.NONE:
        is_flagged = missing is Missing.FLAG
        steps.append(("impute", SimpleImputer(strategy="median", add_indicator=is_flagged, keep_empty_features=True)))
    if scale is Scale.LOG:  # like a logarithm where numbers are large, and defined for those below zero that may come
        steps.append(("log", FunctionTransformer(np.arcsinh, feature_names_out="one-to-one")))
    if scale is Scale.POWER:
        steps.append(("scale", PowerTransformer()))
    elif scale is not Scale.NONE:
        steps.append(("scale", StandardScaler()))
    return Pipeline(steps) if steps else "passthrough"
