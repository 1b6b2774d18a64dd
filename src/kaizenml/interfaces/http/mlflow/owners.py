"""To which projects the things belong that a request of an MLflow client is about.

Each function is given the books, the request and who calls, and returns the projects in which a permission is needed,
each with the error for a caller who may not see it: the one that there would be if there were no such thing. Those
that begin with ``seen_`` need none, but take out of the request what the caller may not see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from kaizenml.core.mlflow.errors import absent
from kaizenml.core.mlflow.limits import experiment_number
from kaizenml.core.mlflow.paths import safe_path
from kaizenml.core.mlflow.rows import What
from kaizenml.core.mlflow.sources import model_uri, scheme_of
from kaizenml.core.ports import Books
from kaizenml.errors import KaizenError, PermissionDeniedError
from kaizenml.interfaces.http.access import Known
from kaizenml.loop import mlflow_experiments as experiments
from kaizenml.loop import mlflow_files as files


class Owned(NamedTuple):
    """A project, and what a caller is told who may not see it."""

    project: str
    absent: KaizenError


Owners = Callable[[Books, Any, Known], Iterable[Owned]]


def anybody(_books: Books, _told: Any, _caller: Known) -> Iterable[Owned]:
    """Ask for the permission in any project; the handler shows what the caller may see."""
    return ()


def experiment(books: Books, told: Any, _caller: Known) -> Iterator[Owned]:
    """Return the project of ``experiment_id``."""
    number = experiment_number(told.experiment_id or experiments.DEFAULT)
    missing = absent(f"No Experiment with id={number} exists")
    found = books.clients.find(What.EXPERIMENT, str(number))
    if found is None and str(number) != experiments.DEFAULT:  # that one is made when somebody asks for it
        raise missing
    yield Owned(found.state if found is not None else experiments.project_for(books, "default"), missing)


def named_experiment(books: Books, told: Any, _caller: Known) -> Iterator[Owned]:
    """Return the project of ``experiment_name``."""
    missing = absent(f"Could not find experiment with name '{told.experiment_name}'")
    found = books.clients.all(What.EXPERIMENT, name=told.experiment_name)
    if not found:
        raise missing
    yield Owned(found[0].state, missing)


def new_experiment(books: Books, told: Any, _caller: Known) -> Iterator[Owned]:
    """Return the project that an experiment of this ``name`` would be."""
    project = experiments.project_for(books, told.name or "")
    said = f"This needs the permission to run in {project}, which is the project of such an experiment."
    yield Owned(project, PermissionDeniedError(said, "Ask who has it."))


def run(books: Books, told: Any, _caller: Known) -> Iterator[Owned]:
    """Return the project of the run that is told of, and those of the models that are told of with it."""
    missing = absent(f"Run with id={told.run} not found")
    project = _project(books, What.RUN, told.run)
    if project is None:
        raise missing
    yield Owned(project, missing)
    given = [told, *(getattr(told, "metrics", None) or ()), *(getattr(told, "models", None) or ())]
    for id_ in {str(getattr(each, "model_id", None) or "") for each in given} - {""}:
        owner = _project(books, What.MODEL, id_)
        if owner is not None:
            yield Owned(owner, _no_model(id_))


def model(books: Books, told: Any, _caller: Known) -> Iterator[Owned]:
    """Return the project of ``model_id``."""
    project = _project(books, What.MODEL, told.model_id)
    if project is None:
        raise _no_model(told.model_id)
    yield Owned(project, _no_model(told.model_id))


def registered(books: Books, told: Any, _caller: Known) -> Iterator[Owned]:
    """Return the project of the registered model, or prompt, of this ``name``."""
    yield _registered(books, told.name, absent(f"Registered Model with name={told.name} not found"))


def version(books: Books, told: Any, _caller: Known) -> Iterator[Owned]:
    """Return the project of the registered model that a ``version`` is of."""
    missing = absent(f"Model Version (name={told.name}, version={told.version}) not found")
    yield _registered(books, told.name, missing)


def new_version(books: Books, told: Any, _caller: Known) -> Iterator[Owned]:
    """Return the projects of the registered model, and of the run, logged model or version that are told of with it."""
    yield _registered(books, told.name, absent(f"Registered Model with name={told.name} not found"))
    run, logged = (_project(books, what, id_) for what, id_ in ((What.RUN, told.run_id), (What.MODEL, told.model_id)))
    if run is not None:
        yield Owned(run, absent(f"Run with id={told.run_id} not found"))
    if logged is not None:
        yield Owned(logged, _no_model(str(told.model_id)))
    if scheme_of(told.source) == "models" and (of := model_uri(told.source)).name:
        yield _registered(books, of.name, absent(f"Registered Model with name={of.name} not found"))


def path(books: Books, told: Any, _caller: Known) -> Iterator[Owned]:
    """Return the project of the run or model among whose files ``path`` is; of other files nobody's alone is one."""
    yield _of_path(books, safe_path(told.path or ""))


def whole(books: Books, told: Any, _caller: Known) -> Iterator[Owned]:
    """Return the project of the run or model among whose files an upload will be."""
    yield _of_path(books, told.whole)


def upload(books: Books, told: Any, _caller: Known) -> Iterator[Owned]:
    """Return the project of the file that ``upload_id`` began."""
    id_ = told.upload_id or ""
    path = files.path_of_upload(books, id_)
    yield Owned(files.project_of(books, path) or "", files.no_upload(id_))


def seen_experiments(books: Books, told: Any, caller: Known) -> Iterable[Owned]:
    """Leave of ``experiment_ids`` those that the caller may see."""
    seen = caller.seen
    if seen is not None:
        ids = [str(experiment_number(each)) for each in told.experiment_ids or ()]
        found = {each: books.clients.find(What.EXPERIMENT, each) for each in ids}
        told.experiment_ids = [id_ for id_, each in found.items() if each is not None and each.state in seen]
    return ()


def seen_runs(books: Books, told: Any, caller: Known) -> Iterable[Owned]:
    """Leave of ``run_ids``, or ``run_id`` where it is a list, those that the caller may see."""
    seen = caller.seen
    if seen is not None:
        field = "run_ids" if hasattr(told, "run_ids") else "run_id"
        ids = getattr(told, field) or ()
        setattr(told, field, [each for each in ids if _project(books, What.RUN, each) in seen])
    return ()


def _of_path(books: Books, path: str) -> Owned:
    said = f"This needs a permission in every project, or for the run or model that has {path[:200]!r}."
    return Owned(files.project_of(books, path) or "", PermissionDeniedError(said, "Ask who has it."))


def _registered(books: Books, name: str, missing: KaizenError) -> Owned:
    found = books.registry.find(name)
    if found is None or found.is_deleted:
        raise missing
    return Owned(found.project, missing)


def _project(books: Books, what: What, id_: str | None) -> str | None:
    found = books.clients.find(what, id_) if id_ else None
    return None if found is None else experiments.project_of(books, found.scope)


def _no_model(id_: str) -> KaizenError:
    return absent(f"Logged model with ID '{id_}' not found.")
