"""A PyTorch module as a model: trained with a seed, kept as names and numbers, rebuilt by the project's own code."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from kaizenml.core.network import Own, Weights, own
from kaizenml.errors import IntegrityError, ProjectError
from kaizenml.training.epochs import Course, learned
from kaizenml.training.torch_library import imported_torch, reproducible

Array = NDArray[np.float64]
_PREDICTED_AT_ONCE = 1_024


def torch(
    module: Callable[..., Any],
    *,
    loss: str | Callable[..., Any] | None = None,
    optimiser: str = "Adam",
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    epochs: int = 30,
    batch_size: int = 64,
    patience: int | None = 5,
    validation: float = 0.1,
    random_state: int | None = None,
    precision: str = "double",
    threads: int = 1,
    **settings: Any,
) -> Network:
    """Return a PyTorch module as the model of an `estimator` step: for classes, or for values.

    Parameters
    ----------
    module
        A class or function of the project, at the top of a module, that makes a ``torch.nn.Module``. It is called with
        the settings, and with ``inputs`` (number of columns) and ``outputs`` (of classes; 1 for values) where it has
        parameters of these names. The module takes a tensor of shape (n, inputs), standardised, and returns scores
        (n, outputs).
    loss
        The name of a loss in ``torch.nn``, or a function of the project ``(scores, truth) -> scalar``. None:
        ``CrossEntropyLoss`` for classes, ``MSELoss`` for values, which are standardised before.
    optimiser
        The name of a class in ``torch.optim``; it gets ``learning_rate`` and ``weight_decay``.
    epochs
        How often the rows are gone through at most.
    batch_size
        Rows for each step of the optimiser.
    patience
        After so many epochs without a better loss on the rows kept back for it, training stops; the best weights are
        kept. None: no rows are kept back, and the last weights count.
    validation
        The share of the training rows that is kept back for that.
    random_state
        The seed; None: the project's. On the same machine and number of threads the same weights come out.
    precision
        In what answers are computed: ``"double"``, so that a row alone gets what it gets among others, or ``"single"``.
    threads
        How many threads train.

    Raises
    ------
    ProjectError
        For a lambda or inner function, and for numbers that cannot be.

    Examples
    --------
    >>> import kaizenml as kz
    >>> def network(inputs, outputs, width=16):
    ...     from torch import nn
    ...     return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))
    >>> kz.torch(network, width=8, epochs=5).epochs
    5
    """
    _check(epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, threads=threads)
    if not 0 < validation < 1:
        raise ProjectError(f"validation={validation} is no share of the rows.", "Give a number such as 0.1.")
    if precision not in ("double", "single"):
        raise ProjectError(f"There is no precision {precision!r}.", 'Write "double" or "single".')
    return Network(
        own(module, settings),
        loss=loss if loss is None or isinstance(loss, str) else own(loss, {}),
        optimiser=optimiser,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        epochs=epochs,
        batch_size=batch_size,
        patience=patience,
        validation=validation,
        random_state=random_state,
        precision=precision,
        threads=threads,
    )


class Network(BaseEstimator):  # type: ignore[misc]
    """What `torch` makes: an estimator around a module. Integers to learn are class codes, other numbers values.

    Attributes
    ----------
    weights_
        What was learned.
    history_
        The loss of each epoch: on the training rows, and on those kept back (NaN without).
    classes_
        Class codes, after learning classes.
    """

    #: Its shape was made for all columns.
    keeps_columns = True

    def __init__(
        self,
        module: Own,
        *,
        loss: str | Own | None = None,
        optimiser: str = "Adam",
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        epochs: int = 30,
        batch_size: int = 64,
        patience: int | None = 5,
        validation: float = 0.1,
        random_state: int | None = None,
        precision: str = "double",
        threads: int = 1,
    ) -> None:
        self.module = module
        self.loss = loss
        self.optimiser = optimiser
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.validation = validation
        self.random_state = random_state
        self.precision = precision
        self.threads = threads

    def fit(self, X: Any, y: Any) -> Network:  # noqa: N803
        """Learn from a matrix, shape (n, d), and class codes or values, shape (n,)."""
        rows, truth = _dense(X), np.asarray(y)
        self.n_features_in_ = rows.shape[1]
        is_classes = np.issubdtype(truth.dtype, np.integer)
        if is_classes:
            self.classes_ = np.unique(truth)
            truth = np.searchsorted(self.classes_, truth)
        else:
            self.centre_, self.spread_ = float(truth.mean()), float(truth.std()) or 1.0
            truth = (truth - self.centre_) / self.spread_
        self.outputs_ = len(self.classes_) if is_classes else 1
        with reproducible(self.random_state or 0, self.threads) as lib:
            net = self._made(lib)
            state, self.history_ = learned(lib, net, rows, truth, self._course())
        self.weights_ = Weights({name: np.asarray(tensor) for name, tensor in state.items()})
        self._net: tuple[Any, Any] | None = None
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Return class codes or values, shape (n,)."""
        if hasattr(self, "classes_"):
            return self.classes_[self._scores(X).argmax(axis=1)]
        return self._scores(X)[:, 0] * self.spread_ + self.centre_

    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """Return the probability of each class, shape (n, k)."""
        scores = self._scores(X)
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether there are weights."""
        return hasattr(self, "weights_")

    def __getstate__(self) -> dict[str, Any]:
        """Return everything but the built module, which comes from names and numbers again."""
        return {name: value for name, value in vars(self).items() if name != "_net"}

    def _course(self) -> Course:
        return Course(
            self.module.name, self._checked, self.loss, self.optimiser, self.learning_rate, self.weight_decay,
            self.epochs, self.batch_size, self.patience, self.validation,
        )  # fmt: skip

    def _scores(self, X: Any) -> Array:  # noqa: N803
        lib, net = imported_torch(), self._built()
        dtype = lib.float64 if self.precision == "double" else lib.float32
        rows = lib.from_numpy(_dense(X)).to(dtype)
        with lib.inference_mode():
            parts = [self._checked(net(part)) for part in rows.split(_PREDICTED_AT_ONCE)]
        return np.asarray(lib.cat(parts).double().numpy() if parts else np.zeros((0, self.outputs_)))

    def _checked(self, scores: Any) -> Any:
        """Return scores of shape (n, outputs), and refuse those of another."""
        shaped = scores[:, None] if scores.ndim == 1 and self.outputs_ == 1 else scores
        if shaped.ndim != 2 or shaped.shape[1] != self.outputs_:
            raise ProjectError(
                f"{self.module.name} returned scores of shape {tuple(scores.shape)} for {len(scores):,} rows;"
                f" {self.outputs_} for each row are needed.",
                "Let its last layer have `outputs` outputs: a parameter of this name is handed over.",
            )
        return shaped

    def _built(self) -> Any:
        """Return the module with the learned weights; built once, and again when the code behind its name changes."""
        kept = vars(self).get("_net")
        if kept is not None and kept[0] is self.module.function:
            return kept[1]
        lib = imported_torch()
        net = self._made(lib)
        state = {name: lib.from_numpy(np.array(array)) for name, array in self.weights_.arrays.items()}
        try:
            net.load_state_dict(state)
        except RuntimeError as error:
            raise IntegrityError(
                f"{self.module.name} builds another network than the one that these weights are of: "
                f"{' '.join(str(error).split())[:300]}.",
                "Train it again with the code as it is.",
            ) from error
        net = net.eval().double() if self.precision == "double" else net.eval()
        self._net = (self.module.function, net)
        return net

    def _made(self, lib: Any) -> Any:
        """Return a new module of the project's code."""
        offered = {"inputs": self.n_features_in_, "outputs": self.outputs_}
        wanted = _parameters(self.module.function)
        handed = {name: value for name, value in offered.items() if name in wanted and name not in self.module.settings}
        net = self.module.called(**handed)
        if not isinstance(net, lib.nn.Module):
            raise ProjectError(
                f"{self.module.name} made a {type(net).__name__}, which is no torch.nn.Module.", "Let it return one."
            )
        return net


def _dense(X: Any) -> Array:  # noqa: N803
    return np.array(X.toarray() if hasattr(X, "toarray") else X, dtype=np.float64)


def _parameters(function: Callable[..., Any] | None) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(function).parameters) if function is not None else frozenset()
    except (TypeError, ValueError):
        return frozenset()


def _check(**numbers: float) -> None:
    for name, value in numbers.items():
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not value > 0:
            raise ProjectError(f"kz.torch({name}={value!r}) cannot be.", "Give a number above 0.")
