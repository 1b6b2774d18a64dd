"""A version of a registered model, as MLflow says it: in a file and over HTTP alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kaizenml.adapters.origins.words import moment, text
from kaizenml.core.mlflow.origin import ForeignVersion


def version_in(said: Mapping[str, Any], number: int, tags: Mapping[str, str]) -> ForeignVersion:
    """Return the version that is told of."""
    return ForeignVersion(
        number=number,
        created_at=moment(said.get("creation_timestamp")),
        updated_at=moment(said.get("last_updated_timestamp")),
        source=text(said.get("source")),
        run=text(said.get("run_id")),
        model=text(said.get("model_id")),
        link=text(said.get("run_link")),
        description=text(said.get("description")),
        stage=text(said.get("current_stage")) or "None",
        status=text(said.get("status")) or "READY",
        status_message=text(said.get("status_message")),
        user=text(said.get("user_id")),
        storage=text(said.get("storage_location")),  # a server keeps it to itself
        tags=tags,
    )
