"""Registered models in a folder of MLflow's."""

from __future__ import annotations

import os
from collections.abc import Iterator

from kaizenml.adapters.origins.registered_version import version_in
from kaizenml.adapters.origins.safe_files import subfolders
from kaizenml.adapters.origins.value_files import values
from kaizenml.adapters.origins.words import Troubles, moment, plain, text, whole
from kaizenml.adapters.origins.yaml_files import mapping
from kaizenml.core.mlflow.origin import ForeignRegistered, ForeignVersion
from kaizenml.errors import SourceError


def registered_in(folder: str, root: str, troubles: Troubles) -> Iterator[ForeignRegistered]:
    """Return the registered models in a folder, by name; those that cannot be read are told of."""
    for name in subfolders(folder):
        try:
            said = mapping(os.path.join(folder, name, "meta.yaml"))
        except SourceError as error:
            troubles.add("registered model", name, f"meta.yaml: {error.message}")
            continue
        called = text(said.get("name")) or name
        own = os.path.join(folder, name)
        aliases = values(os.path.join(own, "aliases"), root, "alias", called, troubles) or {
            key: text(value) for key, value in plain(said.get("aliases")).items()
        }
        yield ForeignRegistered(
            name=called,
            created_at=moment(said.get("creation_timestamp")),
            updated_at=moment(said.get("last_updated_timestamp")),
            description=text(said.get("description")),
            tags=values(os.path.join(own, "tags"), root, "tag", called, troubles),
            aliases={key: number for key, value in aliases.items() if (number := whole(value)) is not None},
            versions=_versions(own, root, called, troubles),
        )


def _versions(folder: str, root: str, model: str, troubles: Troubles) -> list[ForeignVersion]:
    found: list[ForeignVersion] = []
    for name in subfolders(folder):
        if not name.startswith("version-"):
            continue
        own = os.path.join(folder, name)
        try:
            said = mapping(os.path.join(own, "meta.yaml"))
        except SourceError as error:
            troubles.add("model version", f"{model}/{name}", f"meta.yaml: {error.message}")
            continue
        number = whole(said.get("version"))
        if number is None or number < 1 or name != f"version-{number}":
            troubles.add(
                "model version", f"{model}/{name}", f"its file says that it is version {said.get('version')!r}"
            )
            continue
        if said.get("current_stage") == "Deleted_Internal":
            continue
        tags = values(os.path.join(own, "tags"), root, "tag", f"{model}/{number}", troubles)
        found.append(version_in(said, number, tags))
    return sorted(found, key=lambda each: each.number)
