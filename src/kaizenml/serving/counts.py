"""What the data plane counts, and the text in which Prometheus reads it.

Names: application prefix, base units, ``_total`` for counters; no label whose values a caller may invent.
Source: Prometheus, text exposition format 0.0.4.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator

from kaizenml.serving.table import Table

#: Upper bounds of the latency histogram, in seconds.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_HELP = {
    "kaizen_predictions_total": ("counter", "Rows asked for, by what became of them."),
    "kaizen_prediction_latency_seconds": ("histogram", "Time from a request's arrival to its answer."),
    "kaizen_labels_received_total": ("counter", "Labels that were acknowledged."),
    "kaizen_shadow_predictions_total": ("counter", "Rows that a release scored unheard, by what became of them."),
    "kaizen_requests_refused_total": ("counter", "Requests to an endpoint that got no answer, by the error's code."),
    "kaizen_queue_length": ("gauge", "Requests that wait for the scorer."),
    "kaizen_routes_generation": ("gauge", "The generation of the routes that are followed."),
    "kaizen_model_info": ("gauge", "Releases that are loaded."),
    "kaizen_model_refused": ("gauge", "Releases that could not be loaded."),
}

Key = tuple[str, str]  # endpoint, release


class Counts:
    """Counters of one data plane. Lives on one event loop."""

    def __init__(self) -> None:
        self._predictions: Counter[tuple[Key, str]] = Counter()
        self._shadows: Counter[tuple[Key, str]] = Counter()
        self._refused: Counter[tuple[str, str]] = Counter()
        self._labels: Counter[str] = Counter()
        self._latency: dict[Key, list[int]] = {}
        self._seconds: Counter[Key] = Counter()

    def answered(self, endpoint: str, release: str, rows: int, seconds: float) -> None:
        """Count an answered request."""
        key = (endpoint, release)
        self._predictions[key, "answered"] += rows
        buckets = self._latency.get(key) or self._latency.setdefault(key, [0] * (len(BUCKETS) + 1))
        buckets[bisect_left(BUCKETS, seconds)] += 1
        self._seconds[key] += seconds  # type: ignore[assignment]

    def unanswered(self, endpoint: str, release: str, rows: int, outcome: str) -> None:
        """Count the rows of a request that a release did not answer: invalid, failed, busy, deadline, unavailable."""
        self._predictions[(endpoint, release), outcome] += rows

    def shadowed(self, endpoint: str, release: str, rows: int, outcome: str) -> None:
        """Count rows scored for comparison: scored, failed or dropped."""
        self._shadows[(endpoint, release), outcome] += rows

    def refused(self, endpoint: str, code: str) -> None:
        """Count a request that got an error; the endpoint must be one that is served."""
        self._refused[endpoint, code] += 1

    def labelled(self, endpoint: str, labels: int) -> None:
        """Count acknowledged labels."""
        self._labels[endpoint] += labels

    def text(self, table: Table, waiting: int) -> str:
        """Return everything as Prometheus reads it."""
        samples = [
            ("kaizen_predictions_total", self._by_release("kaizen_predictions_total", self._predictions)),
            ("kaizen_prediction_latency_seconds", self._histograms()),
            ("kaizen_labels_received_total", _each("kaizen_labels_received_total", ("endpoint",), self._labels)),
            ("kaizen_shadow_predictions_total", self._by_release("kaizen_shadow_predictions_total", self._shadows)),
            (
                "kaizen_requests_refused_total",
                (
                    _sample("kaizen_requests_refused_total", {"endpoint": endpoint, "code": code}, count)
                    for (endpoint, code), count in self._refused.items()
                ),
            ),
            ("kaizen_queue_length", [_sample("kaizen_queue_length", {}, waiting)]),
            ("kaizen_routes_generation", [_sample("kaizen_routes_generation", {}, table.generation)]),
            ("kaizen_model_info", (_sample("kaizen_model_info", _model(name), 1) for name in table.loaded)),
            ("kaizen_model_refused", (_sample("kaizen_model_refused", _model(name), 1) for name in table.refused)),
        ]
        return "".join(_family(name, lines) for name, lines in samples)

    def _by_release(self, name: str, counts: Counter[tuple[Key, str]]) -> Iterator[str]:
        for ((endpoint, release), outcome), count in counts.items():
            yield _sample(name, {"endpoint": endpoint, **_model(release), "outcome": outcome}, count)

    def _histograms(self) -> Iterator[str]:
        name = "kaizen_prediction_latency_seconds"
        for (endpoint, release), buckets in self._latency.items():
            labels = {"endpoint": endpoint, **_model(release)}
            total = 0
            for bound, count in zip((*BUCKETS, "+Inf"), buckets, strict=True):
                total += count
                yield _sample(f"{name}_bucket", {**labels, "le": str(bound)}, total)
            yield _sample(f"{name}_sum", labels, self._seconds[endpoint, release])
            yield _sample(f"{name}_count", labels, total)


def _each(name: str, label: tuple[str], counts: Counter[str]) -> Iterator[str]:
    for value, count in counts.items():
        yield _sample(name, {label[0]: value}, count)


def _family(name: str, lines: Iterable[str]) -> str:
    kind, meaning = _HELP[name]
    return f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n" + "".join(lines)


def _sample(name: str, labels: dict[str, str], value: float) -> str:
    written = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{written}}} {value!r}\n" if written else f"{name} {value!r}\n"


def _model(release: str) -> dict[str, str]:
    model, _, version = release.rpartition("/")
    return {"model": model or release, "version": version if model else ""}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
