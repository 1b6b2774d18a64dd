"""Secrets come from the environment, and never leave: not in an error, an event or a log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from kaizenml.core.source import is_secret
from kaizenml.errors import SourceError

HIDDEN = "…"
_NAME = re.compile(r"\$\{(\w+)\}")
_LOGIN = re.compile(r"(\w[\w+.-]*://)[^/\s@'\"]*@")
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Expanded:
    """A URL (or another text) with its ``${NAME}`` filled in, and what in it must never be shown."""

    text: str
    secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Expanded({self.hide(self.text)!r})"

    def hide(self, text: object) -> str:
        """Return a text in which every secret, and every login in a URL, is blotted out; one line, bounded."""
        said = " ".join(str(text).split())
        for secret in sorted(self.secrets, key=len, reverse=True):
            said = said.replace(secret, HIDDEN)
        return without_login(said)[:_LONGEST]


def expanded(text: str, environment: Mapping[str, str]) -> Expanded:
    """Fill in ``${NAME}`` from the environment; within the login of a URL the value is percent-encoded.

    Raises
    ------
    SourceError
        Naming the variable that is not set.
    """
    missing = [name for name in _NAME.findall(text) if name not in environment]
    if missing:
        raise SourceError(
            f"The source needs the environment variable {missing[0]}, which is not set.",
            f"Set it where the run works: export {missing[0]}=…",
            {"variable": missing[0]},
        )
    login = _login(text)
    filled = _NAME.sub(lambda found: environment[found[1]], text[login[1] :])
    inside = _NAME.sub(lambda found: quote(environment[found[1]], safe=""), text[slice(*login)])
    before = _NAME.sub(lambda found: environment[found[1]], text[: login[0]])
    url = before + inside + filled
    values = [environment[name] for name in _NAME.findall(text)]
    return Expanded(url, _forms([*values, *_secrets_in(url)]))


def without_login(text: str) -> str:
    """Return the text without what stands before the @ of the URLs in it."""
    return _LOGIN.sub(rf"\1{HIDDEN}@", text)


def shown(url: str) -> str:
    """Return a URL as it may be shown: without its login, and without the values of its query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    query = HIDDEN if parts.query else ""
    return without_login(urlunsplit(parts._replace(query=query, fragment="")))


def _login(text: str) -> tuple[int, int]:
    """Return where the login of a URL stands in it."""
    start = text.find("://")
    if start < 0:
        return 0, 0
    rest = text[start + 3 :]
    end = re.search(r"[/?#]", rest)
    authority = rest[: end.start()] if end else rest
    return start + 3, start + 3 + max(authority.rfind("@"), 0)


def _secrets_in(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
        return [parts.password or "", *(value for name, value in parse_qsl(parts.query) if is_secret(name))]
    except ValueError:
        return []


def _forms(values: list[str]) -> tuple[str, ...]:
    """Return each secret as it stands and percent-encoded; what is very short would blot out half of every text."""
    forms = {form for value in values if len(value) >= 3 for form in (value, quote(value, safe=""))}
    return tuple(sorted(forms))
