"""The formats that a model can be kept in, in the order in which they are tried.

Adding one is a line of `FORMATS`: what it can save, how it saves, how it loads. Pickle is none of them, under any name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from kaizenml.errors import UnsafeArtefactError, UsageError, bounded
from kaizenml.packaging import mixed, skops_format
from kaizenml.packaging.archive import shown

_PICKLE_HINT = "A pickle runs code when it is opened; save the model with save_model() in place of it."
#: How pickles, and what joblib compresses them with, begin.
_PICKLES = tuple(
    bytes.fromhex(start)
    for start in (
        "80 28 63 5d 7d 49 1f8b 7801 785e 789c 78da 425a68 fd377a585a 5d0000 04224d18 28b52ffd 5a46".split(" ")  # noqa: SIM905
    )
)


@dataclass(frozen=True, slots=True)
class Format:
    """One way to keep a model: what it takes, and both directions; the caller trusts the names given besides."""

    name: str
    can_save: Callable[[object], bool]
    save: Callable[[object, Collection[str]], bytes]
    load: Callable[[bytes, Collection[str]], object]
    module_names: Callable[[bytes], frozenset[str]]
    runtime: tuple[str, ...]


FORMATS = (
    Format("mixed", mixed.is_mixed, mixed.save, mixed.load, mixed.module_names, ("skops",)),
    Format(
        "skops",
        skops_format.is_sklearn_like,
        skops_format.save,
        skops_format.load,
        skops_format.module_names,
        ("skops",),
    ),
)


def save_model(estimator: object, extra_trusted: Collection[str] = ()) -> tuple[str, bytes]:
    """Return the name of the format that holds an estimator, and its bytes; the same estimator gives the same bytes.

    Raises
    ------
    UsageError
        When no format can hold it.
    UnsafeArtefactError
        When it holds types or settings that would be refused at loading.
    """
    for form in FORMATS:
        if form.can_save(estimator):
            return form.name, form.save(estimator, extra_trusted)
    raise UsageError(
        f"No format can hold a {type(estimator).__module__}.{type(estimator).__qualname__}.",
        "Return an estimator of scikit-learn, LightGBM or XGBoost, or kz.torch(...), from the estimator step.",
    )


def load_model(name: str, content: bytes, extra_trusted: Collection[str] = ()) -> object:
    """Return the estimator in the bytes, once all of it has been looked at.

    Parameters
    ----------
    name
        The format, as the manifest names it.
    content
        What `save_model` returned.
    extra_trusted
        Full names of the caller's own types and functions, such as ``features.Upper``. Never taken from the file.

    Raises
    ------
    UnsafeArtefactError
        For pickles under any name, for unknown formats, and for everything that is not a model of trusted types.
    WrongEnvironmentError
        When it was made with other libraries.
    """
    return format_of(name, content).load(content, extra_trusted)


def format_of(name: str, content: bytes) -> Format:
    """Return the format of this name, unless the content is a pickle.

    Raises
    ------
    UnsafeArtefactError
        For a pickle, and for a name that is not known.
    """
    if content.startswith(_PICKLES):
        raise UnsafeArtefactError(
            f"The model, said to be {shown(name)}, is a pickle or a compressed one.", _PICKLE_HINT
        )
    for form in FORMATS:
        if form.name == name:
            return form
    raise UnsafeArtefactError(
        f"The format {shown(name)} is not one that may be loaded.", f"Known: {bounded(form.name for form in FORMATS)}."
    )
