"""Files that MLflow's clients send: each a blob under its path, and an artefact of its run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

import msgspec

from kaizenml.core.digest import Digest, is_digest
from kaizenml.core.mlflow.errors import WireError, absent, invalid
from kaizenml.core.mlflow.rows import Document, File, What
from kaizenml.core.ports import Blobs, Books
from kaizenml.loop import mlflow_experiments as experiments
from kaizenml.loop.mlflow_messages import LoggedModel, Told
from kaizenml.loop.mlflow_mirror import mirrored, root_of

#: A file may come in so many parts.
MOST_PARTS = 10_000
_READ = msgspec.json.Decoder(Told)
_READ_MODEL = msgspec.json.Decoder(LoggedModel)
#: Where the files of a run and of a logged model lie, by what is remembered of it.
_ROOT_OF: Mapping[What, Callable[[str], str]] = {
    What.RUN: lambda body: _READ.decode(body).info.artifact_uri,
    What.MODEL: lambda body: _READ_MODEL.decode(body).info.artifact_uri,
}


class Listed(msgspec.Struct, omit_defaults=True):
    """A file or folder in a list; ``path`` is its name."""

    path: str
    is_dir: bool | None = None
    file_size: int | None = None


class _Upload(msgspec.Struct):
    path: str
    parts: int


#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(_Upload),)


def keep(books: Books, now: datetime, path: str, digest: Digest, size: int) -> None:
    """Note that a path has this content; a run that has ended gets it as an artefact at once, others at their end."""
    if not path:
        raise invalid("Invalid path")
    books.clients.keep_file(File(path, digest, size))
    run = _run_of(books, path)
    if run is not None and run.info.status not in ("RUNNING", "SCHEDULED"):
        mirrored(books, now, run)


def find(books: Books, path: str) -> File:
    """Return the file of a path, or raise the error that there is none."""
    found = books.clients.find_file(path)
    if found is None:
        raise absent(f"No such artifact: '{path}'")
    return found


def listed(books: Books, folder: str) -> list[Listed]:
    """Return what lies in a folder, by name; nothing when there is no such folder."""
    found: dict[str, Listed] = {}
    start = len(folder) + 1 if folder else 0
    for each in books.clients.files(folder):
        name, slash, _ = each.path[start:].partition("/")
        found[name] = Listed(name, is_dir=True) if slash else Listed(name, is_dir=False, file_size=each.size_bytes)
    return [found[name] for name in sorted(found)]


def beneath(books: Books, root: str, folder: str) -> list[Listed]:
    """Return what lies in a folder below a root; each path is seen from the root."""
    inside = listed(books, f"{root}/{folder}" if folder else root)
    for each in inside:
        each.path = f"{folder}/{each.path}" if folder else each.path
    return inside


def drop(books: Books, now: datetime, path: str) -> None:
    """Forget a file, or a folder with all that it has."""
    if path:
        run = _run_of(books, path)
        books.clients.drop_files(path)
        if run is not None:
            mirrored(books, now, run)


def begin_parts(books: Books, path: str, parts: int) -> str:
    """Begin a file that comes in parts, and return the id of the upload."""
    if not 1 <= parts <= MOST_PARTS:
        raise invalid(
            f"Invalid value {parts} for parameter 'num_parts' supplied. It must be between 1 and {MOST_PARTS}"
        )
    id_ = uuid4().hex
    books.clients.put(Document(What.UPLOAD, id_, msgspec.json.encode(_Upload(path, parts)).decode()))
    return id_


def keep_part(books: Books, upload: str, number: int, digest: Digest) -> None:
    """Note a part of an upload, in place of what it was before."""
    if not 1 <= number <= _upload(books, upload).parts:
        raise invalid(f"Invalid part number {number}.")
    books.clients.put(Document(What.UPLOAD, f"{upload}/{number}", digest, scope=upload, name=str(number)))


def parts_of(books: Books, upload: str, path: str, given: Sequence[tuple[int, str]]) -> list[Digest]:
    """Return the digests of an upload's parts, in order.

    Raises
    ------
    WireError
        When one is missing, or is not the one that the client sent.
    """
    told = _upload(books, upload)
    if told.path != path:
        raise invalid(f"Upload {upload} is of another path than '{path}'.")
    known = {int(each.name): each.body for each in books.clients.all(What.UPLOAD, scopes=[upload])}
    wanted = range(1, told.parts + 1)
    missing = [number for number in wanted if number not in known]
    if missing:
        raise invalid(f"Upload {upload} lacks the parts {missing[:10]}.")
    wrong = [number for number, etag in given if etag.strip('"') not in ("", known.get(number, ""))]
    if wrong or {number for number, _ in given} != set(wanted):
        raise invalid(f"Upload {upload} has other parts than those that were told: {wrong[:10]}.")
    return [Digest(known[number]) for number in wanted]


def path_of_upload(books: Books, upload: str) -> str:
    """Return the path of the file that comes by this upload."""
    return _upload(books, upload).path


def project_of(books: Books, path: str) -> str | None:
    """Return the project of the run or logged model among whose files a path is; None where it is nobody's."""
    parts = path.split("/")
    for index in range(1, len(parts)):
        if parts[index] != "artifacts":
            continue
        for what in (What.RUN, What.MODEL):
            found = books.clients.find(what, parts[index - 1])
            if found is not None:
                root = root_of(_ROOT_OF[what](found.body))
                is_inside = path == root or path.startswith(f"{root}/")
                return experiments.project_of(books, found.scope) if is_inside else None
    return None


def forget_parts(books: Books, upload: str) -> None:
    """Forget an upload; the blobs of its parts are nobody's then."""
    _upload(books, upload)
    for each in books.clients.all(What.UPLOAD, scopes=[upload]):
        books.clients.forget(What.UPLOAD, each.id)
    books.clients.forget(What.UPLOAD, upload)


def joined(blobs: Blobs, parts: Iterable[Digest]) -> tuple[Digest, int]:
    """Keep the parts as one blob; return its digest and size."""
    digest = blobs.put_from(chunk for part in parts for chunk in _chunks(blobs, part))
    return digest, blobs.size(digest)


def _chunks(blobs: Blobs, part: Digest) -> Iterator[bytes]:
    if not is_digest(part):
        raise invalid("Invalid part.")
    yield from blobs.open(part)


def no_upload(id_: str) -> WireError:
    """Return the error that there is no such upload."""
    return absent(f"Upload '{id_[:100]}' not found.")


def _upload(books: Books, id_: str) -> _Upload:
    found = books.clients.find(What.UPLOAD, id_)
    if found is None or found.scope:
        raise no_upload(id_)
    return msgspec.json.decode(found.body, type=_Upload)


def _run_of(books: Books, path: str) -> Told | None:
    """Return the run among whose artefacts a path is: ``…/<run>/artifacts/…``."""
    parts = path.split("/")
    for index in range(1, len(parts)):
        if parts[index] == "artifacts":
            found = books.clients.find(What.RUN, parts[index - 1])
            if found is not None:
                return _READ.decode(found.body)
    return None
