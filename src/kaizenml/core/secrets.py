"""Blotting out what looks like a secret, before text is kept."""

from __future__ import annotations

import re

from kaizenml.core.source import is_secret

HIDDEN = "…hidden…"

#: Forms that are secrets by themselves: keys and tokens as their makers shape them, private keys, logins in URLs.
_FORMS = re.compile(
    r"""-----BEGIN[A-Z ]*PRIVATE\ KEY-----.*?(?:-----END[A-Z ]*PRIVATE\ KEY-----|\Z)
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b
    | \bgh[pousr]_[A-Za-z0-9]{30,}\b | \bgithub_pat_[A-Za-z0-9_]{30,}\b | \bglpat-[A-Za-z0-9_-]{20,}
    | \bsk-[A-Za-z0-9_-]{20,} | \bxox[abprs]-[A-Za-z0-9-]{10,} | \bhf_[A-Za-z0-9]{30,}\b | \bkzn_[A-Za-z0-9_-]{20,}
    | \bAIza[0-9A-Za-z_-]{35}\b | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*""",
    re.VERBOSE | re.DOTALL,
)
_LOGIN = re.compile(r"(\w[\w+.-]*://[^/\s:@'\"]*:)[^/\s@'\"]+@")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{12,}")
_NAMED = re.compile(
    r"""(?P<name>[A-Za-z_][\w-]*)(?P<sign>["']?\s*[:=]\s*)
    (?P<value>"(?:[^"\\\n]|\\.)+"|'(?:[^'\\\n]|\\.)+'|[^\s'"(){}\[\],;]{6,})""",
    re.VERBOSE,
)


def without_secrets(text: str) -> str:
    """Return the text with recognisable secrets blotted out.

    Recognised are the shapes of well-known keys and tokens, private keys, passwords in URLs, authorization headers,
    and values that are given to a name such as ``password``, ``api_key`` or ``DB_TOKEN``. Other secrets are not.
    """
    text = _FORMS.sub(HIDDEN, text)
    text = _LOGIN.sub(rf"\1{HIDDEN}@", text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    return _NAMED.sub(_blotted, text)


def _blotted(found: re.Match[str]) -> str:
    if not is_secret(found["name"]):
        return found[0]
    quote = found["value"][0] if found["value"][0] in "\"'" else ""
    return f"{found['name']}{found['sign']}{quote}{HIDDEN}{quote}"
