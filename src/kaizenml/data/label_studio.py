"""Label Studio's JSON: tasks with choices, in and out, with who said what, when, and which prediction they saw."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kaizenml.core.labelling import HumanLabel, LabelTask, Why
from kaizenml.errors import SourceError

#: Where our key stands among a task's data.
KEY = "kaizen_id"
#: What the export says of the control and the object; a labelling configuration names them so.
CONTROL, OBJECT = "label", "row"


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file brought: every task, the labels among them, and how many annotations were cancelled."""

    tasks: tuple[LabelTask, ...]
    labels: tuple[HumanLabel, ...]
    choices: tuple[str, ...]
    cancelled: int


def from_json(content: bytes, *, id: str | None, now: datetime) -> Imported:  # noqa: A002  the project's word
    """Return the tasks and labels of an export of Label Studio.

    Parameters
    ----------
    id
        The column of the data that is the key; without it, or where it is missing, the task's own ``id`` is.
    now
        The time of annotations that tell none.

    Raises
    ------
    SourceError
        Naming the first task that cannot be taken: nothing is taken then.
    """
    try:
        listed = json.loads(content)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"The file is no JSON: {error}.", "Export from Label Studio as JSON.") from error
    if not isinstance(listed, list):
        raise SourceError("The file is no list of tasks.", "Export from Label Studio as JSON, not as JSON_MIN or CSV.")
    tasks: dict[str, LabelTask] = {}
    labels: list[HumanLabel] = []
    cancelled = 0
    for at, entry in enumerate(listed):
        task, given, passed = _task(at, entry, id, now)
        if task.id in tasks:
            raise _refused(at, f"has the key {task.id[:80]!r} of a task before it", "Give every task a key of its own.")
        tasks[task.id] = task
        labels += given
        cancelled += passed
    said = [label.value for label in labels] + [task.suggestion for task in tasks.values() if task.suggestion]
    return Imported(tuple(tasks.values()), tuple(labels), tuple(sorted(set(said))), cancelled)


def to_json(tasks: Iterable[LabelTask], labels: Sequence[HumanLabel]) -> bytes:
    """Return tasks and labels as Label Studio imports them: one entry for each task, labelled ones first."""
    by_task: dict[str, list[HumanLabel]] = {}
    for label in labels:
        by_task.setdefault(label.task, []).append(label)
    known = {task.id: task for task in tasks}
    entries = [_entry(key, known.get(key), given) for key, given in by_task.items()]
    entries += [_entry(key, task, []) for key, task in known.items() if key not in by_task]
    for number, entry in enumerate(entries, 1):
        entry["id"] = number
    return json.dumps(entries, ensure_ascii=False, indent=1, default=str).encode()


def _task(at: int, entry: Any, id_: str | None, now: datetime) -> tuple[LabelTask, list[HumanLabel], int]:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("data"), Mapping):
        raise _refused(at, "has no data", 'Each task is {"data": {…}, "annotations": […]}.')
    row = dict(entry["data"])
    key = row.pop(KEY, None)
    key = row.get(id_) if key is None and id_ is not None else key
    key = entry.get("id") if key is None else key
    if not isinstance(key, (str, int)) or isinstance(key, bool) or not str(key):
        raise _refused(at, "has no key", f"Name the column of the key: --id COLUMN, or add {KEY!r} to its data.")
    predictions = _list(at, entry, "predictions")
    suggestion, probability, model = _prediction(at, predictions[-1]) if predictions else (None, None, "")
    annotations = _list(at, entry, "annotations")
    valid = [one for one in annotations if not one.get("was_cancelled")]
    given = [_label(at, str(key), row, one, now) for one in valid]
    return LabelTask(str(key), row, suggestion, probability, model, Why.IMPORTED), given, len(annotations) - len(valid)


def _label(at: int, key: str, row: Mapping[str, object], one: Mapping[str, Any], now: datetime) -> HumanLabel:
    shown = one.get("prediction")
    suggestion, probability, model = (
        _prediction(at, shown) if isinstance(shown, Mapping) and shown.get("result") else (None, None, "")
    )
    seconds = one.get("lead_time")
    return HumanLabel(
        key, _choice(at, one), _who(one.get("completed_by")), _time(at, one.get("created_at"), now), row,
        suggestion, probability, model, Why.IMPORTED, float(seconds) if isinstance(seconds, (int, float)) else None,
    )  # fmt: skip


def _prediction(at: int, one: Mapping[str, Any]) -> tuple[str, float | None, str]:
    score = one.get("score")
    probability = float(score) if isinstance(score, (int, float)) else None
    return _choice(at, one), probability, str(one.get("model_version") or "")


def _choice(at: int, one: Mapping[str, Any]) -> str:
    found = [
        choice
        for result in _list(at, one, "result")
        if result.get("type") == "choices"
        for choice in (result.get("value") or {}).get("choices") or []
    ]
    if len(found) != 1 or not isinstance(found[0], str):
        raise _refused(
            at, f"has {len(found)} choices where one is needed", 'Export tasks of a <Choices choice="single"> control.'
        )
    return found[0]


def _list(at: int, entry: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = entry.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise _refused(at, f"has {name} that are no list of objects", "Export from Label Studio as JSON.")
    return found


def _who(completed_by: Any) -> str:
    """Return the annotator as an actor; Label Studio says a number, or an object with an address."""
    if isinstance(completed_by, Mapping):
        completed_by = completed_by.get("email") or completed_by.get("username") or completed_by.get("id")
    name = str(completed_by) if completed_by is not None else "unknown"
    return f"person:{name}"


def _time(at: int, text: Any, now: datetime) -> datetime:
    if text is None:
        return now
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        raise _refused(at, f"was labelled at {str(text)[:80]!r}, which is no time", "Write ISO 8601.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _entry(key: str, task: LabelTask | None, given: Sequence[HumanLabel]) -> dict[str, Any]:
    source = task if task is not None and task.suggestion is not None else (given[-1] if given else task)
    shown = [] if source is None or source.suggestion is None else [source]
    return {
        "id": 0,
        "data": {**(task.row if task is not None else given[-1].row), KEY: key},
        "predictions": [_shown(one.suggestion, one.probability, one.model) for one in shown],
        "annotations": [_annotation(label) for label in given],
    }


def _annotation(label: HumanLabel) -> dict[str, Any]:
    return {
        "completed_by": {"email": label.by.removeprefix("person:")},
        "created_at": label.at.astimezone(UTC).isoformat(),
        "lead_time": label.seconds,
        "was_cancelled": False,
        "prediction": {} if label.suggestion is None else _shown(label.suggestion, label.probability, label.model),
        "result": [_result(label.value)],
    }


def _shown(suggestion: str | None, probability: float | None, model: str) -> dict[str, Any]:
    return {"model_version": model, "score": probability, "result": [_result(suggestion or "")]}


def _result(value: str) -> dict[str, Any]:
    return {"from_name": CONTROL, "to_name": OBJECT, "type": "choices", "value": {"choices": [value]}}


def _refused(at: int, what: str, hint: str) -> SourceError:
    return SourceError(f"Task {at + 1} of the file {what}.", hint, {"task": at + 1})
