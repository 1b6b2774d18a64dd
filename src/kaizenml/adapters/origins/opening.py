"""Which kind of store is at a path or address, and how it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kaizenml.adapters.origins.database import DatabaseOrigin
from kaizenml.adapters.origins.folder import META, TRASH, FolderOrigin
from kaizenml.adapters.origins.places import Places
from kaizenml.adapters.origins.rows import opened, shown
from kaizenml.adapters.origins.safe_files import subfolders
from kaizenml.adapters.origins.words import Troubles, is_experiment_id
from kaizenml.core.extras import install_hint
from kaizenml.core.mlflow.origin import Origin
from kaizenml.errors import SettingError, SourceError

_DATABASES = ("sqlite:", "postgresql:", "postgresql+", "mysql", "mssql")


def open_origin(place: str, files: Path | None, environment: Mapping[str, str], troubles: Troubles) -> Origin:
    """Open a store of MLflow's: a folder, a database file, the URL of a database or of a server.

    Parameters
    ----------
    files
        A folder in which artefacts are looked for besides those beside the store.

    environment
        Where the user name, password and token for a server are.

    Raises
    ------
    SourceError
        When there is no store.
    """
    if place.startswith(("http://", "https://")):
        return _server(place, environment, troubles)
    more = [files] if files is not None else []
    if place.startswith(_DATABASES):
        base = Path.cwd()
        return DatabaseOrigin(shown(place), opened(place), Places([*more, *_beside(base)], base), troubles)
    path = Path(place.removeprefix("file://")).expanduser().resolve()
    if path.is_dir():
        root = _store_in(path)
        return FolderOrigin(root, Places([*more, root, root.parent / "mlartifacts"], root.parent), troubles)
    if path.is_file():
        base = path.parent
        return DatabaseOrigin(str(path), opened(path), Places([*more, *_beside(base)], base), troubles)
    raise SourceError(
        f"There is nothing at {place}.", "Name a folder `mlruns`, a file `mlflow.db`, or the address of a server."
    )


def _server(url: str, environment: Mapping[str, str], troubles: Troubles) -> Origin:
    try:
        from kaizenml.adapters.origins.asking import Server
        from kaizenml.adapters.origins.server import ServerOrigin
    except ModuleNotFoundError as error:
        raise SettingError(f"A server cannot be asked: {error}.", install_hint(error)) from error
    return ServerOrigin(Server(url, environment), troubles)


def _beside(base: Path) -> list[Path]:
    """Return where the files of a database usually are."""
    return [base / "mlruns", base / "mlartifacts", base]


def _store_in(path: Path) -> Path:
    """Return the folder with the experiments: this one, or `mlruns` in it."""
    for each in (path, path / "mlruns"):
        known = [name for name in subfolders(str(each)) if is_experiment_id(name) and (each / name / META).exists()]
        if known or (each / TRASH).is_dir():
            return each
    beside = path.parent / "mlflow.db"
    raise SourceError(
        f"{path} is no store of MLflow's: no folder in it is an experiment with a file {META}.",
        f"Its runs may be in {beside}." if beside.exists() else "Name the folder `mlruns`, or a database file.",
    )
