"""How much of what was brought over is here: read back from the books, as a client would."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from kaizenml.core.mlflow.rows import What
from kaizenml.core.mlflow.tally import Tally
from kaizenml.core.ports import Books
from kaizenml.loop.mlflow_messages import Told

_READ = msgspec.json.Decoder(Told)
_AT_ONCE = 1000


def count_here(books: Books, seen: Mapping[str, Collection[str]], tally: Tally) -> None:
    """Count what is here of the runs and logged models that were seen, whose ids are given by experiment."""
    here = tally.here
    for experiment, ids in seen.items():
        here["experiments"] += books.clients.find(What.EXPERIMENT, experiment) is not None
        here["points"] += books.series.count(ids)
        here["artefacts"] += sum(_owner(each.path, experiment) in ids for each in books.clients.files(experiment))
        listed = sorted(ids)
        for start in range(0, len(listed), _AT_ONCE):
            _count_documents(books, listed[start : start + _AT_ONCE], tally)


def _count_documents(books: Books, ids: Collection[str], tally: Tally) -> None:
    here = tally.here
    for document in books.clients.find_all(What.RUN, ids).values():
        told = _READ.decode(document.body)
        here["runs"] += 1
        here["parameters"] += len(told.data.params)
        here["tags"] += len(told.data.tags)
        here["data sets"] += len(told.inputs.dataset_inputs)
    here["logged models"] += len(books.clients.find_all(What.MODEL, ids))


def _owner(path: str, experiment: str) -> str:
    """Return the run or logged model that a file is of: ``experiment/run/…`` or ``experiment/models/model/…``."""
    return path.removeprefix(f"{experiment}/").removeprefix("models/").partition("/")[0]
