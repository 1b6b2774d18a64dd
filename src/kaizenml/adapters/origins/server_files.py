"""Artefacts on a live server of MLflow's: those that it keeps itself, and those that it fetches from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from kaizenml.adapters.origins.asking import Server
from kaizenml.adapters.origins.safe_files import DEEPEST
from kaizenml.adapters.origins.words import Troubles, plain, text, whole
from kaizenml.core.mlflow.origin import ForeignExperiment, ForeignFile, ForeignModel, ForeignRun
from kaizenml.errors import SourceError

_KEPT = "/api/2.0/mlflow-artifacts/artifacts"
_SCHEME = "mlflow-artifacts:"


class ServerFiles:
    """The files of runs and logged models on a server."""

    def __init__(self, server: Server, troubles: Troubles) -> None:
        self._server = server
        self._troubles = troubles
        self._folders: dict[str, frozenset[str]] = {}

    def all(self, experiment: ForeignExperiment, of: ForeignRun | ForeignModel) -> list[ForeignFile]:
        """Return the files of a run or logged model, by path; none, and why is told, when they cannot be listed."""
        if not self._may_have_files(experiment, of):
            return []
        try:
            return sorted(self._below(of, "", 0), key=lambda each: each.path)
        except SourceError as error:
            self._troubles.add("artefacts", of.id, error.message)
            return []

    def open(self, of: ForeignRun | ForeignModel, path: str) -> Iterator[bytes]:
        """Return a file's content in chunks."""
        if of.uri.startswith(_SCHEME):
            return self._server.chunks(f"{_KEPT}/{quote(f'{_path(of.uri)}/{path}')}")
        if isinstance(of, ForeignRun):
            return self._server.chunks("/get-artifact", {"run_id": of.id, "path": path})
        return self._server.chunks(
            f"/ajax-api/2.0/mlflow/logged-models/{of.id}/artifacts/files", {"artifact_file_path": path}
        )

    def _may_have_files(self, experiment: ForeignExperiment, of: ForeignRun | ForeignModel) -> bool:
        """Say whether a thing may have files: one list of an experiment's folders saves a question for each run."""
        location = experiment.location
        if not location.startswith(_SCHEME) or not isinstance(of, ForeignRun):
            return True
        root = _path(location)
        if _path(of.uri) != f"{root}/{of.id}/artifacts".lstrip("/"):
            return True
        if root not in self._folders:
            try:
                self._folders[root] = frozenset(text(each.get("path")) for each in self._kept(root))
            except SourceError:
                return True
        return of.id in self._folders[root]

    def _below(self, of: ForeignRun | ForeignModel, folder: str, depth: int) -> Iterator[ForeignFile]:
        if depth > DEEPEST:
            self._troubles.add("artefact", f"{of.id}/{folder}", f"it is more than {DEEPEST} folders deep")
            return
        for each in self._listed(of, folder):
            path = text(each.get("path"))
            if ".." in path.split("/") or path.startswith("/") or not path.startswith(f"{folder}/" if folder else ""):
                self._troubles.add("artefact", f"{of.id}/{path}", "its path leads elsewhere")
            elif each.get("is_dir"):
                yield from self._below(of, path, depth + 1)
            else:
                yield ForeignFile(path, whole(each.get("file_size"), 0) or 0)

    def _listed(self, of: ForeignRun | ForeignModel, folder: str) -> list[dict[str, Any]]:
        """Return what is in a folder; paths begin at the root of the thing."""
        if of.uri.startswith(_SCHEME):
            root = _path(of.uri)
            found = self._kept(f"{root}/{folder}" if folder else root)
            return [{**each, "path": f"{folder}/{text(each.get('path'))}" if folder else each.get("path")}
                    for each in found]  # fmt: skip
        if isinstance(of, ForeignRun):
            said = self._server.get("/artifacts/list", run_id=of.id, **({"path": folder} if folder else {}))
        else:
            said = self._server.get(
                f"/logged-models/{of.id}/artifacts/directories",
                **({"artifact_directory_path": folder} if folder else {}),
            )
        return [dict(plain(each)) for each in plain(said).get("files") or ()]

    def _kept(self, path: str) -> list[dict[str, Any]]:
        said = self._server.asked("GET", _KEPT, {"path": path})
        return [dict(plain(each)) for each in plain(said).get("files") or ()]


def _path(uri: str) -> str:
    """Return the path of an address among the files that the server keeps."""
    return urlsplit(uri).path.strip("/")
