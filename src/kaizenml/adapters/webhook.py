"""Webhooks: one signed request to the address that was checked, and as little of the answer as is needed.

The host is resolved once, every address is judged, and the connection is made to a judged address itself, so that a
name cannot stand for something else a moment later. No redirect is followed, no proxy of the environment is used. Of
the answer only the status line and the headers are read, within bounds of size and time.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from kaizenml._version import __version__
from kaizenml.core.address import Allowed, may_call
from kaizenml.core.notice import Answer, Notice, Target, seconds_to_wait
from kaizenml.core.webhook import signed_headers
from kaizenml.errors import KaizenError, UsageError

#: Returns the addresses that a host's name stands for.
Resolve = Callable[[str, int], Sequence[str]]
#: Returns the headers that tell a receiver whose request it is: of id, time, body and secrets.
Sign = Callable[[str, datetime, bytes, Sequence[str]], Mapping[str, str]]

#: From resolving the name to the end of the answer's headers.
TIMEOUT_SECONDS = 10.0
#: The longest answer's headers that are read.
MOST_HEADER_BYTES = 16_384
_MOST_INTERIM = 10
_EXCEPTIONS = "A setting of the server, `notify_allow`, names exceptions."
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
_PORTS = {"https": 443, "http": 80}


class UndeliveredError(KaizenError):
    """A webhook did not arrive; the message says why without saying the address."""

    code = "undelivered"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a webhook goes, as its URL says."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the header ``Host`` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class WebhookNotifier:
    """Sends notices as signed requests.

    Parameters
    ----------
    but
        What may be called beside public addresses; there also without TLS.
    resolve
        The machine's own resolver unless told otherwise.
    sign
        How requests are signed: by Standard Webhooks unless told otherwise.
    trust
        Whose certificates count; those that the system trusts unless told otherwise.
    """

    def __init__(
        self,
        but: Allowed,
        *,
        sign: Sign = signed_headers,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._but, self._sign, self._resolve, self._trust = but, sign, resolve or resolved, trust
        self._timeout = timeout_seconds

    def send(self, notice: Notice, target: Target, now: datetime) -> Answer:
        """Send one signed request, and return what came of it."""
        deadline = time.monotonic() + self._timeout
        try:
            place = placed(target.address)
            head = self._exchange(place, _request(place, notice, self._signed(notice, target, now)), deadline)
        except KaizenError as error:
            return Answer(None, error.message)
        return _answer(head, now)

    def check(self, url: str) -> None:
        """Check an address as far as that can be done without asking anybody.

        Raises
        ------
        UsageError
            When it is none of the web, or an address that may not be called.
        """
        place = placed(url)
        try:
            address = str(ip_address(place.host))
        except ValueError:
            return  # a name: what it stands for is judged whenever it is called
        try:
            self._judge(place, [address])
        except UndeliveredError as error:
            raise UsageError(error.message, _EXCEPTIONS) from error

    def check_now(self, url: str) -> None:
        """Check an address, and what its name stands for now.

        Raises
        ------
        UsageError
            When it is none of the web, cannot be resolved, or may not be called.
        """
        place = placed(url)
        try:
            self.checked(place, time.monotonic() + self._timeout)
        except UndeliveredError as error:
            raise UsageError(error.message, _EXCEPTIONS) from error

    def _signed(self, notice: Notice, target: Target, now: datetime) -> Mapping[str, str]:
        return self._sign(notice.id, now, notice.body, target.secrets)

    def _exchange(self, place: Place, request: bytes, deadline: float) -> bytes:
        addresses = self.checked(place, deadline)
        try:
            with self._connected(place, addresses, deadline) as connection:
                connection.settimeout(_left(deadline))
                connection.sendall(request)
                return _final_head(connection, deadline)
        except TimeoutError as error:
            raise UndeliveredError(f"{place.host} did not answer within {self._timeout:g} s.") from error
        except ssl.SSLCertVerificationError as error:
            raise UndeliveredError(
                f"The certificate of {place.host} does not count: {error.verify_message}."
            ) from error
        except (OSError, ssl.SSLError) as error:
            raise UndeliveredError(f"{place.host} cannot be talked to: {_said(error)}.") from error

    def checked(self, place: Place, deadline: float) -> list[str]:
        """Return the addresses of a host, all of which may be called.

        Raises
        ------
        UndeliveredError
            When there is none, or one may not be called.
        """
        addresses = list(_within(lambda: self._resolve(place.host, place.port), place.host, deadline))
        self._judge(place, addresses)
        return addresses

    def _judge(self, place: Place, addresses: Sequence[str]) -> None:
        wrong = next((each for each in addresses if not may_call(place.host, each, self._but)), None)
        if wrong is not None:
            named = place.host if place.host == wrong else f"{place.host} ({wrong})"
            raise UndeliveredError(f"{named} is no public address; see `notify_allow`.")
        if place.scheme == "http" and not all(may_call_plainly(place.host, each, self._but) for each in addresses):
            raise UndeliveredError(f"{place.host} is called without TLS, which only `notify_allow` permits.")

    def _connected(self, place: Place, addresses: Sequence[str], deadline: float) -> socket.socket:
        """Return a connection to the first of the addresses that takes one."""
        for at, address in enumerate(addresses):
            try:
                share = _left(deadline) / (len(addresses) - at)  # one that swallows all leaves time for the next
                plain = socket.create_connection((address, place.port), timeout=share)
            except OSError:
                if at + 1 == len(addresses) or time.monotonic() > deadline:
                    raise
                continue
            return plain if place.scheme == "http" else self._secured(plain, place.host, deadline)
        raise UndeliveredError(f"{place.host} has no address.")

    def _secured(self, plain: socket.socket, host: str, deadline: float) -> ssl.SSLSocket:
        if self._trust is None:
            self._trust = ssl.create_default_context()
        try:
            plain.settimeout(_left(deadline))
            return self._trust.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise


def may_call_plainly(host: str, address: str, but: Allowed) -> bool:
    """Say whether an address may be called without TLS: only what was named."""
    return but.names(host, ip_address(address))


def placed(url: str) -> Place:
    """Return where a webhook goes.

    Raises
    ------
    UsageError
        When this is no address of the web; the message does not repeat it.
    """
    try:
        parts = urlsplit(url)
        host, port = _host(parts), parts.port
    except ValueError as error:
        raise UsageError("The address of the webhook is none of the web.", "Write https://HOST/PATH.") from error
    if parts.scheme not in _PORTS or not host or port == 0:
        raise UsageError("The address of the webhook is none of the web.", "Write https://HOST/PATH.")
    if parts.username is not None or parts.fragment:
        raise UsageError(
            "The address of the webhook has a login or a fragment.", "A webhook is known by its signature."
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not (_HOST.fullmatch(host) and path.isascii() and path.isprintable() and " " not in path):
        raise UsageError("The address of the webhook has signs that no address has.", "Write them as %XX.")
    return Place(parts.scheme, host, port or _PORTS[parts.scheme], path)


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as the machine resolves its name; one that is an address stands for itself."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    return host if ":" in host else host.encode("idna").decode("ascii").lower() if host else ""


def _within(ask: Callable[[], Sequence[str]], host: str, deadline: float) -> Sequence[str]:
    """Return what a resolver says, which knows no limit of time, in time."""
    said: list[Sequence[str] | Exception] = []

    def work() -> None:
        try:
            said.append(ask())
        except (OSError, ValueError) as error:
            said.append(error)

    thread = threading.Thread(target=work, daemon=True, name="resolve")
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    if not said:
        raise UndeliveredError(f"The name {host} was not resolved in time.")
    if isinstance(said[0], Exception):
        raise UndeliveredError(f"The name {host} cannot be resolved: {_said(said[0])}.")
    if not said[0]:
        raise UndeliveredError(f"{host} has no address.")
    return said[0]


def _request(place: Place, notice: Notice, signed: Mapping[str, str]) -> bytes:
    headers: Mapping[str, str] = {
        "Host": place.authority,
        "User-Agent": f"kaizenml/{__version__}",
        "Content-Type": "application/json",
        "Content-Length": str(len(notice.body)),
        "Connection": "close",
        **signed,
    }
    lines = [f"POST {place.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("ascii") + notice.body


def _final_head(connection: socket.socket, deadline: float) -> bytes:
    """Return status line and headers of the answer, behind those that only say that one will come (1xx)."""
    buffer = b""
    for _ in range(_MOST_INTERIM):
        while b"\r\n\r\n" not in buffer:
            if len(buffer) > MOST_HEADER_BYTES:
                raise UndeliveredError("The answer has more headers than anybody needs.")
            connection.settimeout(_left(deadline))
            part = connection.recv(4096)
            if not part:
                raise UndeliveredError("The connection ended before the answer.")
            buffer += part
        head, _, buffer = buffer.partition(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1")):
            return head
    raise UndeliveredError("The answer never came to its point.")


def _answer(head: bytes, now: datetime) -> Answer:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit() and rest[3:4] in ("", " ")):
        return Answer(None, "The receiver does not speak HTTP.")
    status = int(code)
    asked = next((value for name, _, value in (line.partition(":") for line in lines) if
                  name.strip().lower() == "retry-after"), "")  # fmt: skip
    said = "" if 200 <= status < 300 else _meaning(status)
    return Answer(status, said, seconds_to_wait(asked, now) if asked else None)


def _meaning(status: int) -> str:
    if 300 <= status < 400:
        return f"The receiver answered {status}: it is somewhere else; give its new address."
    if status == 410:
        return "The receiver answered 410: it wants nothing more."
    return f"The receiver answered {status}."


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"no TLS ({error.reason or 'ended'})"
    return str(getattr(error, "strerror", None) or type(error).__name__)
