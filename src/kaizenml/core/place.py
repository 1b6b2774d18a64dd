"""Where a store of blobs and tables is: a folder, or a place in a bucket of an object store."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from kaizenml.errors import SettingError, close_match

_FORMS = "Write file:///PATH or s3://BUCKET/PREFIX, for other makes than Amazon's with ?endpoint=https://HOST."
_NO_SECRET = "Put credentials into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, never into the URL."
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._=-]{1,200}")
_ENDPOINT = re.compile(r"https?://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_WORDS = ("endpoint", "region", "timeout")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A place in an object store that speaks S3.

    Attributes
    ----------
    endpoint
        The address of the store; empty for the one that the environment names, or Amazon's.
    timeout_seconds
        After how long an unanswered request counts as failed.
    """

    name: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    timeout_seconds: int = 60

    @property
    def url(self) -> str:
        """The one URL of this place, in which there is never a secret."""
        told = {"endpoint": self.endpoint, "region": self.region}
        words = {name: value for name, value in told.items() if value}
        if self.timeout_seconds != 60:
            words["timeout"] = str(self.timeout_seconds)
        query = f"?{urlencode(words, safe=':/')}" if words else ""
        return f"s3://{self.name}{'/' if self.prefix else ''}{self.prefix}{query}"

    def at(self, name: str) -> Bucket:
        """Return the place below this one that has this name."""
        return replace(self, prefix=self.below(name))

    def below(self, *names: str) -> str:
        """Return the path, within the bucket, of something below this place."""
        return "/".join(filter(None, (self.prefix, *names)))


def place_of(url: str) -> Path | Bucket:
    """Return where the store with this URL is.

    Raises
    ------
    SettingError
        For a URL that names no such place, or carries a secret (which the error does not repeat).
    """
    if "@" in url.partition("?")[0] or re.search(r"(?i)[?&][^=]*(key|secret|token|password)[^=]*=", url):
        raise SettingError("The URL of the store carries a secret.", _NO_SECRET)
    if url.startswith("file://"):
        return _folder(url)
    if url.startswith("s3://"):
        return _bucket(url)
    raise SettingError(f"store={url[:200]!r} cannot be.", _FORMS)


def _folder(url: str) -> Path:
    path = url.removeprefix("file://")
    if not path.startswith("/"):
        raise SettingError(f"store={url[:200]!r} cannot be.", "It is file:///PATH, with the whole path from the root.")
    return Path(path)


def _bucket(url: str) -> Bucket:
    parts = urlsplit(url)
    if not _BUCKET.fullmatch(parts.netloc):
        raise SettingError(f"{parts.netloc[:80]!r} in store={url[:200]!r} is no name of a bucket.", _FORMS)
    prefix = parts.path.strip("/")
    if prefix and not all(_SEGMENT.fullmatch(each) for each in prefix.split("/")):
        raise SettingError(
            f"The prefix {prefix[:200]!r} of the store cannot be.", "Use letters, digits, and . _ = - between slashes."
        )
    words = dict(parse_qsl(parts.query, keep_blank_values=True))
    for word in words:
        if word not in _WORDS:
            offer = close_match(word, _WORDS)
            hint = f"Did you mean {offer!r}?" if offer else f"Known: {', '.join(_WORDS)}."
            raise SettingError(f"The URL of the store sets {word[:80]!r}, which it cannot.", hint)
    return Bucket(
        parts.netloc, prefix,
        endpoint=_checked(words, "endpoint", _ENDPOINT, "It is http://HOST:PORT or https://HOST.").rstrip("/"),
        region=_checked(words, "region", _REGION, "It is a name such as eu-central-1."),
        timeout_seconds=int(_checked(words, "timeout", re.compile(r"[1-9]\d{0,3}"), "Give seconds.") or 60),
    )  # fmt: skip


def _checked(words: dict[str, str], name: str, form: re.Pattern[str], hint: str) -> str:
    value = words.get(name, "").rstrip("/")
    if value and not form.fullmatch(value):
        raise SettingError(f"{name}={value[:200]!r} in the URL of the store cannot be.", hint)
    return value
