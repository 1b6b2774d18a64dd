"""Uploads in parts that were begun and never ended: S3 keeps, and bills, their parts until somebody gives them up.

obstore has no word for them, so the two requests are signed here.

Source: AWS, "Signature Version 4 signing process"; S3 API reference, ListMultipartUploads and AbortMultipartUpload.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import quote, urlencode, urlsplit

from kaizenml.core.place import Bucket
from kaizenml.errors import UnavailableError

#: Nothing is sent for so long and then goes on.
ABANDONED = timedelta(days=1)
_UPLOAD = re.compile(r"<Upload>(.*?)</Upload>", re.DOTALL)
_NOTHING = hashlib.sha256(b"").hexdigest()
_LONGEST_ANSWER = 1 << 24


def give_up_old(place: Bucket, login: Mapping[str, str], now: datetime, *, older_than: timedelta = ABANDONED) -> int:
    """Give up the uploads below a place that were begun so long ago; return how many those were.

    Parameters
    ----------
    place
        With its endpoint and region, as `object_store.with_environment` returns it.
    login
        As `object_store.login` returns it; with none, a rule of the bucket has to clear up.

    Raises
    ------
    UnavailableError
        When the store refuses.
    """
    if not login:
        return 0
    below = f"{place.prefix}/" if place.prefix else ""
    answer = request(place, login, "GET", f"/{place.name}", {"prefix": below, "uploads": ""}, now=now)
    given_up = 0
    for upload in _UPLOAD.findall(answer.decode()):
        key, number, began = (_text(upload, name) for name in ("Key", "UploadId", "Initiated"))
        if datetime.fromisoformat(began) < now - older_than and key.startswith(below):
            request(place, login, "DELETE", f"/{place.name}/{key}", {"uploadId": number}, now=now)
            given_up += 1
    return given_up


def request(
    place: Bucket, login: Mapping[str, str], method: str, path: str, words: Mapping[str, str], *, now: datetime
) -> bytes:
    """Send a signed request without a body; return the body of the answer, or raise `UnavailableError`."""
    address = urlsplit(place.endpoint or f"https://s3.{place.region}.amazonaws.com")
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    target, query = quote(path), urlencode(sorted(words.items()), quote_via=quote, safe="-_.~")
    connection = kind(address.netloc, timeout=place.timeout_seconds)
    try:
        headers = _signed(place.region, login, method, target, query, address.netloc, now)
        connection.request(method, f"{target}?{query}" if query else target, headers=headers)
        answer = connection.getresponse()
        body = answer.read(_LONGEST_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError(f"The store at {address.netloc} does not answer: {type(error).__name__}.") from error
    finally:
        connection.close()
    if answer.status >= 300:
        raise UnavailableError(f"The store at {address.netloc} answers {answer.status} to {method}.")
    return body


def _signed(
    region: str, login: Mapping[str, str], method: str, path: str, query: str, host: str, now: datetime
) -> dict[str, str]:
    at = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{at[:8]}/{region}/s3/aws4_request"
    headers = {"host": host, "x-amz-content-sha256": _NOTHING, "x-amz-date": at}
    if token := login.get("session_token"):
        headers["x-amz-security-token"] = token
    names, lines = ";".join(headers), "".join(f"{name}:{value}\n" for name, value in headers.items())
    asked = hashlib.sha256("\n".join((method, path, query, lines, names, _NOTHING)).encode()).hexdigest()
    key = f"AWS4{login['secret_access_key']}".encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{asked}"):
        key = hmac.digest(key, part.encode(), "sha256")
    credential = f"{login['access_key_id']}/{scope}"
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key.hex()}"
    return headers


def _text(upload: str, name: str) -> str:
    found = re.search(f"<{name}>(.*?)</{name}>", upload, re.DOTALL)
    return unescape(found[1]) if found else ""
