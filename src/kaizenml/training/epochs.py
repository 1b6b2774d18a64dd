"""The training loop of a network: epochs of shuffled batches, stopped early on rows kept back."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaizenml.core.network import Own
from kaizenml.errors import StepFailedError, TargetError
from kaizenml.training.torch_library import named

State = dict[str, Any]
#: An epoch's loss on the training rows and on those kept back.
History = list[list[float]]


@dataclass(frozen=True, slots=True)
class Course:
    """How a network is trained; ``checked`` looks at the shape of its scores. See `kaizenml.training.network.torch`."""

    name: str
    checked: Callable[[Any], Any]
    loss: str | Own | None
    optimiser: str
    learning_rate: float
    weight_decay: float
    epochs: int
    batch_size: int
    patience: int | None
    validation: float


def learned(lib: Any, net: Any, rows: NDArray[np.float64], truth: NDArray[Any], how: Course) -> tuple[State, History]:
    """Return the weights of the best epoch, and the losses of all.

    Parameters
    ----------
    lib
        PyTorch, seeded.
    net
        A new module.
    rows
        Shape (n, d).
    truth
        Class codes 0 … k-1 (integers) or standardised values; shape (n,).

    Raises
    ------
    StepFailedError
        When the loss is no number any more.
    """
    kind = lib.int64 if np.issubdtype(truth.dtype, np.integer) else lib.float32
    x, y = lib.from_numpy(rows).float(), lib.from_numpy(np.array(truth)).to(kind)
    order = lib.randperm(len(x))
    kept = math.ceil(len(x) * how.validation) if how.patience is not None else 0
    if len(x) - kept < 2:
        raise TargetError(f"{len(x)} rows are too few to train a network.", "Give it more rows.")
    held, train = order[:kept], order[kept:]
    loss, optimiser = _loss(lib, how, kind), _optimiser(lib, net, how)
    best: tuple[float, int, State] = (math.inf, 0, {})
    history: History = []
    for epoch in range(how.epochs):
        mean = _epoch(lib, net, x[train], y[train], loss, optimiser, how)
        seen = _validated(lib, net, x[held], y[held], loss, how) if kept else math.nan
        history.append([mean, seen])
        if not math.isfinite(mean):
            raise StepFailedError(
                f"The loss of {how.name} became {mean} in epoch {epoch + 1}.", "Lower the learning rate."
            )
        if not kept or seen < best[0]:
            best = (seen, epoch, copy.deepcopy(net.state_dict()))
        elif epoch - best[1] >= (how.patience or 0):
            break
    return best[2] or net.state_dict(), history


def _epoch(lib: Any, net: Any, x: Any, y: Any, loss: Any, optimiser: Any, how: Course) -> float:
    net.train()
    total = 0.0
    for batch in lib.randperm(len(x)).split(how.batch_size):
        if len(batch) == 1 and len(x) > 1:
            continue  # a batch of one has no spread for batch normalisation
        optimiser.zero_grad()
        value = loss(how.checked(net(x[batch])), _shaped(y[batch]))
        value.backward()
        optimiser.step()
        total += float(value.detach()) * len(batch)
    return total / len(x)


def _validated(lib: Any, net: Any, x: Any, y: Any, loss: Any, how: Course) -> float:
    net.eval()
    with lib.no_grad():
        return float(loss(how.checked(net(x)), _shaped(y)))


def _shaped(y: Any) -> Any:
    """Return values in a column, as scores come; class codes as they are."""
    return y[:, None] if y.is_floating_point() else y


def _loss(lib: Any, how: Course, kind: Any) -> Any:
    if isinstance(how.loss, Own):
        return how.loss.called
    usual = "CrossEntropyLoss" if kind is lib.int64 else "MSELoss"
    return named(lib.nn, how.loss or usual, "loss")()


def _optimiser(lib: Any, net: Any, how: Course) -> Any:
    kind = named(lib.optim, how.optimiser, "optimiser")
    return kind(net.parameters(), lr=how.learning_rate, weight_decay=how.weight_decay)
