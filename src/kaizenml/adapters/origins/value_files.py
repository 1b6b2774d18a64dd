"""Parameters, tags and metrics in files of their own: the path is the name, the content the value."""

from __future__ import annotations

from collections.abc import Sequence

from kaizenml.adapters.origins.safe_files import content, tree
from kaizenml.adapters.origins.words import LONGEST_VALUE, Troubles, pairs, point
from kaizenml.core.mlflow.limits import LONGEST_KEY
from kaizenml.core.mlflow.origin import ForeignMeasurement
from kaizenml.core.series import Point, order
from kaizenml.errors import SourceError

_MOST_METRIC_BYTES = 256 << 20


def values(folder: str, root: str, what: str, owner: str, troubles: Troubles) -> dict[str, str]:
    """Return the parameters or tags in a folder, by name."""
    found: list[tuple[str, str]] = []
    for name, said in _contents(folder, root, what, owner, 4 * LONGEST_VALUE, troubles):
        try:
            found.append((name, said.decode()))
        except UnicodeDecodeError:
            troubles.add(what, f"{owner}/{name}", "its value is no UTF-8")
    return pairs(what, owner, found, troubles)


def series(folder: str, root: str, owner: str, troubles: Troubles) -> dict[str, Sequence[Point]]:
    """Return the metrics in a folder, by name: a line is time, value and step."""
    found: dict[str, Sequence[Point]] = {}
    for name, said in _contents(folder, root, "metric", owner, _MOST_METRIC_BYTES, troubles):
        points = [_point(line) for line in _lines(said, f"{owner}/{name}", troubles)]
        kept = [each for each in points if each is not None]
        _tell_lost(len(points) - len(kept), f"{owner}/{name}", troubles)
        if kept:
            found[name] = kept
    return found


def measurements(folder: str, root: str, owner: str, troubles: Troubles) -> list[ForeignMeasurement]:
    """Return the metrics of a logged model: a line is time, value, step, run, and the data set where there is one.

    Of several for one data set the last counts, as it does for MLflow's own reader.
    """
    found: list[ForeignMeasurement] = []
    for name, said in _contents(folder, root, "metric", owner, _MOST_METRIC_BYTES, troubles):
        lines = _lines(said, f"{owner}/{name}", troubles)
        read = [each for line in lines if (each := _measurement(name, line)) is not None]
        _tell_lost(len(lines) - len(read), f"{owner}/{name}", troubles)
        last: dict[tuple[str, str], ForeignMeasurement] = {}
        for each in read:
            known = last.get((each.dataset, each.digest))
            if known is None or order(each.point) >= order(known.point):
                last[each.dataset, each.digest] = each
        found += last.values()
    return found


def _contents(folder: str, root: str, what: str, owner: str, most: int, troubles: Troubles) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for each in tree(folder, root, lambda path, why: troubles.add(what, f"{owner}/{path}", why)):
        if len(each.path) > LONGEST_KEY:
            troubles.add(what, f"{owner}/{each.path[:100]}", f"its name has more than {LONGEST_KEY} characters")
            continue
        try:
            found.append((each.path, content(each.entry.path, most)))
        except SourceError as error:
            troubles.add(what, f"{owner}/{each.path}", error.message)
    return found


def _lines(said: bytes, name: str, troubles: Troubles) -> list[list[bytes]]:
    """Return the words of every line; a last line without its end is still being written."""
    lines = said.split(b"\n")
    if lines.pop():
        troubles.add("metric", name, "its last line is cut off; it comes with the next import")
    return [line.split() for line in lines]


def _point(words: list[bytes]) -> Point | None:
    if len(words) not in (2, 3, 5):
        return None
    return point(words[0], words[1], words[2] if len(words) > 2 else 0)


def _measurement(name: str, words: list[bytes]) -> ForeignMeasurement | None:
    if len(words) not in (4, 6):
        return None
    at = point(*words[:3])
    said = [word.decode("utf-8", "replace") for word in words[3:]]
    return None if at is None else ForeignMeasurement(name, at, *said)


def _tell_lost(count: int, name: str, troubles: Troubles) -> None:
    if count:
        troubles.add("metric", name, f"{count} of its lines are no measurement" if count > 1 else
                     "one of its lines is no measurement")  # fmt: skip
