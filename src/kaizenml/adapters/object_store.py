"""Objects below a place in a bucket that speaks S3, through obstore; what it refuses, said in our own words.

Half-written objects are seen by nobody: S3 shows an object when all of it is there. Every object is either made once
(`create`, which exactly one of many writers wins), replaced as long as it is what was seen (`exchange`), or such that
all its writers write the same bytes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import IO, Any

from kaizenml.core.place import Bucket
from kaizenml.errors import KaizenError, SettingError, UnavailableError

#: Content is sent, and read, in pieces of so many bytes; each is a request of its own that is tried again by itself.
PIECE_BYTES = 8 << 20
_PIECES_AT_ONCE = 4
_MOST_PIECES = 9_000
_RETRIES = 3
_CONNECT_SECONDS = 10
#: Where machines of Amazon's get credentials from, when no key is in the environment.
_OTHER_LOGINS = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_DENIED = re.compile(
    "403 Forbidden|401 Unauthorized|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken"
)
_ELSEWHERE = ("301 Moved", "PermanentRedirect", "AuthorizationHeaderMalformed", "307 Temporary")
#: How Delta draws the chain of causes on a terminal.
_MARKS = re.compile(r"\x1b\[[0-9;]*m|[↳|]")
_FULL = ("507 Insufficient", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull")


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as the store shows it; ``tag`` changes with its content."""

    path: str
    size: int
    tag: str
    changed: datetime


