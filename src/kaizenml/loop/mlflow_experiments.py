"""Experiments of MLflow's clients: each is a project of ours."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from kaizenml.core.mlflow import limits
from kaizenml.core.mlflow.errors import WireError, absent, invalid, taken
from kaizenml.core.mlflow.filter import EXPERIMENTS, Comparison, Sorting, parsed, sortings
from kaizenml.core.mlflow.matching import holds, sorted_by
from kaizenml.core.mlflow.rows import ACTIVE, DELETED, Document, What
from kaizenml.core.names import suggested_name
from kaizenml.core.ports import Books
from kaizenml.loop.mlflow_messages import Experiment, Pair, text

#: The experiment that is there from the beginning.
DEFAULT = "0"
_READ = msgspec.json.Decoder(Experiment)


def make_default(books: Books, now: datetime) -> None:
    """Make the experiment that clients use when they name none; change nothing when it is there."""
    if books.clients.find(What.EXPERIMENT, DEFAULT) is None:
        made = Experiment(
            DEFAULT, "Default", f"mlflow-artifacts:/{DEFAULT}", ACTIVE, milliseconds(now), milliseconds(now)
        )
        put(books, made, project_for(books, "default"))


def create(books: Books, now: datetime, name: str, location: str = "", tags: Sequence[tuple[str, str]] = ()) -> str:
    """Make an experiment, and return its id.

    Raises
    ------
    WireError
        When the name is taken, or not a name.
    """
    limits.check_length("name", limits.LONGEST_EXPERIMENT, name)
    if location:
        _check_location(location)
    for key, value in tags:
        limits.check_experiment_tag(key, value)
    if books.clients.all(What.EXPERIMENT, name=name):
        raise taken(f"Experiment(name={name}) already exists.")
    known = books.clients.all(What.EXPERIMENT)
    id_ = str(max((int(each.id) for each in known), default=0) + 1)
    at = milliseconds(now)
    pairs = [Pair(key, value) for key, value in dict(tags).items()]
    made = Experiment(id_, name, location or f"mlflow-artifacts:/{id_}", ACTIVE, at, at, pairs or msgspec.UNSET)
    put(books, made, project_for(books, name))
    return id_


def get(books: Books, id_: str, *, stages: Sequence[str] = (ACTIVE, DELETED)) -> Experiment:
    """Return an experiment, or raise the error that there is none."""
    number = limits.experiment_number(id_ or DEFAULT)
    found = books.clients.find(What.EXPERIMENT, str(number))
    if found is None or found.stage not in stages:
        raise absent(f"No Experiment with id={number} exists")
    return _READ.decode(found.body)


def named(books: Books, name: str) -> Experiment:
    """Return the experiment of a name."""
    found = books.clients.all(What.EXPERIMENT, name=name)
    if not found:
        raise absent(f"Could not find experiment with name '{name}'")
    return _READ.decode(found[0].body)


def active(books: Books, id_: str) -> Experiment:
    """Return an experiment that is not deleted."""
    found = get(books, id_)
    if found.lifecycle_stage != ACTIVE:
        raise invalid(
            f"The experiment {found.experiment_id} must be in the 'active' state. Current state is "
            f"{found.lifecycle_stage}."
        )
    return found


def project_of(books: Books, id_: str) -> str:
    """Return the project that an experiment is."""
    found = books.clients.find(What.EXPERIMENT, id_)
    return found.state if found is not None else "default"


def rename(books: Books, now: datetime, id_: str, name: str) -> None:
    """Give an experiment another name; its project keeps its own."""
    limits.check_length("name", limits.LONGEST_EXPERIMENT, name)
    found = get(books, id_)
    if found.lifecycle_stage != ACTIVE:
        raise WireError("INVALID_STATE", "Cannot rename a non-active experiment.")
    if any(each.id != found.experiment_id for each in books.clients.all(What.EXPERIMENT, name=name)):
        raise taken(f"Experiment(name={name}) already exists.")
    found.name, found.last_update_time = name, milliseconds(now)
    put(books, found)


def move(books: Books, now: datetime, id_: str, stage: str) -> None:
    """Delete or restore an experiment."""
    found = get(books, id_, stages=[DELETED if stage == ACTIVE else ACTIVE])
    found.lifecycle_stage, found.last_update_time = stage, milliseconds(now)
    put(books, found)


def set_tag(books: Books, id_: str, key: str, value: str) -> None:
    """Set a tag."""
    limits.check_experiment_tag(key, value)
    found = active(books, id_)
    found.tags = [*(each for each in found.tags or () if each.key != key), Pair(key, value)]
    put(books, found)


def delete_tag(books: Books, id_: str, key: str) -> None:
    """Take a tag away."""
    found = active(books, id_)
    left = [each for each in found.tags or () if each.key != key]
    if len(left) == len(found.tags or ()):
        raise absent(f"No tag with name: {key} in experiment with id {id_}")
    found.tags = left or msgspec.UNSET
    put(books, found)


def search(
    books: Books, stages: Sequence[str], most: int, words: str, order: Sequence[str], token: str,
    projects: Collection[str] | None = None,
) -> tuple[list[Experiment], str]:  # fmt: skip
    """Return the experiments that a filter lets through, in an order, and the token of the next page.

    Parameters
    ----------
    projects
        Only experiments that are these projects; None: all.
    """
    check_most(most, 50_000)
    wanted, by = parsed(words, EXPERIMENTS), sortings(order, EXPERIMENTS)
    at = offset(token)
    there = [each for each in books.clients.all(What.EXPERIMENT) if projects is None or each.state in projects]
    known = [_READ.decode(each.body) for each in there if each.stage in stages]
    found = [each for each in known if all(holds(one, _value(one, each)) for one in wanted)]
    found.sort(key=lambda each: (-each.creation_time, int(each.experiment_id)))
    if by:
        found.sort(key=lambda each: int(each.experiment_id))
    for each in reversed(by):
        found = sorted_by(found, each, partial(_value, each))
    return found[at : at + most], next_token(at + most) if len(found) > at + most else ""


def check_most(most: int, limit: int) -> None:
    """Refuse a page of an impossible size."""
    if most < 1 or most > limit:
        said = "a positive integer" if most < 1 else f"at most {limit}"
        raise invalid(f"Invalid value {most} for parameter 'max_results' supplied. It must be {said}")


def offset(token: str | None) -> int:
    """Return where a page begins."""
    if not token:
        return 0
    try:
        found = json.loads(base64.b64decode(token))
    except (binascii.Error, ValueError):
        raise invalid("Invalid page token, could not base64-decode") from None
    at = found.get("offset") if isinstance(found, dict) else None
    if not isinstance(at, int) or at < 0:
        raise invalid(f"Invalid page token, parsed value={found}")
    return at


def next_token(at: int) -> str:
    """Return the token of the page that begins there."""
    return base64.b64encode(json.dumps({"offset": at}).encode()).decode()


def milliseconds(at: datetime) -> int:
    """Return a time in whole milliseconds since 1970."""
    return int(at.timestamp() * 1000)


def project_for(books: Books, name: str) -> str:
    """Return a project's name for an experiment: its own, made a name of ours, that no other experiment has."""
    wanted = suggested_name(name)
    taken_already = {each.state for each in books.clients.all(What.EXPERIMENT)}
    count, found = 1, wanted
    while found in taken_already:
        count += 1
        found = f"{wanted[:58]}-{count}"
    return found


def put(books: Books, made: Experiment, project: str | None = None) -> None:
    """Remember an experiment; its project stays what it was unless one is named."""
    where = project if project is not None else project_of(books, made.experiment_id)
    books.clients.put(
        Document(What.EXPERIMENT, made.experiment_id, text(made), "", made.name, where, made.lifecycle_stage)
    )


def _check_location(location: str) -> None:
    limits.check_length("artifact_location", limits.LONGEST_LOCATION, location)
    if "?" in location or "#" in location or any(part == ".." for part in location.replace("\\", "/").split("/")):
        raise invalid(f"'artifact_location' URL can't include fragments, queries or '..': {location[:200]}")
    if not location.startswith("mlflow-artifacts:/"):
        raise invalid(
            f"'{location[:200]}' is not kept by this server. Leave artifact_location out, or begin it with "
            "'mlflow-artifacts:/'."
        )


def _value(asked: Comparison | Sorting, of: Experiment) -> Any:
    if asked.kind == "tag":
        return next((each.value for each in of.tags or () if each.key == asked.key), None)
    return getattr(of, asked.key)
