"""Where on this machine the artefacts are that a store names by address: below folders that may be read, or nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kaizenml.adapters.origins.safe_files import LeftOut, chunks, exists_within, is_within, tree
from kaizenml.core.mlflow.origin import ForeignFile
from kaizenml.errors import SourceError


@dataclass(frozen=True, slots=True)
class Places:
    """Folders that may be read.

    Parameters
    ----------
    roots
        Nothing outside of them is read, whatever an address says.
    base
        What paths that are not absolute begin at.
    """

    roots: Sequence[Path]
    base: Path

    def find(self, uri: str, id_: str) -> str | None:
        """Return the folder of the artefacts of a run or logged model, or None: elsewhere, or not there.

        It is called ``ID/artifacts``, as MLflow calls it: an address cannot name any other folder of this machine.
        """
        for root in self.roots:
            for each in _candidates(uri, root, self.base):
                if exists_within(each, root) and os.path.realpath(each).endswith(f"/{id_}/artifacts"):
                    return str(each)
        return None

    def why_not(self, uri: str) -> str:
        """Return why the files of an address are not read; nothing where there simply are none."""
        scheme, path = _parted(uri)
        if not path:
            return ""
        if scheme in ("", "file"):
            full = self.base / path
            return f"they are outside, in {full.parent.parent}: name it with --artefacts-from" if full.is_dir() else ""
        if scheme == "mlflow-artifacts":
            return ""
        return f"they are at {_host(uri)}, which only its server can read: import from the server's address"

    def root_of(self, folder: str) -> str:
        """Return the root that a folder is below."""
        return next(str(root) for root in self.roots if is_within(folder, str(root)))


def files_in(folder: str, root: str, left_out: LeftOut) -> list[ForeignFile]:
    """Return the files in a folder of artefacts."""
    found = ((each.path, each.entry.stat()) for each in tree(folder, root, left_out))
    return [ForeignFile(path, said.st_size, str(said.st_mtime_ns)) for path, said in found]


def opened(folder: str, root: str, path: str) -> Iterator[bytes]:
    """Return the content of a file in a folder of artefacts; raise `SourceError` when it leads out of the root."""
    full = os.path.join(folder, path)
    if ".." in path.split("/") or path.startswith("/") or not is_within(full, root):
        raise SourceError(f"{path[:200]!r} leads out of the folder.")
    return chunks(full)


def _candidates(uri: str, root: Path, base: Path) -> Iterator[Path]:
    """Return where an address may lie: itself, where it is a path; else its last parts below the root."""
    scheme, path = _parted(uri)
    if scheme in ("", "file"):
        yield base / path
    elif scheme == "mlflow-artifacts":
        yield root / path.lstrip("/")
    else:
        return
    parts = [part for part in path.split("/") if part]
    if ".." in parts:
        return
    for count in (3, 4):  # experiment/run/artifacts, experiment/models/model/artifacts
        if len(parts) >= count:
            yield root.joinpath(*parts[-count:])


def _host(uri: str) -> str:
    """Return the beginning of an address, without what could be a secret in it."""
    found = urlsplit(uri)
    return f"{found.scheme}://{found.netloc.rpartition('@')[2]}"[:100]


def _parted(uri: str) -> tuple[str, str]:
    """Return the scheme and the path of an address; a path is one without a scheme."""
    if "://" not in uri and not uri.startswith(("file:", "mlflow-artifacts:")):
        return "", uri
    try:
        found = urlsplit(uri)
    except ValueError:
        return "?", uri
    return found.scheme, unquote(found.path)
