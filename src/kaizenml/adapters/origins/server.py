"""A live server of MLflow's, asked by the routes that its clients and pages use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kaizenml.adapters.origins.asking import Server
from kaizenml.adapters.origins.registered_server import registered_in
from kaizenml.adapters.origins.server_files import ServerFiles
from kaizenml.adapters.origins.words import Troubles, is_run_id, moment, pairs, plain, point, stage, text, whole
from kaizenml.core.mlflow.origin import (
    RUN_STATUSES,
    ForeignDataset,
    ForeignExperiment,
    ForeignFile,
    ForeignMeasurement,
    ForeignModel,
    ForeignRegistered,
    ForeignRun,
)
from kaizenml.core.series import Point
from kaizenml.errors import SourceError

#: Runs in a page, and in a question for the history of a metric, which is answered with at most so many points.
_PAGE, _TOGETHER, _MOST_POINTS = 500, 100, 25_000
#: Requests at the same time.
_AT_ONCE = 4
_BULK = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"


class ServerOrigin:
    """A server of MLflow's."""

    def __init__(self, server: Server, troubles: Troubles) -> None:
        self._server = server
        self._troubles = troubles
        self._files = ServerFiles(server, troubles)
        self._has_bulk = True

    @property
    def place(self) -> str:
        """Where it is."""
        return self._server.place

    def experiments(self) -> list[ForeignExperiment]:
        """Return the experiments, deleted ones too, by id."""
        pages = self._server.pages(
            self._server.post, "/experiments/search", "experiments", max_results=1000, view_type="ALL"
        )
        found = [each for page in pages for said in page if (each := self._experiment(plain(said))) is not None]
        if not found:
            raise SourceError(f"{self.place} knows no experiments.", "Is it the address of an MLflow server?")
        return sorted(found, key=lambda each: int(each.id))

    def runs(self, experiment: ForeignExperiment) -> Iterator[list[ForeignRun]]:
        """Return the runs of an experiment, the oldest first, so that those that begin meanwhile come last."""
        has_models = any(self._model_pages(experiment, most=1))
        pages = self._server.pages(
            self._server.post, "/runs/search", "runs", experiment_ids=[experiment.id], max_results=_PAGE,
            run_view_type="ALL", order_by=["attributes.start_time ASC"],
        )  # fmt: skip
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for page in pages:
                said = [plain(each) for each in page]
                if has_models:  # lists do not tell which logged models a run read
                    said = list(pool.map(self._whole, said))
                histories = self._histories(said, pool)
                found = [self._run(each, histories) for each in said]
                yield [each for each in found if each is not None]

    def models(self, experiment: ForeignExperiment) -> Iterator[list[ForeignModel]]:
        """Return the logged models of an experiment; none where the server is older than they are."""
        for page in self._model_pages(experiment, most=50):
            found = [self._model(plain(said)) for said in page]
            yield [each for each in found if each is not None]

    def registered(self) -> Iterator[ForeignRegistered]:
        """Return the registered models, prompts too, by name."""
        return registered_in(self._server, self._troubles)

    def files(self, experiment: ForeignExperiment, of: ForeignRun | ForeignModel) -> list[ForeignFile]:
        """Return the files of a run or logged model."""
        return self._files.all(experiment, of)

    def open(self, experiment: ForeignExperiment, of: ForeignRun | ForeignModel, path: str) -> Iterator[bytes]:  # noqa: ARG002
        """Return a file's content in chunks."""
        return self._files.open(of, path)

    def close(self) -> None:
        """Close every connection."""
        self._server.close()

    def _experiment(self, said: Mapping[str, Any]) -> ForeignExperiment | None:
        id_ = text(said.get("experiment_id"))
        if not id_.isascii() or not id_.isdigit():
            self._troubles.add("experiment", id_, "its id is no number")
            return None
        return ForeignExperiment(
            id_, text(said.get("name")), stage(said.get("lifecycle_stage")), moment(said.get("creation_time")),
            moment(said.get("last_update_time")), text(said.get("artifact_location")),
            self._pairs("tag", f"experiment {id_}", said.get("tags")),
        )  # fmt: skip

    def _model_pages(self, experiment: ForeignExperiment, most: int) -> Iterator[list[Any]]:
        return self._server.pages(
            self._server.post, "/logged-models/search", "models", experiment_ids=[experiment.id], max_results=most
        )

    def _whole(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return all that the server says of a run of which a list has told."""
        answer = self._server.get("/runs/get", run_id=text(plain(said.get("info")).get("run_id")))
        return plain(plain(answer).get("run")) or said

    def _run(self, said: Mapping[str, Any], histories: Mapping[str, Mapping[str, list[Point]]]) -> ForeignRun | None:
        info, data = plain(said.get("info")), plain(said.get("data"))
        id_ = text(info.get("run_id") or info.get("run_uuid"))
        if not is_run_id(id_):
            self._troubles.add("run", id_, "this is no id")
            return None
        tags = self._pairs("tag", id_, data.get("tags"))
        made = [plain(each) for each in plain(said.get("outputs")).get("model_outputs") or ()]
        read = [plain(each) for each in plain(said.get("inputs")).get("model_inputs") or ()]
        return ForeignRun(
            id=id_,
            name=text(info.get("run_name")) or tags.get("mlflow.runName", ""),
            user=text(info.get("user_id")),
            status=info["status"] if info.get("status") in RUN_STATUSES.values() else "RUNNING",
            started_at=whole(info.get("start_time")),
            ended_at=whole(info.get("end_time")),
            stage=stage(info.get("lifecycle_stage")),
            uri=text(info.get("artifact_uri")),
            params=self._pairs("parameter", id_, data.get("params")),
            tags=tags,
            metrics=histories.get(id_, {}),
            datasets=self._datasets(id_, plain(said.get("inputs")).get("dataset_inputs")),
            models_read=sorted(text(each.get("model_id")) for each in read),
            models_made=sorted((text(each.get("model_id")), whole(each.get("step"), 0) or 0) for each in made),
        )

    def _datasets(self, run: str, inputs: object) -> list[ForeignDataset]:
        found = []
        for each in inputs if isinstance(inputs, list) else []:
            of = plain(plain(each).get("dataset"))
            found.append(
                ForeignDataset(
                    text(of.get("name")), text(of.get("digest")), text(of.get("source_type")), text(of.get("source")),
                    text(of.get("schema")), text(of.get("profile")),
                    self._pairs("tag of a data set", run, plain(each).get("tags")),
                )
            )  # fmt: skip
        return sorted(found, key=lambda each: (each.name, each.digest))

    def _histories(
        self, page: Sequence[Mapping[str, Any]], pool: ThreadPoolExecutor
    ) -> dict[str, dict[str, list[Point]]]:
        """Return every point of every metric of these runs."""
        by_key: dict[str, list[str]] = {}
        for said in page:
            run = text(plain(said.get("info")).get("run_id"))
            for metric in plain(said.get("data")).get("metrics") or ():
                by_key.setdefault(text(plain(metric).get("key")), []).append(run)
        asked = [
            (key, runs[start : start + _TOGETHER])
            for key, runs in sorted(by_key.items())
            for start in range(0, len(runs), _TOGETHER)
        ]
        found: dict[str, dict[str, list[Point]]] = {}
        for (key, _), answer in zip(asked, pool.map(lambda each: self._history(*each), asked), strict=True):
            for run, points in answer.items():
                found.setdefault(run, {})[key] = points
        return found

    def _history(self, key: str, runs: Sequence[str]) -> dict[str, list[Point]]:
        """Return the points of one metric for some runs: together, where the answer has room for all of them."""
        if len(runs) > 1 and self._has_bulk:
            said = self._server.asked(
                "GET", _BULK, {"run_id": list(runs), "metric_key": key, "max_results": _MOST_POINTS}
            )
            if said is None:
                self._has_bulk = False
                return self._history(key, runs)
            metrics = said.get("metrics") or []
            if len(metrics) < _MOST_POINTS:
                return self._points(key, [(text(plain(each).get("run_id")), plain(each)) for each in metrics])
            half = len(runs) // 2
            return self._history(key, runs[:half]) | self._history(key, runs[half:])
        pages = (
            (run, plain(each))
            for run in runs
            for page in self._server.pages(
                self._server.get, "/metrics/get-history", "metrics", run_id=run, metric_key=key,
                max_results=_MOST_POINTS,
            )
            for each in page
        )  # fmt: skip
        return self._points(key, pages)

    def _points(self, key: str, said: Any) -> dict[str, list[Point]]:
        found: dict[str, list[Point]] = {}
        for run, each in said:
            at = point(each.get("timestamp"), each.get("value"), each.get("step") or 0)
            if at is None:
                self._troubles.add("metric", f"{run}/{key}", "a value of it is no measurement")
            else:
                found.setdefault(run, []).append(at)
        return found

    def _model(self, said: Mapping[str, Any]) -> ForeignModel | None:
        info, data = plain(said.get("info")), plain(said.get("data"))
        id_ = text(info.get("model_id"))
        if not is_run_id(id_):
            self._troubles.add("logged model", id_, "this is no id")
            return None
        measured = [_measurement(plain(each)) for each in data.get("metrics") or ()]
        return ForeignModel(
            id=id_,
            name=text(info.get("name")),
            status=text(info.get("status")) or "LOGGED_MODEL_STATUS_UNSPECIFIED",
            created_at=moment(info.get("creation_timestamp_ms")),
            updated_at=moment(info.get("last_updated_timestamp_ms")),
            uri=text(info.get("artifact_uri")),
            kind=text(info.get("model_type")),
            run=text(info.get("source_run_id")),
            params=self._pairs("parameter", id_, data.get("params")),
            tags=self._pairs("tag", id_, info.get("tags")),
            metrics=[each for each in measured if each is not None],
        )

    def _pairs(self, what: str, owner: str, said: object) -> dict[str, str]:
        found = [plain(each) for each in said] if isinstance(said, list) else []
        return pairs(what, owner, ((each.get("key"), each.get("value")) for each in found), self._troubles)


def _measurement(said: Mapping[str, Any]) -> ForeignMeasurement | None:
    at = point(said.get("timestamp"), said.get("value"), said.get("step") or 0)
    if at is None:
        return None
    names: Callable[[str], str] = lambda name: text(said.get(name))  # noqa: E731
    return ForeignMeasurement(
        text(said.get("key")), at, names("run_id"), names("dataset_name"), names("dataset_digest")
    )
