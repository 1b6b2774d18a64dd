"""The process that sends one message by Apprise: reads it from standard input, prints what came of it.

Every connection is judged where it is made, by the address itself: a name that is resolved anew, a redirect and a proxy
change nothing. No other program is started.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import sys
from typing import Any

from kaizenml.core.address import Allowed, allowed, may_call
from kaizenml.core.process import end_with

_STARTS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty"})
_TALKS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_STATUS = re.compile(r"error=(\d{3})\b")


class Watch:
    """Judges what the process does from now on.

    Parameters
    ----------
    but
        What may be called beside public addresses.
    """

    def __init__(self, but: Allowed) -> None:
        self._but, self._names = but, dict[str, str]()
        self._resolve = socket.getaddrinfo
        self.refused: list[str] = []

    def begin(self) -> None:
        """Judge every connection, and let nothing be started."""
        socket.getaddrinfo = self._resolved
        sys.addaudithook(self._judge)

    def _resolved(self, host: Any, *words: Any, **named: Any) -> Any:
        """Remember which name an address was found under, since names may be allowed."""
        found = self._resolve(host, *words, **named)
        self._names.update({str(each[4][0]): str(host) for each in found})
        return found

    def _judge(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _STARTS:
            raise PermissionError(f"{event} is not for a sender of messages")
        if event not in _TALKS or arguments[1] is None:
            return
        address = arguments[1]
        host = str(address[0]) if isinstance(address, tuple) else ""
        if not may_call(self._names.get(host, host), host, self._but):
            self.refused.append(host)
            raise ConnectionRefusedError(f"{host or 'a socket of this machine'} is no public address")


class Statuses(logging.Handler):
    """Keeps the status codes that Apprise logs, and nothing else of it: its lines may hold what nobody should read."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the codes of a line."""
        self.found += _STATUS.findall(record.getMessage())


def answered(order: dict[str, Any]) -> dict[str, object]:
    """Return what came of an order: whether the address is known or, with a text, whether the message arrived."""
    import apprise

    service = apprise.Apprise.instantiate(order["address"])
    if service is None or "text" not in order:
        return {"is_known": service is not None, "said": "" if service else "Apprise does not know the address."}
    if "overflow=" not in order["address"]:
        service.overflow_mode = apprise.OverflowMode.TRUNCATE  # to what the service takes
    statuses = Statuses()
    logging.getLogger("apprise").addHandler(statuses)
    watch = Watch(allowed([*order["but"]["hosts"], *order["but"]["networks"]]))
    watch.begin()
    sender = apprise.Apprise()
    sender.add(service)
    came = sender.notify(
        body=order["text"],
        title=order["title"],
        notify_type=apprise.NotifyType(order["tone"]),
        body_format=apprise.NotifyFormat.TEXT,
    )
    has_arrived = bool(came)
    return {"has_arrived": has_arrived, "said": "" if has_arrived else _why(watch, statuses)}


def _why(watch: Watch, statuses: Statuses) -> str:
    if watch.refused:
        host = watch.refused[-1] or "a socket of this machine"
        return f"The service is at {host}, which is no public address; see `notify_allow`."
    if statuses.found:
        return f"The service refused the message with {statuses.found[-1]}."
    return "The service could not be reached, or refused the message."


def main() -> None:
    """Do what standard input says."""
    order = json.loads(sys.stdin.buffer.read())
    end_with(int(order["parent"]))
    print(json.dumps(answered(order)))


if __name__ == "__main__":
    main()