class ObjectStore:
    """The objects below a place in a bucket.

    Parameters
    ----------
    place
        Where. Its endpoint and region, when it names none, are those of the environment.

    Raises
    ------
    SettingError
        When obstore is not installed, or there are no credentials.
    """

    def __init__(self, place: Bucket) -> None:
        self.place = with_environment(place)
        self._store = _opened(self.place)
        self._is_there = False

    def find(self, path: str) -> Seen | None:
        """Return what the store shows of an object; None when there is none."""
        import obstore

        with self.errors(f"Looking for {path}"):
            try:
                return _seen(obstore.head(self._store, path))
            except FileNotFoundError:
                self._require_bucket()
                return None

    def get(self, path: str) -> tuple[Seen, Iterator[bytes]]:
        """Return an object's content piece by piece, the first of them read already; raise `FileNotFoundError`."""
        import obstore

        with self.errors(f"Reading {path}"):
            result = obstore.get(self._store, path)
            seen = _seen(result.meta)
            first = bytes(result.bytes()) if seen.size <= PIECE_BYTES else self._piece(seen, 0)
        return seen, self._pieces(seen, first)

    def read(self, path: str) -> bytes:
        """Return an object's content, or raise `FileNotFoundError`."""
        return b"".join(self.get(path)[1])

    def create(self, path: str, content: bytes) -> bool:
        """Make an object that must not exist; return whether this call made it.

        An answer can get lost on its way after the object was made; so what is there is looked at before it counts as
        another writer's. Contents of different writers must therefore differ.
        """
        from obstore import exceptions, put

        with self.errors(f"Writing {path}"):
            try:
                put(self._store, path, content, mode="create")
            except exceptions.AlreadyExistsError:
                return self.read(path) == content
        return True

    def exchange(self, seen: Seen, content: bytes) -> bool:
        """Replace an object that still is what was seen; return whether this call did."""
        from obstore import exceptions, put

        with self.errors(f"Writing {seen.path}"):
            try:
                put(self._store, seen.path, content, mode={"e_tag": seen.tag})
            except (exceptions.PreconditionError, FileNotFoundError):
                return False
        return True

    def put(self, path: str, content: bytes) -> None:
        """Give an object this content, whatever it had before."""
        import obstore

        with self.errors(f"Writing {path}"):
            obstore.put(self._store, path, content, use_multipart=False)

    def upload(self, path: str, file: IO[bytes], size: int) -> None:
        """Give an object the content of a file, in parts; nobody sees it before all of them have arrived."""
        import obstore

        with self.errors(f"Writing {path}"):
            obstore.put(
                self._store, path, file, use_multipart=True,
                chunk_size=max(PIECE_BYTES, -(-size // _MOST_PIECES)), max_concurrency=_PIECES_AT_ONCE,
            )  # fmt: skip

    def copy(self, seen: Seen, path: str) -> None:
        """Copy an object within the store; large ones, which S3 copies by parts only, through this machine."""
        import obstore

        with self.errors(f"Writing {path}"):
            if seen.size <= 5 << 30:
                obstore.copy(self._store, seen.path, path)
            else:
                obstore.put(self._store, path, self.get(seen.path)[1], chunk_size=seen.size // _MOST_PIECES)

    def listed(self, folder: str, *, after: str = "") -> Iterator[Seen]:
        """Return the objects below a folder by path, those in folders within it too, each at its time of reading."""
        import obstore

        with self.errors(f"Listing {folder}"):
            for part in obstore.list(self._store, folder or None, offset=after or None, chunk_size=1000):
                yield from map(_seen, part)
        if not self._is_there:
            self._require_bucket()

    def in_folder(self, folder: str) -> list[Seen]:
        """Return the objects that lie directly in a folder; some stores have the folder itself as an object."""
        import obstore

        with self.errors(f"Listing {folder}"):
            found = obstore.list_with_delimiter(self._store, folder)["objects"]
        return [_seen(each) for each in found if each["path"] != folder]

    def folders(self, folder: str) -> list[str]:
        """Return the paths of the folders directly in a folder."""
        import obstore

        with self.errors(f"Listing {folder}"):
            return list(obstore.list_with_delimiter(self._store, folder or None)["common_prefixes"])

    def delete(self, paths: Collection[str]) -> None:
        """Delete objects; those that are not there are none."""
        import obstore

        if paths:
            with self.errors(f"Deleting {len(paths)} objects"):
                obstore.delete(self._store, list(paths))

    @contextmanager
    def errors(self, doing: str) -> Iterator[None]:
        """Say in our own words what the store could not do; only `FileNotFoundError` of an object stays as it is."""
        from obstore import exceptions

        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise no_bucket(self.place) from None
            raise
        except (exceptions.BaseError, OSError) as error:
            raise refused(self.place, doing, str(error)) from None

    def _pieces(self, seen: Seen, first: bytes) -> Iterator[bytes]:
        yield first
        for start in range(len(first), seen.size, PIECE_BYTES):
            with self.errors(f"Reading {seen.path}"):
                piece = self._piece(seen, start)
            yield piece

    def _piece(self, seen: Seen, start: int) -> bytes:
        import obstore

        end = min(start + PIECE_BYTES, seen.size)
        return bytes(obstore.get(self._store, seen.path, options={"range": (start, end), "if_match": seen.tag}).bytes())

    def _require_bucket(self) -> None:
        """Tell an object that is missing from a bucket that is."""
        if not self._is_there:
            import obstore

            for _ in obstore.list(self._store, "_", chunk_size=1):
                break
            self._is_there = True


def with_environment(place: Bucket) -> Bucket:
    """Return the place with the endpoint and region that the environment names, where it names none itself."""
    endpoint = place.endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    region = place.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    return replace(place, endpoint=endpoint.rstrip("/"), region=region)


def login() -> dict[str, str]:
    """Return the credentials of the environment, as obstore, Delta and Polars call them; empty without any."""
    names = {"AWS_ACCESS_KEY_ID": "access_key_id", "AWS_SECRET_ACCESS_KEY": "secret_access_key"}
    found = {option: os.environ[name] for name, option in names.items() if os.environ.get(name)}
    if len(found) < 2:
        return {}
    token = os.environ.get("AWS_SESSION_TOKEN")
    return found | ({"session_token": token} if token else {})


def storage_options(place: Bucket) -> dict[str, str]:
    """Return how Delta reaches the same store, with the same credentials."""
    options = {f"aws_{name}": value for name, value in login().items()}
    options |= {"aws_region": place.region, "aws_conditional_put": "etag", "max_retries": str(_RETRIES)}
    options |= {"timeout": f"{place.timeout_seconds}s", "connect_timeout": f"{_CONNECT_SECONDS}s"}
    if place.endpoint:
        options["aws_endpoint_url"] = options["aws_endpoint_url_s3"] = place.endpoint  # the latter beats all others
        options["aws_allow_http"] = str(place.endpoint.startswith("http://")).lower()
    return options


def polars_options(place: Bucket) -> dict[str, Any]:
    """Return how Polars reaches the same store: it knows nothing of conditional puts, and counts in numbers."""
    options = storage_options(place)
    del options["aws_conditional_put"]
    return options | {"max_retries": _RETRIES}


def no_bucket(place: Bucket) -> UnavailableError:
    """Return the error of a bucket that is not there."""
    return UnavailableError(
        f"There is no bucket {place.name!r} at {place.endpoint or 'Amazon S3'}.",
        "Make it, or mend the setting `store`.",
        {"bucket": place.name},
    )


def refused(place: Bucket, doing: str, said: str) -> KaizenError:
    """Return the error of a store that refused; without what the store said of credentials, which may name them."""
    where = f"s3://{place.name} at {place.endpoint or 'Amazon S3'}"
    if "NoSuchBucket" in said:
        return no_bucket(place)
    if _DENIED.search(said):
        return UnavailableError(
            f"{doing} failed: {where} refuses the credentials.",
            "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN) where this runs, and that they "
            "may list the bucket, and read, write and delete its objects.",
        )
    if any(word in said for word in _ELSEWHERE):
        return UnavailableError(
            f"{doing} failed: the bucket {place.name!r} is not in the region {place.region!r}.",
            "Name its region: `store = s3://…?region=REGION`, or AWS_REGION.",
        )
    if any(word in said for word in _FULL):
        return UnavailableError(f"{doing} failed: {where} is full.", "Make room there; then do it again.")
    return UnavailableError(
        f"{doing} failed: {where} does not answer as it should ({_short(said)}).",
        "See that it runs and can be reached from here, and that the setting `store` is right; then do it again.",
    )


def _short(said: str) -> str:
    """Return the reason without the addresses and markup that stores and clients put around it."""
    line = " ".join(_MARKS.sub(" ", said.partition("\n\nDebug")[0]).split())
    code = re.search(r"<Code>(\w+)</Code>", line) or re.search(r"status code: (\d{3}[^:\n]{0,40})", line)
    if code:
        return code[1].strip()
    return re.sub(r"https?://\S+", "…", line.rpartition(" - ")[2] or line).strip().replace("\n", " ")[:160]


def _seen(meta: Any) -> Seen:
    return Seen(meta["path"], int(meta["size"]), meta["e_tag"] or "", meta["last_modified"])


def _opened(place: Bucket) -> Any:
    try:
        from obstore.store import S3Store
    except ImportError:
        raise SettingError(
            f"The store {place.url} needs obstore, which is not installed.", "Install it: pip install 'kaizenml[s3]'"
        ) from None
    found = login()
    if not found and place.endpoint and not any(os.environ.get(name) for name in _OTHER_LOGINS):
        raise SettingError(
            f"There are no credentials for {place.url}.", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    seconds = timedelta(seconds=place.timeout_seconds)
    config: Any = {"region": place.region, "conditional_put": "etag", **found}
    if place.endpoint:
        config["endpoint"] = config["aws_endpoint_url_s3"] = place.endpoint  # the latter beats the environment's
    client: Any = {"allow_http": place.endpoint.startswith("http://"), "timeout": seconds}
    client["connect_timeout"] = min(seconds, timedelta(seconds=_CONNECT_SECONDS))
    retries: Any = {"max_retries": _RETRIES, "retry_timeout": seconds}
    return S3Store(place.name, prefix=place.prefix or None, config=config, client_options=client, retry_config=retries)
