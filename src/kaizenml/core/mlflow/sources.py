"""Where the files of a version are, as MLflow's clients say it: which run or model they must belong to."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple, NoReturn
from urllib.parse import unquote, unquote_plus, urlsplit

from kaizenml.core.mlflow.errors import WireError, invalid

#: With these a server would connect to the host that a client names.
_HOSTS = frozenset({"ftp", "sftp", "hdfs", "viewfs", "http", "https", "mlflow-artifacts", "r2", "b2", "abfss"})
_ROUTE = ("api", "2.0", "mlflow-artifacts", "artifacts")
LONGEST = 2048


class ModelUri(NamedTuple):
    """What ``models:/…`` says: a logged model, or a registered one by number, stage or alias, or its newest version."""

    logged: str = ""
    name: str = ""
    number: str = ""
    stage: str = ""
    alias: str = ""


def scheme_of(source: str) -> str:
    """Return the scheme of a URI; nothing for a path."""
    return urlsplit(source).scheme


def host_of(source: str) -> str:
    """Return the host that a URI names."""
    return urlsplit(source).netloc


def check_source(source: str) -> None:
    """Refuse what is no place for files: hosts that the client names, paths of this machine, and ways upwards."""
    if len(source) > LONGEST:
        raise invalid(f"'source' exceeds the maximum length of {LONGEST} characters")
    try:
        parts = urlsplit(source)
    except ValueError:
        raise invalid(f"Invalid model version source: '{source[:1000]}'.") from None
    if parts.scheme in _HOSTS and not (parts.scheme == "mlflow-artifacts" and not parts.netloc):
        raise invalid(
            f"'source' cannot use the '{parts.scheme}' scheme: the '{parts.scheme}' scheme addresses a host other than "
            "the tracking server's configured artifact storage, so the server would connect to the host named in the "
            "URI. Set the MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES environment variable on the server to allow "
            "it."
        )


def check_not_local(source: str, owner: str, of: str) -> None:
    """Refuse a path of this machine, and one that leads upwards.

    Parameters
    ----------
    owner
        ``run_id`` or ``model_id``; ``of`` is the id of the run or logged model, if there is one.
    """
    if scheme_of(source) in ("", "file"):
        shown = urlsplit(source).path if of else source
        raise invalid(
            f"Invalid model version source: '{shown}'. To use a local path as a model version source, the {owner} "
            "request parameter has to be specified and the local path has to be contained within the artifact "
            f"directory of the run specified by the {owner}."
        )
    plain = source
    while (decoded := unquote_plus(plain)) != plain:
        plain = decoded
    path = re.sub(r"/+", "/", urlsplit(plain).path.rstrip("/"))
    resolved = posixpath.normpath(path) if path.startswith("/") else ""
    if "\0" in path or ".." in plain.split("/") or resolved != path:
        raise invalid(
            f"Invalid model version source: '{source}'. If supplying a source as an http, https, local file path, ftp, "
            "objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references "
            "present. Please provide an absolute path."
        )


def refuse(source: str, owner: str) -> NoReturn:
    """Say that a source is not of the run or model that was named."""
    raise invalid(
        f"Invalid model version source: '{source}'. The {owner} request parameter must identify the resource that "
        "contains the source."
    )


def model_uri(source: str) -> ModelUri:
    """Return what a ``models:/…`` source names."""
    try:
        return _model_uri(source)
    except WireError:
        refuse(source, "model_id")


def run_of(source: str) -> str:
    """Return the run of ``runs:/RUN/path``."""
    path = urlsplit(source).path
    run = path[1:].split("/")[0] if path.startswith("/") else ""
    if not run:
        raise invalid(
            f"Not a proper runs:/ URI: {source}. Runs URIs must be of the form "
            "'runs:/<run_id>/run-relative/path/to/artifact'"
        )
    return run


def is_artifact(source: str) -> bool:
    """Say whether a source is among the artifacts of this server."""
    parts = urlsplit(source)
    route = [unquote(part) for part in parts.path.split("/") if part]
    starts = range(len(route) - len(_ROUTE) + 1)
    return parts.scheme == "mlflow-artifacts" or any(tuple(route[at : at + len(_ROUTE)]) == _ROUTE for at in starts)


def is_within(source: str, root: str) -> bool:
    """Say whether a source is below a root."""
    (of, place, path), (scheme, host, above) = _parts(source), _parts(root)
    return (of, place) == (scheme, host) and bool(above) and path[: len(above)] == above


def _parts(uri: str) -> tuple[str, str, list[str]]:
    parts = urlsplit(uri)
    return parts.scheme, parts.netloc.lower(), [_plain(part) for part in parts.path.split("/") if part]


def _plain(text: str) -> str:
    while (decoded := unquote(text)) != text:
        text = decoded
    return text


def _model_uri(uri: str) -> ModelUri:
    path = urlsplit(uri, allow_fragments=False).path
    parts = path.lstrip("/").split("/")
    if not path.startswith("/") or len(path) <= 1 or len(parts) > 2 or not parts[0].strip():
        raise invalid(f"Not a proper models:/ URI: {uri}.")
    if len(parts) == 2:
        name, suffix = parts
        if not suffix.strip():
            raise invalid(f"Not a proper models:/ URI: {uri}.")
        if suffix.isdigit():
            return ModelUri(name=name, number=suffix)
        return ModelUri(name=name) if suffix.lower() == "latest" else ModelUri(name=name, stage=suffix)
    if "@" not in path:
        return ModelUri(parts[0])
    name, _, alias = parts[0].rpartition("@")
    if not alias.strip():
        raise invalid(f"Not a proper models:/ URI: {uri}.")
    return ModelUri(name=name, alias=alias)
