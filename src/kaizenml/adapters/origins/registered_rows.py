"""Registered models in a database of MLflow's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kaizenml.adapters.origins.rows import Row, Rows
from kaizenml.adapters.origins.words import Troubles, moment, pairs, text, whole
from kaizenml.core.mlflow.origin import ForeignRegistered, ForeignVersion

_VERSION = (
    "name", "version", "creation_time", "last_updated_time", "description", "user_id", "current_stage", "source",
    "run_id", "status", "status_message", "run_link", "storage_location",
)  # fmt: skip
_DELETED = "Deleted_Internal"


def registered_in(rows: Rows, troubles: Troubles) -> Iterator[ForeignRegistered]:
    """Return the registered models, by name."""
    names = ("name", "creation_time", "last_updated_time", "description")
    for row in rows.all("registered_models", names, order="name"):
        name = text(row["name"])
        tags = rows.where("registered_model_tags", ("name", "key", "value"), "name", [name])
        aliases = rows.where("registered_model_aliases", ("name", "alias", "version"), "name", [name])
        tagged: dict[int, list[Row]] = {}
        for each in rows.where("model_version_tags", ("name", "version", "key", "value"), "name", [name]):
            tagged.setdefault(whole(each["version"], 0) or 0, []).append(each)
        versions = [
            _version(name, each, tagged, troubles)
            for each in rows.where("model_versions", _VERSION, "name", [name])
            if each["current_stage"] != _DELETED and (whole(each["version"]) or 0) > 0
        ]
        yield ForeignRegistered(
            name=name,
            created_at=moment(row["creation_time"]),
            updated_at=moment(row["last_updated_time"]),
            description=text(row["description"]),
            tags=_pairs(name, list(tags), troubles),
            aliases={text(each["alias"]): number for each in aliases if (number := whole(each["version"])) is not None},
            versions=sorted(versions, key=lambda each: each.number),
        )


def _version(model: str, row: Row, tagged: dict[int, list[Row]], troubles: Troubles) -> ForeignVersion:
    number, source = whole(row["version"]) or 0, text(row["source"])
    return ForeignVersion(
        number=number,
        created_at=moment(row["creation_time"]),
        updated_at=moment(row["last_updated_time"]),
        source=source,
        run=text(row["run_id"]),
        model=source.removeprefix("models:/") if source.startswith("models:/m-") else "",
        link=text(row["run_link"]),
        description=text(row["description"]),
        stage=text(row["current_stage"]) or "None",
        status=text(row["status"]) or "READY",
        status_message=text(row["status_message"]),
        user=text(row["user_id"]),
        storage=text(row["storage_location"]),
        tags=_pairs(f"{model}/{number}", tagged.get(number, ()), troubles),
    )


def _pairs(owner: str, rows: Sequence[Row], troubles: Troubles) -> dict[str, str]:
    return pairs("tag", owner, ((row["key"], row["value"]) for row in rows), troubles)
