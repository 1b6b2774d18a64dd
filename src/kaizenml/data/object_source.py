"""Files in object stores: s3://, gs://, az:// and https://, through obstore."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from kaizenml.core.digest import Digest
from kaizenml.data.incremental import Batch
from kaizenml.data.ingest import Part, read_parts
from kaizenml.data.redaction import Expanded, expanded, shown
from kaizenml.errors import SourceError, bounded, close_match

SCHEMES = ("s3://", "s3a://", "gs://", "az://", "azure://", "abfs://", "abfss://", "https://", "http://")
_MAGIC = re.compile(r"[*?\[]")
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
#: A store that does not answer is told of after this long.
RETRY: Any = {"max_retries": 3}
_PIECE = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Remote:
    """An object as its store lists it; ``mark`` changes whenever its content may have."""

    name: str
    path: str
    size_bytes: int
    mark: str


def is_remote(pattern: str) -> bool:
    """Say whether a pattern means an object store."""
    return pattern.lower().startswith(SCHEMES)


def found_objects(
    pattern: str,
    environment: Mapping[str, str],
    digests: Mapping[str, str],
    seen: Callable[[Remote, Digest], None],
) -> Iterator[Batch]:
    """Return the objects that match, by name; the digest of one that is new takes fetching it.

    Raises
    ------
    SourceError
        When nothing matches, the credentials are refused, or an object cannot be fetched.
    """
    url = expanded(pattern, environment)
    with _store_errors(url, pattern):
        store, objects = _listed(url, pattern)
    for remote in objects:
        known = digests.get(remote.mark)
        if known is not None:
            yield Batch(
                known, remote.name, remote.size_bytes, Digest(known), partial(_again, store, url, remote, known)
            )
            continue
        with TemporaryDirectory(prefix="kaizen-object-") as folder:
            path, digest = fetched(store, url, remote, Path(folder))
            seen(remote, digest)
            yield Batch(digest, remote.name, remote.size_bytes, digest, partial(read_parts, path))


def _again(store: Any, url: Expanded, remote: Remote, digest: str) -> Iterator[Part]:
    """Return the rows of an object that was seen before, when it still is what it was."""
    with TemporaryDirectory(prefix="kaizen-object-") as folder:
        path, found = fetched(store, url, remote, Path(folder))
        if found != digest:
            raise SourceError(f"{remote.name} changed while it was read.", "Run again.", {"file": remote.name})
        yield from read_parts(path)


def fetched(store: Any, url: Expanded, remote: Remote, folder: Path) -> tuple[Path, Digest]:
    """Put an object's content into a folder, piece by piece; return where it is, and its digest."""
    import obstore

    path, content, size = folder / PurePosixPath(urlsplit(remote.name).path).name, hashlib.sha256(), 0
    with _store_errors(url, remote.name), path.open("wb") as file:
        for piece in obstore.get(store, remote.path).stream(min_chunk_size=_PIECE):
            file.write(piece)
            content.update(piece)
            size += len(piece)
    if remote.size_bytes and size != remote.size_bytes:
        raise SourceError(
            f"{remote.name} was listed with {remote.size_bytes:,} bytes and came with {size:,}.",
            "It was being written; run again.",
            {"file": remote.name},
        )
    return path, Digest(content.hexdigest())


def _listed(url: Expanded, pattern: str) -> tuple[Any, list[Remote]]:
    try:
        import obstore
        from obstore.store import from_url
    except ImportError:
        raise SourceError(
            f"Reading {shown(pattern)} needs obstore, which is not installed.", "Install it: pip install 'kaizenml[s3]'"
        ) from None
    root, path = _parted(url.text)
    options: Any = {"allow_http": True, "timeout": "60s", "connect_timeout": "10s"}
    store = from_url(root, client_options=options, retry_config=RETRY)
    if urlsplit(root).scheme in ("http", "https"):
        return store, [_remote(root, obstore.head(store, path), path)]
    name = _compiled(path)
    prefix = _MAGIC.split(path)[0].rpartition("/")[0] if _MAGIC.search(path) else path.rpartition("/")[0]
    there = [each for chunk in obstore.list(store, prefix or None) for each in chunk]
    matching = [_remote(root, each, each["path"]) for each in there if name.fullmatch(each["path"])]
    if not matching:
        raise _nothing(pattern, path, [each["path"] for each in there])
    return store, sorted(matching, key=lambda each: each.path)


def _compiled(pattern: str) -> re.Pattern[str]:
    """Return what a pattern means: ``*`` stays within a folder, ``**/`` is any number of folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]+\])", pattern)
    return re.compile("".join(_MEANING.get(part) or (part if part[:1] == "[" else re.escape(part)) for part in parts))


def _parted(url: str) -> tuple[str, str]:
    """Return the store's URL and the path (or pattern) within it."""
    scheme, _, rest = url.partition("://")
    bucket, _, path = rest.partition("/")
    return f"{scheme}://{bucket}", path


def _remote(root: str, meta: Any, path: str) -> Remote:
    size = int(meta["size"])
    name = shown(f"{root}/{path}")
    version = meta.get("e_tag") or meta.get("version") or meta["last_modified"].isoformat()
    return Remote(name, path, size, f"{name} {size} {version}")


def _nothing(pattern: str, path: str, there: list[str]) -> SourceError:
    match = close_match(path, there)
    hint = f"Did you mean {match!r}?" if match else f"There are {bounded(there)}." if there else "Nothing is there."
    return SourceError(f"No object matches {shown(pattern)!r}.", hint, {"pattern": shown(pattern)})


@contextmanager
def _store_errors(url: Expanded, name: str) -> Iterator[None]:
    """Tell what the store refused; no secret, and not the store's own error behind it, which may hold one."""
    try:
        from obstore import exceptions
    except ImportError:
        yield
        return
    try:
        yield
    except (exceptions.BaseError, OSError, ValueError) as error:
        raise _refused(shown(name), url.hide(error), error, exceptions) from None


def _refused(name: str, said: str, error: Exception, exceptions: Any) -> SourceError:
    details = {"file": name}
    is_denied = isinstance(error, (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError))
    if is_denied or "Forbidden" in said or "403" in said or "InvalidAccessKeyId" in said:
        hint = "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what your store uses, where the run works."
        return SourceError(f"The store refuses the credentials for {name}.", hint, details)
    if isinstance(error, (exceptions.NotFoundError, FileNotFoundError)):
        return SourceError(f"There is no object {name}.", "Check the bucket and the path.", details)
    return SourceError(
        f"{name} cannot be read: {said[:300]}.", "Check the address and the network; run again.", details
    )
