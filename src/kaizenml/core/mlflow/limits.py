"""How long names and values of MLflow's clients may be, and how many at once."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Sequence

from kaizenml.core.mlflow.errors import WireError, invalid

MOST_METRICS, MOST_PARAMS, MOST_TAGS, MOST_AT_ONCE = 1000, 100, 100, 1000
MOST_BATCH_BYTES = 1_000_000
LONGEST_KEY, LONGEST_PARAM, LONGEST_TAG = 250, 6000, 8000
LONGEST_EXPERIMENT, LONGEST_EXPERIMENT_TAG, LONGEST_LOCATION = 500, 20_000, 2048
#: Milliseconds that still fit, as microseconds, into 64 bits.
LATEST_MS = 2**63 // 1000 - 1
_SIZES = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}")
_NAME = re.compile(r"[/\w.\- :]*")
_PLAIN = re.compile(r"[A-Za-z0-9_]{1,250}")
_CHARACTERS = (
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes "
    "(/)."
)


def shown(value: object) -> str:
    """Return a value as messages show it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def check_name(name: str, path: str) -> None:
    """Refuse a name of a metric, parameter or tag that could be another file than it says."""
    if _PLAIN.fullmatch(name):
        return
    if not _NAME.fullmatch(name.removesuffix("\n")):
        raise invalid(f"Invalid value {shown(name)} for parameter '{path}' supplied: {_CHARACTERS}")
    check_path(name, path)


def check_path(name: str, path: str) -> None:
    """Refuse a name that could be another file than it says."""
    norm = posixpath.normpath(name)
    if norm != name or norm == "." or norm.startswith(("..", "/")):
        raise invalid(
            f"Invalid value {shown(name)} for parameter '{path}' supplied: Names may be treated as files in certain "
            f"cases, and must not resolve to other names when treated as such. This name would resolve to {norm!r}"
        )


def check_length(what: str, most: int, value: str) -> None:
    """Refuse a text that is too long."""
    if len(value) > most:
        raise invalid(f"'{what}' exceeds the maximum length of {most} characters")


def cut(value: str, most: int) -> str:
    """Return the beginning of a text that is too long."""
    return value if len(value) <= most else value[:most]


def check_metric(key: str, timestamp: int, value: float, path: str = "") -> None:
    """Refuse a metric that cannot be kept."""
    check_name(key, f"{path}.name" if path else "name")
    if timestamp < 0 or timestamp > LATEST_MS:
        place = f"{path}.timestamp" if path else "timestamp"
        raise invalid(
            f"Invalid value {timestamp} for parameter '{place}' supplied: metric '{key}' (value={value}). Timestamp "
            "must be a nonnegative long (64-bit integer) "
        )
    check_length("Metric name", LONGEST_KEY, key)


def check_metrics(metrics: Sequence[tuple[str, float, int, int]]) -> None:
    """Refuse measurements (name, value, time, step) of which one cannot be kept; names are looked at once each."""
    times = [at for _, _, at, _ in metrics]
    keys = {key for key, _, _, _ in metrics}
    if all(_PLAIN.fullmatch(key) for key in keys) and (not times or (min(times) >= 0 and max(times) <= LATEST_MS)):
        return
    for index, (key, value, at, _) in enumerate(metrics):
        check_metric(key, at, value, f"metrics[{index}]")


def checked_param(key: str, value: str, path: str = "") -> str:
    """Return a parameter's value, cut where it is too long."""
    check_name(key, f"{path}.key" if path else "key")
    check_length("Param key", LONGEST_KEY, key)
    return cut(value, LONGEST_PARAM)


def checked_tag(key: str, value: str, path: str = "") -> str:
    """Return a tag's value, cut where it is too long."""
    place = f"{path}.key" if path else "key"
    check_name(key, place)
    check_length(place, LONGEST_KEY, key)
    return cut(value, LONGEST_TAG)


def check_experiment_tag(key: str, value: str) -> None:
    """Refuse a tag of an experiment that cannot be kept."""
    check_name(key, "key")
    check_length("key", LONGEST_KEY, key)
    check_length("value", LONGEST_EXPERIMENT_TAG, value)


def check_batch(metrics: int, params: int, tags: int) -> None:
    """Refuse more at once than may come at once."""
    wanted = (("metrics", MOST_METRICS, metrics), ("params", MOST_PARAMS, params), ("tags", MOST_TAGS, tags),
              ("metrics, params, and tags", MOST_AT_ONCE, metrics + params + tags))  # fmt: skip
    for what, most, count in wanted:
        if count > most:
            raise invalid(
                f"A batch logging request can contain at most {most} {what}. Got {count} {what}. Please split up "
                f"{what} across multiple requests and try again."
            )


def check_unique(keys: Sequence[str]) -> None:
    """Refuse parameters of which one comes twice."""
    again = [key for index, key in enumerate(keys) if key in keys[:index]]
    if again:
        raise invalid(
            f"Duplicate parameter keys have been submitted: {again}. Please ensure the request contains only one param "
            "value per param key."
        )


def check_run_id(run: str) -> None:
    """Refuse what cannot be the id of a run."""
    if not _RUN_ID.fullmatch(run):
        raise invalid(f"Invalid value {shown(run)} for parameter 'run_id' supplied.")


def check_dataset(part: str, value: str | None) -> None:
    """Refuse a part of a data set's description that is too long."""
    if value is not None and len(value) > _SIZES[part]:
        raise invalid(f"'{part}' exceeds the maximum length of {_SIZES[part]} characters")


def experiment_number(id_: str) -> int:
    """Return the number that an experiment's id is."""
    try:
        return int(id_)
    except ValueError:
        raise invalid(f"Invalid experiment ID '{id_}'. Experiment ID must be a valid integer.") from None


def changed_param(key: str, old: str, run: str, new: str) -> WireError:
    """Return the error for a parameter that was told otherwise before."""
    return invalid(
        f"Changing param values is not allowed. Param with key='{key}' was already logged with value='{old}' for run "
        f"ID='{run}'. Attempted logging new value '{new}'."
    )
